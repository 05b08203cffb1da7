"""Head sets and scorers by what a user names them with: a name in the store, a file, another store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headhunt import ranking
from headhunt.artefacts import scorer_files
from headhunt.errors import ArtefactError, FingerprintError, UsageError
from headhunt.prompts import Prompt, PromptSet
from headhunt.records import Head, HeadSet, Json
from headhunt.scorers.scorer import Scorer
from headhunt.store import Artefact, Store
from headhunt.store.writer import differences

# What must agree between the features a scorer was fitted on and those it is used on.
BINDING = (
    "weights",
    "architecture",
    "config",
    "dtype",
    "attention",
    "preprocess",
    "frame_text",
    "system",
    "context",
)
VERSIONS = ("transformers", "decoder", "method")


def load_heads(which: str | None, store: Store | None) -> tuple[HeadSet, str | None, str | None]:
    """A head set and, when it lives in the store, its name there and digest.

    Args:
        which: None for the store's current set; a name in the store; a JSON file; another store's folder;
            `random:K` or `random:K:SEED`; `layer:N` or `layer:last` for all heads of a layer.
        store: The store, needed unless `which` is a file or folder.

    Raises:
        ArtefactError: The file is damaged.
        StaleError: There is no such set.
    """
    if which is not None:
        path = Path(which)
        if path.is_dir():
            return HeadSet.from_json(Store(path).artefact("heads").facts["head_set"], source=which), None, None
        if path.is_file():
            return read_heads(path), None, None
        if ":" in which:
            if store is None:
                raise UsageError(f"{which!r} needs a store")
            return _made_up(which, store.spec), None, None
        if path.suffix == ".json":
            raise ArtefactError(f"{path} does not exist", expected="a head set written by `vadkit select-heads -o`")
    assert store is not None
    found = store.artefact("heads", which)
    return HeadSet.from_json(found.facts["head_set"], source=found.name), found.name, found.digest


def read_heads(path: Path) -> HeadSet:
    """A head set from its JSON file.

    Raises:
        ArtefactError: Not JSON, or of another format.
    """
    try:
        return HeadSet.from_json(json.loads(path.read_text(encoding="utf-8")), source=str(path))
    except (OSError, ValueError) as error:
        raise ArtefactError(
            f"{path} is not a head set", got=error, hint="write one with `vadkit select-heads -o`"
        ) from error


def _made_up(which: str, spec: Json) -> HeadSet:
    kind, _, rest = which.partition(":")
    try:
        if kind == "random":
            k, _, seed = rest.partition(":")
            return ranking.random_heads(spec["layers"], spec["heads"], int(k), seed=int(seed or 0))
        if kind == "layer":
            layer = spec["layers"] - 1 if rest == "last" else int(rest)
            if not 0 <= layer < spec["layers"]:
                raise UsageError(f"there is no layer {layer}", expected=f"0 to {spec['layers'] - 1}")
            chosen = tuple(Head(layer, h) for h in range(spec["heads"]))
            return HeadSet(chosen, (0.0,) * len(chosen), metric="layer", provenance={"layer": layer})
    except ValueError as error:
        raise UsageError(f"cannot read {which!r}", got=error) from error
    raise UsageError(f"unknown heads {which!r}", expected="random:K, random:K:SEED, layer:N or layer:last")


def load_scorer(which: str | None, store: Store, origin: Store | None) -> tuple[Scorer, str, dict[str, str]]:
    """A scorer, its name, and what to record of it as input.

    Args:
        which: A name, a file, or None for the current scorer.
        store: The store that is worked on.
        origin: Another store to take the scorer from, or None.
    """
    if which is not None and (Path(which).is_file() or Path(which).suffix in {".json", ".safetensors"}):
        found = scorer_files.load(which)
        return found, Path(which).stem, {f"file:{Path(which).name}": scorer_digest(found)}
    home = origin or store
    artefact = home.artefact("scorers", which)
    home.check_fresh(artefact)
    key = f"scorers/{artefact.name}" if origin is None else f"from:scorers/{artefact.name}"
    return scorer_from(artefact), artefact.name, {key: artefact.digest}


@dataclass(frozen=True)
class Wanted:
    """What a lean extraction is told by `--heads`; None where that is left open.

    Attributes:
        heads: The heads.
        prompts: The prompts that are read.
        context: Whether the context is read.
        like: The store that all this was learnt in: features must be of the same kind.
    """

    heads: tuple[Head, ...] | None = None
    prompts: PromptSet | None = None
    context: bool | None = None
    like: Path | None = None


def wanted(which: str, store_path: Path) -> Wanted:
    """What to extract for `--heads`.

    A store with scorers gives all that its scorers read; a store without, its current head set and scoring prompt.

    Args:
        which: "all"; a head set's JSON file; another store's folder; or what `load_heads` takes as a name in the store.
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
        scorers = [scorer_from(origin.artefact("scorers", name)) for name in origin.names("scorers")]
        if not scorers:
            heads = load_heads(which, None)[0].heads
            return Wanted(heads, _prompts(origin, {default_prompt(origin)}), like=path)
        return Wanted(
            heads=tuple(dict.fromkeys(head for scorer in scorers for head in scorer.heads)),
            prompts=_prompts(origin, {scorer.facts["prompt"]["id"] for scorer in scorers}),
            context=any(scorer.hidden is not None for scorer in scorers),
            like=path,
        )
    named = not path.is_file() and path.suffix != ".json"
    if named and not store_path.exists():
        raise UsageError(
            f"{which!r} names no head set file and no store",
            got=f"and there is no store {store_path} that could hold a set of that name",
            expected="all, a JSON file, a store's folder, or a name in the store",
        )
    return Wanted(load_heads(which, Store(store_path) if named else None)[0].heads)


def default_prompt(store: Store) -> str:
    """The prompt scorers read unless told otherwise: the prompt set's scoring one, else the store's first."""
    scoring = store.info.get("scoring")
    return scoring if scoring in store.prompts else store.prompts[0]


def _prompts(store: Store, ids: set[str]) -> PromptSet:
    """The prompts of a store with these ids, as its extraction asked them."""
    chosen = tuple(Prompt(p["id"], p["text"]) for p in store.fingerprint["prompts"] if p["id"] in ids)
    scoring = default_prompt(store)
    return PromptSet(
        name=str(store.info.get("prompt_set", "store")),
        prompts=chosen,
        scoring=scoring if scoring in ids else chosen[0].id,
        frame_text=store.fingerprint["frame_text"],
        system=store.fingerprint["system"],
    )


def scorer_from(artefact: Artefact) -> Scorer:
    """The scorer a store's artefact holds."""
    facts = artefact.facts
    return Scorer(
        method=facts["method"],
        heads=tuple(Head(*pair) for pair in facts["heads"]),
        head_dim=facts["head_dim"],
        hidden=facts["hidden"],
        arrays={k: v for k, v in artefact.arrays.items() if k != "loss"},
        facts=facts["facts"],
    )


def scorer_digest(found: Scorer) -> str:
    """Digest of a scorer's numbers."""
    import hashlib

    total = hashlib.sha256()
    for name in sorted(found.arrays):
        total.update(name.encode() + found.arrays[name].tobytes())
    return f"sha256:{total.hexdigest()}"


def check_scorer(found: Scorer, store: Store) -> list[str]:
    """Raise when a scorer was fitted on features of another kind than the store's; say where only versions differ.

    Raises:
        FingerprintError: It was.
    """
    fitted: dict[str, Any] = dict(found.facts.get("fingerprint") or {})
    if not fitted:
        raise ArtefactError("a scorer does not say what features it was fitted on", hint="fit it again")
    lines = _kind(fitted, store.fingerprint, [found.facts["prompt"]], context=found.hidden is not None)
    if lines:
        raise FingerprintError(
            f"the scorer was fitted on other features than {store.path} holds\n" + _indented(lines),
            hint="extract with the scorer's model, prompt and sampling, or fit again on this store",
        )
    return differences({k: fitted.get(k) for k in VERSIONS}, {k: store.fingerprint.get(k) for k in VERSIONS})


def check_like(other: Store, fingerprint: Json) -> None:
    """Raise, before the expensive pass, when its features would not be of the kind that another store's heads read.

    Raises:
        FingerprintError: They would not.
    """
    read = [p for p in other.fingerprint["prompts"] if p["id"] in {p["id"] for p in fingerprint["prompts"]}]
    lines = _kind(other.fingerprint, fingerprint, read, context=False)
    if lines:
        raise FingerprintError(
            f"the features would not be of the kind that {other.path} holds\n" + _indented(lines),
            hint="extract with the options of that store, or take the heads from a JSON file",
        )


def _kind(fitted: Json, now: Json, prompts: list[Json], *, context: bool) -> list[str]:
    """A line for everything that must agree between two sets of features and does not."""
    keys = [key for key in BINDING if key != "context" or context]
    lines = differences({k: fitted.get(k) for k in keys}, {k: now.get(k) for k in keys})
    frames = (fitted["sampling"]["n_frames"], now["sampling"]["n_frames"])
    if frames[0] != frames[1]:
        lines.append(f"n_frames: store {frames[0]}, now {frames[1]}")
    for prompt in prompts:
        if prompt not in now["prompts"]:
            lines.append(f"prompt: {prompt['id']!r} ({prompt['text']!r}) is read, but not asked now")
    return lines


def _indented(lines: list[str]) -> str:
    return "\n".join(f"    {line.replace('store ', 'fitted on ', 1)}" for line in lines)
