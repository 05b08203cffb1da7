"""Scorers: as a group of a store and as a pair of files, with what they were fitted on.

On disk a scorer is `PATH.safetensors` beside `PATH.json`. The first holds the arrays. The second is a JSON object with
`format` "headhunt-scorer", `version` 1, `method`, `heads` [[layer, head], ...], `head_dim`, `hidden`, `facts`, and
`sha256` of the other file; also `calibration` where it was saved with one, see `calibrations`. A store keeps the same,
without calibration: the facts as JSON, the arrays as arrays.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import numpy as safetensors_numpy

from headhunt.arrays import Float64
from headhunt.artefacts import learnt, seen, tensors
from headhunt.artefacts.schemas import FittedOnFacts, ScorerFacts, ScorerFile
from headhunt.artefacts.seen import Seen
from headhunt.documents import MalformedError, read_bytes, read_json, shown
from headhunt.errors import ArtefactError
from headhunt.files import write_atomic
from headhunt.fingerprint import Fingerprint
from headhunt.records import Head, Json, Prompt, check_format
from headhunt.schemas import checked
from headhunt.scorers.scorer import Scorer
from headhunt.store import Artefact, Store
from headhunt.store.damage import reading
from headhunt.store.groups import Arrays

SCORER_FORMAT = "headhunt-scorer"
SCORER_VERSION = 1
LOSS = "loss"
FOLD_ROW, FOLD_SCORE, FOLD = "fold_row", "fold_score", "fold"
"""Segments that were scored out of fold, their scores, and the fold of each."""
BESIDE = (LOSS, learnt.ROW, learnt.ABNORMAL, FOLD_ROW, FOLD_SCORE, FOLD)
"""Arrays of a store's scorer that it does not compute with."""
AGAIN = "fit again, or copy both files again"


@dataclass(frozen=True)
class FittedOn:
    """What a scorer was fitted on: the features it may read, and where its rows came from.

    Attributes:
        prompt: The prompt whose features it reads.
        fingerprint: Of those features.
        model: The model, as it was asked for.
        revision: Its revision.
        saliency: What its heads were ranked by.
        head_set: Name of its head set in the store, None for one from elsewhere.
        config: Configuration of the fit.
        rows: How many labelled rows it was fitted on.
        positives: How many of them are abnormal.
        unit: Their unit.
        labelled_rows: Digest of those rows and their labels.
        videos: The videos they come from, sorted.
        learnt_from: All videos that the scorer owes something to, those its heads were selected on included.
    """

    prompt: Prompt
    fingerprint: Fingerprint
    model: str | None = None
    revision: str | None = None
    saliency: str = ""
    head_set: str | None = None
    config: Json = field(default_factory=dict)
    rows: int = 0
    positives: int = 0
    unit: str = "segment"
    labelled_rows: str = ""
    videos: tuple[str, ...] = ()
    learnt_from: tuple[Seen, ...] = ()

    def to_json(self) -> Json:
        """The facts of a scorer."""
        return {
            "prompt": {"id": self.prompt.id, "text": self.prompt.text},
            "fingerprint": self.fingerprint.to_json(),
            "model": {"model": self.model, "revision": self.revision},
            "head_set": {"metric": self.saliency, "name": self.head_set},
            "config": self.config,
            "rows": self.rows,
            "positives": self.positives,
            "unit": self.unit,
            "calibration": self.labelled_rows,
            "videos": list(self.videos),
            **({"learnt_from": [list(pair) for pair in self.learnt_from]} if self.learnt_from else {}),
        }

    @classmethod
    def of(cls, scorer: Scorer) -> FittedOn:
        """What a scorer's facts say.

        Raises:
            ArtefactError: They do not say what features it was fitted on.
        """
        found = checked(
            FittedOnFacts,
            dict(scorer.facts),
            "a scorer does not say what features it was fitted on",
            hint="fit it again with `vadkit fit`",
        )
        return cls(
            prompt=Prompt(found.prompt.id, found.prompt.text),
            fingerprint=Fingerprint.from_json(found.fingerprint, source="the fingerprint of a scorer"),
            model=found.model.model,
            revision=found.model.revision,
            saliency=found.head_set.metric,
            head_set=found.head_set.name,
            config=found.config,
            rows=found.rows,
            positives=found.positives,
            unit=found.unit,
            labelled_rows=found.calibration,
            videos=tuple(found.videos),
            learnt_from=seen.of_json(found.learnt_from),
        )


def digest(scorer: Scorer) -> str:
    """Digest of a scorer's numbers."""
    total = hashlib.sha256()
    for name in sorted(scorer.arrays):
        total.update(name.encode() + scorer.arrays[name].tobytes())
    return f"sha256:{total.hexdigest()}"


def _described(scorer: Scorer) -> Json:
    return {
        "method": scorer.method,
        "heads": [[head.layer, head.head] for head in scorer.heads],
        "head_dim": scorer.head_dim,
        "hidden": scorer.hidden,
        "facts": dict(scorer.facts),
    }


def of(artefact: Artefact) -> Scorer:
    """The scorer that a store's artefact holds.

    Raises:
        DamagedError: It is damaged.
    """
    what = f"scorers/{artefact.name}"
    with reading(what, hint="run `vadkit fit` again"):
        facts = checked(ScorerFacts, artefact.facts, f"{what} is damaged")
        arrays = {name: values for name, values in artefact.arrays.items() if name not in BESIDE}
        found = _scorer(facts, arrays)
        FittedOn.of(found)
    return found


def _scorer(facts: ScorerFacts, arrays: Mapping[str, Any]) -> Scorer:
    heads = tuple(Head(layer, head) for layer, head in facts.heads)
    return Scorer(facts.method, heads, facts.head_dim, facts.hidden, arrays, facts.facts)


def made(store: Store, scores: Artefact) -> Scorer:
    """The scorer that made some scores of a store, from wherever it was taken.

    Raises:
        ArtefactError: Its file is gone or damaged.
        StoreError: It is no longer in its store.
    """
    config, name = scores.made_by["config"], scores.facts["scorer"]
    if any(source.startswith("file:") for source in scores.made_by["inputs"]):
        return load(config["scorer"])
    home = store if config.get("origin") is None else Store(config["origin"])
    return of(home.artefact("scorers", name))


def out_of_fold(store: Store, scores: Artefact) -> dict[int, float] | None:
    """Row -> score by a scorer that never saw its video, for the videos that the scorer of these scores was fitted on.

    None where there are none: it was fitted without folds, or comes from a file or another store.
    """
    for source in scores.made_by["inputs"]:
        kind, _, name = source.partition("/")
        if kind == "scorers":
            arrays = store.artefact(kind, name).arrays
            if FOLD_ROW in arrays:
                return dict(zip(arrays[FOLD_ROW].tolist(), arrays[FOLD_SCORE].tolist(), strict=True))
    return None


def write(
    store: Store,
    name: str,
    scorer: Scorer,
    *,
    loss: Float64 | None,
    config: Json,
    seed: int,
    inputs: Mapping[str, str],
    beside: Arrays,
    folds: Json | None,
) -> Artefact:
    """Write a scorer as `scorers/<name>`.

    Args:
        store: The store, writable.
        name: Name of the scorer.
        scorer: The scorer.
        loss: Its training loss (epoch,), None where it has none.
        config: Configuration of the stage.
        seed: Its seed.
        inputs: What it was made from: name -> digest.
        beside: What lies beside its arrays: the rows it learnt from, and scores out of fold where there are some.
        folds: How those were made, None where there are none.
    """
    arrays = {key: (values, tuple(f"{key}_{i}" for i in range(values.ndim))) for key, values in scorer.arrays.items()}
    arrays |= beside
    if loss is not None:
        arrays[LOSS] = (loss, ("epoch",))
    return store.write_artefact(
        "scorers",
        name,
        stage="fit",
        config=config,
        seed=seed,
        inputs=inputs,
        facts=_described(scorer) | ({} if folds is None else {"folds": folds}),
        arrays=arrays,
    )


def save(scorer: Scorer, path: str | os.PathLike[str], *, calibration: Json | None = None) -> None:
    """Write `PATH.safetensors` and `PATH.json`, each whole or not at all, the arrays first.

    A process killed between the two leaves a pair whose digest does not match, which `load` refuses.

    Args:
        scorer: What to write.
        path: The stem, or either of the two names. The folder must exist.
        calibration: How its scores become events, as JSON; None to say nothing of it.

    Raises:
        HeadhuntError: The disk is full, or the place cannot be written.
    """
    arrays_path, json_path = files_of(path)
    blob = safetensors_numpy.save({name: np.ascontiguousarray(array) for name, array in scorer.arrays.items()})
    data = {
        "format": SCORER_FORMAT,
        "version": SCORER_VERSION,
        **_described(scorer),
        "sha256": hashlib.sha256(blob).hexdigest(),
        **({} if calibration is None else {"calibration": calibration}),
    }
    write_atomic(arrays_path, blob)
    write_atomic(json_path, (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def described(path: str | os.PathLike[str]) -> Json:
    """What the JSON file of a scorer says.

    Raises:
        ArtefactError: Missing, damaged, or of another format or version.
    """
    _, json_path = files_of(path)
    try:
        data = read_json(json_path)
    except OSError as error:
        raise ArtefactError(
            "a scorer cannot be read", got=error, expected=str(json_path), hint="check the path"
        ) from error
    except MalformedError as error:
        raise ArtefactError(f"{json_path} is damaged", got=error, hint=AGAIN) from error
    check_format(data, SCORER_FORMAT, SCORER_VERSION, source=str(json_path))
    assert isinstance(data, dict)
    return data


def load(path: str | os.PathLike[str]) -> Scorer:
    """Read what `save` wrote.

    Args:
        path: The stem, or either of the two names.

    Raises:
        ArtefactError: Missing, damaged, of another format or version, or the two files are not of one pair.
    """
    arrays_path, json_path = files_of(path)
    try:
        facts = checked(ScorerFile, described(path), f"{json_path} is damaged", hint=AGAIN)
        blob = read_bytes(arrays_path, most=tensors.MOST_BYTES)
        found = hashlib.sha256(blob).hexdigest()
        if found != facts.sha256:
            raise ArtefactError(
                f"{arrays_path} is not the file that {json_path} describes",
                got=f"sha256 {found}",
                expected=shown(facts.sha256),
                hint=AGAIN,
            )
        return _scorer(facts, tensors.read(blob))
    except OSError as error:
        raise ArtefactError(
            "a scorer cannot be read", got=error, expected=f"{json_path} and {arrays_path}", hint="check the path"
        ) from error
    except MalformedError as error:
        raise ArtefactError(f"{json_path} or {arrays_path} is damaged", got=error, hint=AGAIN) from error


def files_of(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The two files of a scorer, that of the arrays first, from their stem or the name of either."""
    stem = os.fspath(path)
    for ending in (".safetensors", ".json"):
        stem = stem.removesuffix(ending)
    return Path(stem + ".safetensors"), Path(stem + ".json")
