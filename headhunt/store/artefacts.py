"""Artefacts: the groups that stages write, with where they came from; knows no videos, segments or features.

`root` is the Zarr group of the store, `path` its folder for messages.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.documents import shown
from headhunt.errors import InputError, StaleError
from headhunt.records import Json, canonical_json
from headhunt.schemas import checked
from headhunt.store.damage import reading
from headhunt.store.layout import KINDS
from headhunt.store.schemas import ArtefactAttributes
from headhunt.version import __version__

Arrays = Mapping[str, tuple[npt.NDArray[Any], tuple[str, ...]]]

LONGEST_NAME = 200  # bytes: file systems give names 255

STAGE_OF = {
    "heads": "select-heads",
    "scorers": "fit",
    "scores": "score",
    "events": "localize",
    "metrics": "evaluate",
}


@dataclass(frozen=True)
class Artefact:
    """One group a stage wrote: its name, arrays, facts and where it came from."""

    name: str
    arrays: Mapping[str, npt.NDArray[Any]]
    facts: Json
    made_by: Json
    digest: str


def names(root: Any, kind: str) -> tuple[str, ...]:
    """Names of the complete artefacts of a kind, sorted."""
    with reading(f"the list of {kind}"):
        if kind not in root:
            return ()
        group = root[kind]
        found = (name for name in group.group_keys() if not name.startswith("."))  # those are being written
        return tuple(sorted(name for name in found if _is_complete(group[name])))


def read(root: Any, path: Path, kind: str, name: str | None = None) -> Artefact:
    """Read an artefact; without a name the one made last.

    Raises:
        StaleError: It is not there, or was not finished.
    """
    if name is None:
        with reading(f"the list of {kind} of {path}"):
            name = root[kind].attrs.get("current") if kind in root else None
    group = None if name is None else _complete(root, kind, name)
    if name is None or group is None:
        raise StaleError(
            f"{path} has no {kind}" + (f" {name!r}" if name else ""),
            got=", ".join(names(root, kind)) or "none",
            hint=f"run `vadkit {STAGE_OF[kind]}` first",
        )
    with reading(f"{kind}/{name} of {path}", hint=f"run `vadkit {STAGE_OF[kind]}` again"):
        attrs = dict(group.attrs)
        checked(ArtefactAttributes, attrs, f"{kind}/{name} is damaged")
        found = dict(group.arrays())
        arrays = {key: np.asarray(found[key][...]) for key in sorted(found)}
    return Artefact(name, arrays, attrs["facts"], attrs["made_by"], attrs["digest"])


def _complete(root: Any, kind: str, name: str) -> Any:
    """The group of an artefact, None when it is not there or was not finished."""
    import zarr

    if not is_name(name):
        return None
    with reading(f"{kind}/{name}", hint=f"run `vadkit {STAGE_OF[kind]}` again"):
        try:
            group = root[f"{kind}/{name}"]
        except KeyError:
            return None
        return group if isinstance(group, zarr.Group) and _is_complete(group) else None


def _is_complete(group: Any) -> bool:
    return group.attrs.get("complete") is True


def is_name(name: object) -> bool:
    """Whether an artefact can have this name: letters, digits, dot, dash and underscore, no dot first."""
    return (
        isinstance(name, str)
        and 0 < len(name.encode("utf-8", "replace")) <= LONGEST_NAME
        and all(c.isalnum() or c in "._-" for c in name)
        and not name.startswith(".")
    )


def check_name(name: str | None) -> None:
    """Raise unless an artefact can have this name; None stands for the one that it gets where none is given.

    Raises:
        InputError: It cannot.
    """
    if name is not None and not is_name(name):
        expected = f"letters, digits, '.', '-' and '_' only, no '.' first, at most {LONGEST_NAME} bytes"
        raise InputError("no result can have this name", got=shown(name), expected=expected)


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
    import zarr
    from zarr.storage import MemoryStore

    assert kind in KINDS
    check_name(name)
    digest = hashlib.sha256(canonical_json([facts, config, seed]).encode())
    files: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(files), zarr_format=3)
    for key in sorted(arrays):
        values, dimensions = arrays[key]
        digest.update(key.encode())
        text = values.dtype.kind in "UTO"
        if text:
            digest.update(canonical_json([str(v) for v in values]).encode())
        else:
            digest.update(np.ascontiguousarray(values).tobytes())
        array = group.create_array(
            key,
            shape=values.shape,
            chunks=tuple(max(1, s) for s in values.shape),
            dtype=str if text else values.dtype,
            dimension_names=dimensions,
        )
        if values.size:
            array[...] = values
    made_by = {
        "stage": stage,
        "version": __version__,
        "config": config,
        "seed": seed,
        "inputs": dict(sorted(inputs.items())),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    value = f"sha256:{digest.hexdigest()}"
    group.update_attributes({"made_by": made_by, "facts": facts, "digest": value, "complete": True})
    parent = root.require_group(kind)
    _put(path / kind / name, {key: buffer.to_bytes() for key, buffer in files.items()})
    parent.attrs["current"] = name
    return Artefact(name, {k: v for k, (v, _) in arrays.items()}, facts, made_by, value)


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files, in place of the one that may be there, which stays when the disk refuses."""
    new, old = (folder.parent / f".{secrets.token_hex(8)}.{part}" for part in ("new", "old"))
    try:
        for name in sorted(files):
            file = new / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(files[name])
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    except OSError:
        if old.exists():
            old.rename(folder)
        raise
    finally:
        for left in (new, old):
            shutil.rmtree(left, ignore_errors=True)


def check_fresh(root: Any, artefact: Artefact) -> None:
    """Raise unless every input of `artefact` that lives in the same store is still what it was made from.

    Raises:
        StaleError: One has changed since, or is gone.
    """
    for source, digest in artefact.made_by["inputs"].items():
        kind, _, name = source.partition("/")
        if kind not in KINDS:
            continue
        group = _complete(root, kind, name)
        now = "gone" if group is None else group.attrs.get("digest")
        if now != digest:
            raise StaleError(
                f"{artefact.name} was made by {artefact.made_by['stage']} from {source}, which changed since",
                got=now,
                expected=digest,
                hint=f"run `vadkit {artefact.made_by['stage']}` again",
            )
