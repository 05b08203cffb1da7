"""A group of arrays that is written and read as a whole: who reads sees all of one writing, never a part of two.

Its files are made in memory and put in place together. Its digest is of what it holds, and is worked out again on
every reading; its seal is of everything said about it. Knows no tables and no artefacts.
"""

from __future__ import annotations

import hashlib
import secrets
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.errors import DamagedError
from headhunt.records import Json, canonical_json
from headhunt.store.chunks import UNREADABLE, WHOLE, Present, checksummed

Arrays = Mapping[str, tuple[npt.NDArray[Any], tuple[str, ...]]]
"""name -> (array, dimension names)."""

DIGEST, SEAL = "digest", "seal"
TRIES = 3  # readings of a group that stays as it is before it counts as damaged
REPLACED_S = 1.0  # a writer that leaves a group without a folder for longer was killed


@dataclass(frozen=True)
class Group:
    """What a group holds: its attributes and its arrays by name, sorted."""

    attributes: Json
    arrays: Mapping[str, npt.NDArray[Any]]


def digest(meaning: object, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    """Digest of what a group holds.

    Args:
        meaning: What else it depends on, as JSON.
        arrays: Its arrays.
    """
    total = hashlib.sha256(canonical_json(meaning).encode())
    for key in sorted(arrays):
        values = arrays[key]
        total.update(key.encode())
        if _is_text(values):
            total.update(canonical_json([str(v) for v in values]).encode())
        else:
            total.update(np.ascontiguousarray(values).tobytes())
    return f"sha256:{total.hexdigest()}"


def write(folder: Path, attributes: Json, arrays: Arrays) -> None:
    """Write a group, sealed, in place of the one that may be there, which stays when the disk refuses.

    Args:
        folder: Of the group; its parent exists.
        attributes: Of the group; `digest` among them.
        arrays: Of the group.

    Raises:
        OSError: The disk refuses.
    """
    import zarr
    from zarr.storage import MemoryStore

    files: dict[str, Any] = {}
    group = zarr.create_group(MemoryStore(files), zarr_format=3)
    for key in sorted(arrays):
        values, dimensions = arrays[key]
        array = group.create_array(
            key,
            shape=values.shape,
            chunks=tuple(max(1, s) for s in values.shape),
            dtype=str if _is_text(values) else values.dtype,
            compressors=checksummed(),
            dimension_names=dimensions,
            config=WHOLE,
        )
        if values.size:
            array[...] = values
    plain = {key: values for key, (values, _) in arrays.items()}
    group.update_attributes({**attributes, SEAL: _seal(attributes, plain)})
    _put(folder, {key: buffer.to_bytes() for key, buffer in files.items()})


def read(folder: Path, meaning: Callable[[Json], object], *, hint: str) -> Group | None:
    """Read a group as it was at one moment, and verify it; None when there is none.

    Args:
        folder: Of the group.
        meaning: What of its attributes goes into the digest, as `digest` takes it.
        hint: The next step for the user when it is damaged.

    Raises:
        DamagedError: It does not hold what was written.
    """
    tries, before = 0, None
    while True:
        now = _identity(folder)
        if now is None:
            if not _restored(folder):
                return None
            continue
        try:
            return _unpacked(_files(folder), meaning)
        except _TornError as torn:
            # Replaced while it was read: whatever was wrong says nothing about what is there now.
            tries = tries + 1 if now == before and now == _identity(folder) else 0
            before = now
            if tries >= TRIES:
                raise DamagedError(f"{folder} is damaged", got=torn, hint=hint) from torn


class _TornError(Exception):
    """What was read does not fit together."""


def _unpacked(files: Mapping[str, bytes], meaning: Callable[[Json], object]) -> Group:
    import zarr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    make = default_buffer_prototype().buffer.from_bytes
    try:
        held = MemoryStore({name: make(data) for name, data in files.items()})
        attributes: Json = dict(zarr.open_group(held, mode="r", zarr_format=3).attrs)
        # What an earlier version wrote, unsealed, may lack chunks that are all fill: its digest tells which.
        group = zarr.open_group(Present(held) if SEAL in attributes else held, mode="r", zarr_format=3)
        found = {name.split("/")[0] for name in files if "/" in name}
        arrays = {key: _read(group, key) for key in sorted(found)}
        if attributes.get(DIGEST) != digest(meaning(attributes), arrays):
            raise _TornError("its digest is not that of what it holds")
        rest = {key: value for key, value in attributes.items() if key != SEAL}
        if SEAL in attributes and attributes[SEAL] != _seal(rest, arrays):
            raise _TornError("its seal is not that of what is said about it")
    except (*UNREADABLE, RecursionError, AttributeError) as error:
        raise _TornError(f"{type(error).__name__}: {error}") from error
    return Group(attributes, arrays)


def _read(group: Any, key: str) -> npt.NDArray[Any]:
    import zarr

    try:
        found = group[key]
        if not isinstance(found, zarr.Array):
            raise TypeError("no array")
        return np.asarray(found[...])
    except UNREADABLE as error:
        raise _TornError(f"{key}: {type(error).__name__}: {error}") from error


def _seal(attributes: Json, arrays: Mapping[str, npt.NDArray[Any]]) -> str:
    kinds = {key: ["text" if _is_text(v) else v.dtype.str, list(v.shape)] for key, v in arrays.items()}
    return f"sha256:{hashlib.sha256(canonical_json([attributes, kinds]).encode()).hexdigest()}"


def _is_text(values: npt.NDArray[Any]) -> bool:
    return values.dtype.kind in "UTO"


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        status = folder.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return status.st_ino, status.st_ctime_ns


def _files(folder: Path) -> dict[str, bytes]:
    try:
        return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    except OSError as error:
        raise _TornError(f"{type(error).__name__}: {error}") from error


def _aside(folder: Path) -> str:
    """How the names begin under which a group's folders stand while it is replaced; short, whatever its own name."""
    return f".{hashlib.sha256(folder.name.encode()).hexdigest()[:12]}-"


def _restored(folder: Path) -> bool:
    """Whether a group that is not there is so only because a writer is replacing it, or was killed while it did."""
    deadline = time.monotonic() + REPLACED_S
    while moved := sorted(folder.parent.glob(f"{_aside(folder)}*.old")):
        if folder.exists():
            return True
        if time.monotonic() >= deadline:
            try:
                moved[-1].rename(folder)
            except OSError:
                return folder.exists()
            return True
        time.sleep(0.001)
    return folder.exists()


def _put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make a folder with these files, in place of the one that may be there, which stays when the disk refuses."""
    token = secrets.token_hex(8)
    new, old = (folder.parent / f"{_aside(folder)}{token}.{part}" for part in ("new", "old"))
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
