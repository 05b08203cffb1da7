"""What a name, a file or another store means when a user gives it for heads or for a scorer."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from headhunt import ranking
from headhunt.artefacts import freshness, head_sets, scorers
from headhunt.artefacts.scorers import FittedOn
from headhunt.configs.extract import ExtractConfig
from headhunt.configs.select_heads import SelectConfig, first_and_last
from headhunt.errors import ArtefactError, FingerprintError, UsageError
from headhunt.fingerprint import Fingerprint, kind_differences, version_differences
from headhunt.names import text_of
from headhunt.prompts import PromptSet
from headhunt.records import Head, HeadSet, ModelSpec
from headhunt.scorers.scorer import Scorer
from headhunt.store import Store

MADE_UP = "random:K[:SEED[:FIRST-LAST]], layer:N[:FIRST-LAST] or layer:last[:FIRST-LAST]"


@dataclass(frozen=True)
class Chosen:
    """A head set that was asked for.

    Attributes:
        head_set: The heads.
        name: Its name in the store, None where it comes from elsewhere.
        digest: Digest of that artefact, None likewise.
        notes: What the user should know of it.
        selection: How it was selected in this store; None where it was not.
    """

    head_set: HeadSet
    name: str | None = None
    digest: str | None = None
    notes: tuple[str, ...] = ()
    selection: SelectConfig | None = None


def heads(which: str | None, store: Store | None) -> Chosen:
    """The heads that a user's words stand for.

    Args:
        which: None for the store's current set; a name in the store; a JSON file; another store's folder;
            `random:K`, with `:SEED` and `:FIRST-LAST` (indices within a layer) behind it where wanted; `layer:N` or
            `layer:last`, with `:FIRST-LAST`, for all heads of a layer.
        store: The store, needed unless `which` is a file or a folder.

    Raises:
        ArtefactError: The file is damaged.
        StaleError: There is no such set.
        UsageError: The words cannot be read.
    """
    if which is not None:
        path = Path(which)
        if path.is_dir():
            other = Store(path)
            artefact = other.artefact("heads")
            return Chosen(_of(store, head_sets.of(artefact), path), notes=freshness.check(other, artefact))
        if path.is_file():
            return Chosen(_of(store, head_sets.read_file(path), path))
        if ":" in which:
            if store is None:
                raise UsageError(f"{which!r} needs a store")
            return Chosen(_made_up(which, store.spec))
        if path.suffix == ".json":
            raise ArtefactError(f"{path} does not exist", expected="a head set written by `vadkit select-heads -o`")
    assert store is not None
    found = store.artefact("heads", which)
    notes = freshness.check(store, found)
    selection = SelectConfig.stored(found.made_by["config"])
    return Chosen(head_sets.of(found), found.name, found.digest, notes, selection)


def _of(store: Store | None, head_set: HeadSet, source: Path) -> HeadSet:
    """A head set from elsewhere, which must be of the model that a store's features come from.

    Raises:
        FingerprintError: It was found in another model.
    """
    if store is not None:
        check_heads(head_set, store.fingerprint, store.spec, source=str(source), what=f"{store.path} holds")
    return head_set


def check_heads(
    head_set: HeadSet, fingerprint: Fingerprint, spec: ModelSpec, *, source: str, what: str = "is loaded"
) -> None:
    """Raise when heads were found in another model; those that do not say where they were found are taken.

    Args:
        head_set: The heads.
        fingerprint: Of the features that they are read from.
        spec: Sizes of their model.
        source: Where the heads come from, for the message.
        what: Which model it is, for the message.

    Raises:
        FingerprintError: They were.
    """
    now = {"weights": fingerprint.weights, "spec": asdict(spec)}
    lines = [
        f"{key}: found in {then}, now {value}"
        for key, value in now.items()
        if (then := head_set.provenance.get(key)) and then != value
    ]
    if lines:
        raise FingerprintError(
            f"the heads of {source} were found in another model than {what}\n" + _indented(lines),
            hint="select heads on features of this model, or take the model that they were found in",
        )


def _made_up(which: str, spec: ModelSpec) -> HeadSet:
    kind, *parts = which.split(":")
    try:
        if kind == "random" and 1 <= len(parts) <= 3:
            k, seed, among = [*parts, "", ""][:3]
            within = first_and_last(among) if among else None
            return ranking.random_heads(spec.layers, spec.heads, int(k), seed=int(seed or 0), among=within)
        if kind == "layer" and 1 <= len(parts) <= 2:
            layer = spec.layers - 1 if parts[0] == "last" else int(parts[0])
            if not 0 <= layer < spec.layers:
                raise UsageError(f"there is no layer {layer}", expected=f"0 to {spec.layers - 1}")
            first, last = first_and_last(parts[1]) if len(parts) == 2 else (0, spec.heads - 1)
            chosen = tuple(Head(layer, h) for h in range(first, min(last, spec.heads - 1) + 1))
            return HeadSet(chosen, (0.0,) * len(chosen), saliency="layer", provenance={"layer": layer})
    except ValueError as error:
        raise UsageError(f"cannot read {which!r}", got=error, expected=MADE_UP) from error
    raise UsageError(f"unknown heads {which!r}", expected=MADE_UP)


@dataclass(frozen=True)
class Named:
    """A scorer that was asked for.

    Attributes:
        scorer: The scorer.
        name: Its name.
        inputs: What to record of it as input: name -> digest.
        notes: What the user should know of it.
    """

    scorer: Scorer
    name: str
    inputs: dict[str, str]
    notes: tuple[str, ...] = ()


def scorer(which: str | None, store: Store, origin: Store | None) -> Named:
    """The scorer that a user's words stand for.

    Args:
        which: A name, a file, or None for the current scorer.
        store: The store that is worked on.
        origin: Another store to take the scorer from, or None.

    Raises:
        ArtefactError: The file is damaged.
        StaleError: There is no such scorer, or what it was made from changed.
    """
    if which is not None and (Path(which).is_file() or Path(which).suffix in {".json", ".safetensors"}):
        found = scorers.load(which)
        name, named = text_of(Path(which).stem), text_of(Path(which).name)
        return Named(found, name, {f"file:{named}": scorers.digest(found)})
    home = store if origin is None else origin
    artefact = home.artefact("scorers", which)
    key = f"scorers/{artefact.name}" if origin is None else f"from:scorers/{artefact.name}"
    notes = freshness.check(home, artefact)
    return Named(scorers.of(artefact), artefact.name, {key: artefact.digest}, notes)


@dataclass(frozen=True)
class Wanted:
    """What a lean extraction is told by `--heads`; None where that is left open.

    Attributes:
        heads: The heads.
        prompts: The prompts that are read.
        context: Whether the context is read.
        like: The store that all this was learnt in: features must be of the same kind.
        head_set: The heads as a file has them, which says the model they were found in.
    """

    heads: tuple[Head, ...] | None = None
    prompts: PromptSet | None = None
    context: bool | None = None
    like: Path | None = None
    head_set: HeadSet | None = None


def wanted(which: str, store_path: Path | None) -> Wanted:
    """What to extract for `--heads`.

    A store with scorers gives all that its scorers read; a store without, its current head set and scoring prompt.

    Args:
        which: "all"; a head set's JSON file; another store's folder; or what `heads` takes as a name in the store.
        store_path: The store that is extracted into; needed for a name only.

    Raises:
        UsageError: A name, but there is no store yet.
        ArtefactError: The file is damaged.
        StaleError: There is no such set.
    """
    if which == "all":
        return Wanted()
    path = Path(which)
    if path.is_dir():
        origin = Store(path)
        fitted = [scorers.of(origin.artefact("scorers", name)) for name in origin.names("scorers")]
        if not fitted:
            chosen = heads(which, None).head_set.heads
            return Wanted(chosen, prompts_of(origin, {default_prompt(origin)}), like=path)
        return Wanted(
            heads=tuple(dict.fromkeys(head for one in fitted for head in one.heads)),
            prompts=prompts_of(origin, {FittedOn.of(one).prompt.id for one in fitted}),
            context=any(one.hidden is not None for one in fitted),
            like=path,
        )
    named = not path.is_file() and path.suffix != ".json"
    if named and (store_path is None or not store_path.exists()):
        raise UsageError(
            f"{which!r} names no head set file and no store",
            got=f"and there is no store {store_path} that could hold a set of that name",
            expected="all, a JSON file, a store's folder, or a name in the store",
        )
    found = heads(which, Store(store_path) if named and store_path is not None else None).head_set
    return Wanted(found.heads, head_set=None if named else found)


def look_up(config: ExtractConfig, store_path: Path | None) -> ExtractConfig:
    """A configuration whose `heads` are heads: the set, file or store they were named by is read.

    Prompts, context and the store to agree with follow from what was named, unless the configuration says otherwise.

    Args:
        config: As the user gave it.
        store_path: The store that is extracted into; needed where a set in it is named.
    """
    if not isinstance(config.heads, str) or config.heads == "all":
        return config
    found = wanted(config.heads, store_path)
    theirs = found.prompts is not None and config.prompts == ExtractConfig.prompts
    prompts = found.prompts if theirs and found.prompts is not None else config.prompts
    ids = found.prompts.ids if theirs and found.prompts is not None else None
    return replace(
        config,
        heads=found.heads,
        like=found.like if config.like is None else config.like,
        head_set=found.head_set,
        prompts=prompts,
        prompt_ids=config.prompt_ids if config.prompt_ids is not None else ids,
        context=config.context if config.context is not None else found.context,
    )


def default_prompt(store: Store) -> str:
    """The prompt that scorers read unless told otherwise: the prompt set's scoring one, else the store's first."""
    scoring = store.info.get("scoring")
    return scoring if scoring in store.prompts else store.prompts[0]


def prompts_of(store: Store, ids: set[str]) -> PromptSet:
    """The prompts of a store with these ids, as its extraction asked them."""
    chosen = tuple(prompt for prompt in store.fingerprint.prompts if prompt.id in ids)
    scoring = default_prompt(store)
    return PromptSet(
        name=str(store.info.get("prompt_set", "store")),
        prompts=chosen,
        scoring=scoring if scoring in ids else chosen[0].id,
        frame_text=store.fingerprint.frame_text,
        system=store.fingerprint.system,
    )


def check_scorer(found: Scorer, store: Store) -> list[str]:
    """Raise when a scorer was fitted on features of another kind than the store's; say where only versions differ.

    Raises:
        FingerprintError: It was.
        ArtefactError: It does not say what it was fitted on, or reads heads that the model does not have.
    """
    check_fits(found, store.fingerprint, store.spec, what=f"{store.path} holds")
    return version_differences(FittedOn.of(found).fingerprint, store.fingerprint)


def check_fits(found: Scorer, fingerprint: Fingerprint, spec: ModelSpec, *, what: str = "the model gives") -> None:
    """Raise when a scorer cannot read features of this kind; that can be said before there are any.

    Args:
        found: The scorer.
        fingerprint: Of the features.
        spec: Sizes of their model.
        what: Which features they are, for the message.

    Raises:
        FingerprintError: It was fitted on features of another kind.
        ArtefactError: It does not say what it was fitted on, or reads heads that the model does not have.
    """
    fitted = FittedOn.of(found)
    lines = kind_differences(
        fitted.fingerprint, fingerprint, prompts=(fitted.prompt,), context=found.hidden is not None
    )
    if lines:
        raise FingerprintError(
            f"the scorer was fitted on other features than {what}\n" + _indented(lines),
            hint="extract with the scorer's model, prompt and sampling, or fit again on these features",
        )
    absent = [str(head) for head in found.heads if head.layer >= spec.layers or head.head >= spec.heads]
    if absent or found.head_dim != spec.head_dim or found.hidden not in {None, spec.hidden}:
        raise ArtefactError(
            "the scorer does not fit the model",
            got=f"heads {', '.join(absent)}" if absent else f"heads of {found.head_dim}, hidden {found.hidden}",
            expected=f"{spec.layers} layers x {spec.heads} heads of {spec.head_dim}, hidden {spec.hidden}",
            hint="take the scorer that was fitted on this model",
        )


def check_like(other: Store, fingerprint: Fingerprint) -> None:
    """Raise, before the expensive pass, when its features would not be of the kind that another store's heads read.

    Raises:
        FingerprintError: They would not.
    """
    ids = {prompt.id for prompt in fingerprint.prompts}
    read = tuple(prompt for prompt in other.fingerprint.prompts if prompt.id in ids)
    lines = kind_differences(other.fingerprint, fingerprint, prompts=read, context=False)
    if lines:
        raise FingerprintError(
            f"the features would not be of the kind that {other.path} holds\n" + _indented(lines),
            hint="extract with the options of that store, or take the heads from a JSON file",
        )


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line.replace('store ', 'fitted on ', 1)}" for line in lines)
