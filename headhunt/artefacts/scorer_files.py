"""Scorers on disk: `PATH.safetensors` beside `PATH.json`.

The first holds the arrays. The second is a JSON object with `format` "headhunt-scorer", `version` 1, `method`, `heads`
[[layer, head], ...], `head_dim`, `hidden`, `facts`, and `sha256` of the other file.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors_numpy

from headhunt.errors import ArtefactError, InputError
from headhunt.files import write_atomic
from headhunt.records import Head, Json, check_format
from headhunt.scorers.scorer import Scorer

SCORER_FORMAT = "headhunt-scorer"
SCORER_VERSION = 1


def save(scorer: Scorer, path: str | os.PathLike[str]) -> None:
    """Write `PATH.safetensors` and `PATH.json`, each whole or not at all, the arrays first.

    A process killed between the two leaves a pair whose digest does not match, which `load` refuses.

    Args:
        scorer: What to write.
        path: The stem, or either of the two names. The folder must exist.

    Raises:
        HeadhuntError: The disk is full, or the place cannot be written.
    """
    arrays_path, json_path = _paths(path)
    blob = safetensors_numpy.save({name: np.ascontiguousarray(array) for name, array in scorer.arrays.items()})
    data = {
        "format": SCORER_FORMAT,
        "version": SCORER_VERSION,
        "method": scorer.method,
        "heads": [[head.layer, head.head] for head in scorer.heads],
        "head_dim": scorer.head_dim,
        "hidden": scorer.hidden,
        "facts": dict(scorer.facts),
        "sha256": hashlib.sha256(blob).hexdigest(),
    }
    write_atomic(arrays_path, blob)
    write_atomic(json_path, (json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode())


def load(path: str | os.PathLike[str]) -> Scorer:
    """Read what `save` wrote.

    Args:
        path: The stem, or either of the two names.

    Raises:
        ArtefactError: Missing, damaged, of another format or version, or the two files are not of one pair.
    """
    arrays_path, json_path = _paths(path)
    try:
        data: Json = json.loads(json_path.read_bytes())
        check_format(data, SCORER_FORMAT, SCORER_VERSION, source=str(json_path))
        blob = arrays_path.read_bytes()
        digest = hashlib.sha256(blob).hexdigest()
        if digest != data["sha256"]:
            raise ArtefactError(
                f"{arrays_path} is not the file that {json_path} describes",
                got=f"sha256 {digest}",
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
