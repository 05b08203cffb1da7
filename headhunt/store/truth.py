"""/truth: the abnormal events of the videos whose events are known, written and read as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from headhunt.arrays import Int64
from headhunt.errors import DamagedError
from headhunt.records import Json
from headhunt.store import groups
from headhunt.store.chunks import MissingChunkError, sound

NAME = "truth"
DTYPES = {"video": np.int32, "start_frame": np.int64, "end_frame": np.int64}
HINT = "run `vadkit label MANIFEST` with a manifest of all videos, which writes it anew"


def read(path: Path, root: Any, *, some_known: bool) -> Int64:
    """All events: int64 (event, 3), each the place of its video, its first frame and one past its last.

    Args:
        path: The store's folder.
        root: Of the store, `Present`.
        some_known: Whether the events of any video are known: then the group must be there.

    Raises:
        DamagedError: It is not what was written.
    """
    with sound(path, NAME, hint=HINT):
        sealed = NAME in root and groups.DIGEST in root[NAME].attrs
    if sealed:
        found = groups.read(path / NAME, _meaning, hint=HINT)
        if found is not None:
            return _table([found.arrays.get(name) for name in DTYPES], path)
    elif NAME in root:
        return _first_edition(path, root[NAME])
    if some_known:
        raise DamagedError(f"{NAME} of {path} is lost", expected="the events of its videos", hint=HINT)
    return np.empty((0, 3), np.int64)


def _first_edition(path: Path, group: Any) -> Int64:
    """As it was written before it carried a digest: an absent chunk may be one that was all zeros, of one event."""
    with sound(path, NAME, hint=HINT):
        found = []
        for name in DTYPES:
            array = group[name]
            try:
                found.append(array[:])
            except MissingChunkError:
                if name != "video" and (name != "start_frame" or array.shape[0] != 1):
                    raise
                found.append(np.zeros(array.shape, np.int64))
    return _table(found, path)


def _table(found: Sequence[Any], path: Path) -> Int64:
    lengths = {None if column is None else column.shape for column in found}
    if len(lengths) != 1 or None in lengths or any(column.dtype.kind != "i" for column in found):
        raise DamagedError(
            f"{NAME} of {path} is damaged", got=f"columns of shapes {sorted(map(str, lengths))}", hint=HINT
        )
    return np.stack(found, axis=1).astype(np.int64)


def write(path: Path, events: Sequence[tuple[int, int, int]]) -> None:
    """Write all events, in place of those that were there.

    Args:
        path: The store's folder.
        events: (place of the video, first frame, one past the last).

    Raises:
        OSError: The disk refuses; what was there stays.
    """
    table = np.array(sorted(events), np.int64).reshape(-1, 3)
    columns = {name: table[:, k].astype(dtype) for k, (name, dtype) in enumerate(DTYPES.items())}
    attributes: Json = {groups.DIGEST: groups.digest(NAME, columns)}
    groups.write(path / NAME, attributes, {name: (column, ("event",)) for name, column in columns.items()})


def _meaning(_attributes: Json) -> str:
    return NAME
