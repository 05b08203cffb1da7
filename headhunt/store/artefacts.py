"""Artefacts: the groups that stages write, with where they came from; knows no videos, segments or features.

`root` is the Zarr group of the store, `path` its folder for messages.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy.typing as npt

from headhunt.errors import DamagedError, InputError, StaleError
from headhunt.records import Json
from headhunt.store import groups
from headhunt.store.chunks import UNREADABLE
from headhunt.store.groups import Arrays
from headhunt.store.layout import KINDS
from headhunt.version import __version__

STAGE_OF = {
    "heads": "select-heads",
    "scorers": "fit",
    "scores": "score",
    "calibrations": "localize --calibrate",
    "events": "localize",
    "metrics": "evaluate",
}


@dataclass(frozen=True)
class Artefact:
    """One group a stage wrote: its kind and name, arrays, facts and where it came from."""

    kind: str
    name: str
    arrays: Mapping[str, npt.NDArray[Any]]
    facts: Json
    made_by: Json
    digest: str


def names(path: Path, kind: str) -> tuple[str, ...]:
    """Names of the complete artefacts of a kind, sorted; a damaged one is among them."""
    parent = path / kind
    found = parent.iterdir() if parent.is_dir() else ()  # those with a dot are being written
    return tuple(sorted(f.name for f in found if not f.name.startswith(".") and f.is_dir() and _complete(f)))


def _complete(folder: Path) -> bool:
    try:
        attributes = json.loads((folder / "zarr.json").read_bytes())["attributes"]
    except FileNotFoundError:
        return False
    except (*UNREADABLE, RecursionError):
        return True
    return bool(attributes.get("complete")) if isinstance(attributes, dict) else True


def current(root: Any, path: Path, kind: str) -> str | None:
    """Name of the artefact of a kind that was made last; None when there is none.

    Raises:
        DamagedError: The group that says so is damaged.
    """
    try:
        name = root[kind].attrs.get("current") if kind in root else None
    except UNREADABLE as error:
        raise DamagedError(f"{kind} of {path} is damaged", got=error, hint=f"run `vadkit {STAGE_OF[kind]}`") from error
    if name is not None and not isinstance(name, str):
        raise DamagedError(f"{kind} of {path} does not name what was made last", got=name, expected="a name")
    return name


def read(root: Any, path: Path, kind: str, name: str | None = None) -> Artefact:
    """Read an artefact as it was at one moment; without a name the one made last.

    Raises:
        StaleError: It is not there, or was not finished.
        DamagedError: It does not hold what was written.
    """
    name = current(root, path, kind) if name is None else name
    hint = f"run `vadkit {STAGE_OF[kind]}` again"
    try:
        found = None if name is None else groups.read(path / kind / name, _meaning, hint=hint)
    except DamagedError:
        if name in names(path, kind):
            raise
        found = None  # it was never finished
    if name is None or found is None or not found.attributes.get("complete"):
        raise StaleError(
            f"{path} has no {kind}" + (f" {name!r}" if name else ""),
            got=", ".join(names(path, kind)) or "none",
            hint=f"run `vadkit {STAGE_OF[kind]}` first",
        )
    attrs = found.attributes
    if not isinstance(attrs["made_by"].get("inputs"), dict):
        raise DamagedError(f"{path / kind / name} does not say what it was made from", hint=hint)
    return Artefact(kind, name, found.arrays, attrs["facts"], attrs["made_by"], attrs["digest"])


def _meaning(attributes: Json) -> object:
    """What an artefact's digest depends on beside its arrays: not when, from what or by which version it was made."""
    made_by = attributes["made_by"]
    return [attributes["facts"], made_by["config"], made_by["seed"]]


def write(
    root: Any,
    path: Path,
    kind: str,
    name: str,
    *,
    stage: str,
    config: Json,
    seed: int | None,
    inputs: Mapping[str, str],
    facts: Json,
    arrays: Arrays,
) -> Artefact:
    """Write an artefact group and make it the current one of its kind.

    Its files are made in memory and put in place together: who reads sees the artefact that was there or the new one,
    and an artefact stays as it was when the disk refuses the one that was to replace it.

    Args:
        root: Root of the store.
        path: Its folder.
        kind: "heads", "scorers", "scores", "events" or "metrics".
        name: Letters, digits, dot, dash and underscore.
        stage: The stage that made it.
        config: Its configuration.
        seed: Its seed, None when no chance was involved.
        inputs: What it was made from: name -> digest.
        facts: Anything else, as JSON.
        arrays: name -> (array, dimension names).

    Raises:
        InputError: No such name can be given.
        OSError: The disk refuses.
    """
    assert kind in KINDS
    check_name(name)
    made_by = {
        "stage": stage,
        "version": __version__,
        "config": config,
        "seed": seed,
        "inputs": dict(sorted(inputs.items())),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    plain = {key: values for key, (values, _) in arrays.items()}
    value = groups.digest(_meaning({"facts": facts, "made_by": made_by}), plain)
    parent = root.require_group(kind)
    attributes = {"made_by": made_by, "facts": facts, "digest": value, "complete": True}
    groups.write(path / kind / name, attributes, arrays)
    parent.attrs["current"] = name
    return Artefact(kind, name, plain, facts, made_by, value)


def check_name(name: str) -> None:
    """Raise unless an artefact can have this name.

    Raises:
        InputError: It cannot.
    """
    if not name or not all(c.isalnum() or c in "._-" for c in name) or name.startswith("."):
        raise InputError("a name may hold letters, digits, '.', '-' and '_' only", got=name)
