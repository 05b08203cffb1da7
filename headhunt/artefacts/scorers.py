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
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from headhunt.arrays import Float64
from headhunt.artefacts import learnt, seen
from headhunt.artefacts.seen import Seen
from headhunt.errors import ArtefactError, InputError
from headhunt.files import write_atomic
from headhunt.fingerprint import Fingerprint
from headhunt.records import Head, Json, Prompt, check_format
from headhunt.scorers.scorer import Scorer
from headhunt.store import Artefact, Store
from headhunt.store.groups import Arrays

SCORER_FORMAT = "headhunt-scorer"
SCORER_VERSION = 1
LOSS = "loss"
BESIDE = (LOSS, learnt.ROW, learnt.ABNORMAL)
"""Arrays of a store's scorer that it does not compute with."""


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
        facts: Mapping[str, Any] = scorer.facts
        try:
            model, chosen = facts.get("model", {}), facts.get("head_set", {})
            return cls(
                prompt=Prompt(facts["prompt"]["id"], facts["prompt"]["text"]),
                fingerprint=Fingerprint.from_json(facts["fingerprint"], source="the fingerprint of a scorer"),
                model=model.get("model"),
                revision=model.get("revision"),
                saliency=chosen.get("metric", ""),
                head_set=chosen.get("name"),
                config=facts.get("config", {}),
                rows=facts.get("rows", 0),
                positives=facts.get("positives", 0),
                unit=facts.get("unit", "segment"),
                labelled_rows=facts.get("calibration", ""),
                videos=tuple(facts.get("videos", ())),
                learnt_from=seen.of_json(facts.get("learnt_from")),
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ArtefactError(
                "a scorer does not say what features it was fitted on", got=error, hint="fit it again with `vadkit fit`"
            ) from error


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
    """The scorer that a store's artefact holds."""
    facts = artefact.facts
    return Scorer(
        method=facts["method"],
        heads=tuple(Head(*pair) for pair in facts["heads"]),
        head_dim=facts["head_dim"],
        hidden=facts["hidden"],
        arrays={name: values for name, values in artefact.arrays.items() if name not in BESIDE},
        facts=facts["facts"],
    )


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


def write(
    store: Store,
    name: str,
    scorer: Scorer,
    *,
    loss: Float64 | None,
    config: Json,
    seed: int,
    inputs: Mapping[str, str],
    rows: Arrays,
) -> Artefact:
    """Write a scorer as `scorers/<name>`.

    Beside its arrays lie its training loss (epoch,), where there is one, and the rows it learnt from.
    """
    arrays = {key: (values, tuple(f"{key}_{i}" for i in range(values.ndim))) for key, values in scorer.arrays.items()}
    arrays |= rows
    if loss is not None:
        arrays[LOSS] = (loss, ("epoch",))
    return store.write_artefact(
        "scorers", name, stage="fit", config=config, seed=seed, inputs=inputs, facts=_described(scorer), arrays=arrays
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
    arrays_path, json_path = _paths(path)
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
    _, json_path = _paths(path)
    try:
        data: Json = json.loads(json_path.read_bytes())
    except OSError as error:
        raise ArtefactError(
            "a scorer cannot be read", got=error, expected=str(json_path), hint="check the path"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ArtefactError(f"{json_path} is damaged", got=error, hint="fit again, or copy it again") from error
    check_format(data, SCORER_FORMAT, SCORER_VERSION, source=str(json_path))
    return data


def load(path: str | os.PathLike[str]) -> Scorer:
    """Read what `save` wrote.

    Args:
        path: The stem, or either of the two names.

    Raises:
        ArtefactError: Missing, damaged, of another format or version, or the two files are not of one pair.
    """
    arrays_path, json_path = _paths(path)
    try:
        data = described(path)
        blob = arrays_path.read_bytes()
        found = hashlib.sha256(blob).hexdigest()
        if found != data["sha256"]:
            raise ArtefactError(
                f"{arrays_path} is not the file that {json_path} describes",
                got=f"sha256 {found}",
                expected=data["sha256"],
                hint="fit again, or copy both files again",
            )
        for name, value in (("head_dim", data["head_dim"]), ("hidden", data["hidden"])):
            if type(value) is not int and (name, value) != ("hidden", None):
                raise ArtefactError(f"{json_path} is damaged", got=f"{name} {value!r}", expected="a whole number")
        heads = tuple(Head(int(layer), int(head)) for layer, head in data["heads"])
        arrays = safetensors_numpy.load(blob)
        return Scorer(str(data["method"]), heads, data["head_dim"], data["hidden"], arrays, dict(data["facts"]))
    except OSError as error:
        raise ArtefactError(
            "a scorer cannot be read", got=error, expected=f"{json_path} and {arrays_path}", hint="check the path"
        ) from error
    except ArtefactError:
        raise
    except (SafetensorError, InputError, KeyError, TypeError, ValueError, OverflowError, RecursionError) as error:
        raise ArtefactError(
            f"{json_path} or {arrays_path} is damaged",
            got=f"{type(error).__name__}: {error}",
            hint="fit again, or copy both files again",
        ) from error


def _paths(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    stem = os.fspath(path)
    for ending in (".safetensors", ".json"):
        stem = stem.removesuffix(ending)
    return Path(stem + ".safetensors"), Path(stem + ".json")
