"""Reading the columns of /videos and /segments; what is lost is an error, never a fill value.

A group's attribute `complete` names the columns whose chunks are all there, whatever they hold. Stores made before
there was such a thing left out chunks that were all fill: there, and only there, an absent chunk may be one of those,
unless another column contradicts it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool
from headhunt.errors import DamagedError
from headhunt.store import truth
from headhunt.store.chunks import MissingChunkError, damaged_chunks
from headhunt.store.damage import reading
from headhunt.store.layout import (
    COMPLETE,
    LATER,
    SEGMENT_COLUMNS,
    SHARD_ROWS,
    VIDEO_COLUMNS,
    RowStatus,
    VideoStatus,
)

Column = npt.NDArray[Any]
HINT = "put that file back from a copy, or extract again into another store"
LABELS = ("split", "label", "category", "events_known")


@dataclass(frozen=True)
class Columns:
    """Columns of one table.

    Attributes:
        values: Name -> values (n,); what an earlier version did not know is its fill value.
        absent: (column, place of its chunk) of every chunk that is not there and was taken for one that is all fill.
    """

    values: Mapping[str, Column]
    absent: tuple[tuple[str, int], ...] = ()


def read(
    group: Any, loose: Any, place: Path, names: Sequence[str], n: int, *, length: int, split_in_use: Callable[[], str]
) -> Columns:
    """The first `n` entries of some columns.

    Args:
        group: /videos or /segments of a `Present` store.
        loose: The same group, in which an absent chunk reads as its fill value.
        place: The store's folder.
        names: Of the columns.
        n: Entries that count.
        length: Native frames a segment has at most.
        split_in_use: Gives a split that an artefact of the store says there is, "" for none.

    Raises:
        DamagedError: A chunk or a column is missing, short or altered.
    """
    table = group.path
    with reading(f"{table} of {place}", hint=HINT):
        complete = set(group.attrs.get(COMPLETE, ()))
    values: dict[str, Column] = {}
    absent: list[tuple[str, int]] = []
    for name in names:
        hint = truth.HINT if name in LABELS else HINT
        if name in LATER and name not in complete and (name not in group or group[name].shape[0] < n):
            values[name] = _later(loose, name, n)
            continue
        with reading(f"{table}/{name} of {place}", hint=hint):
            array = group[name]
            if array.shape[0] < n:
                raise ValueError(f"{array.shape[0]} entries of {n}")
        try:
            values[name] = array[:n]
            continue
        except MissingChunkError as error:
            if name in complete:
                raise _lost(place, str(error), hint) from error
            missing = error
        except Exception as error:
            bad = damaged_chunks(array, n)
            raise DamagedError(
                f"{place} is damaged", got="; ".join(bad) or f"{table}/{name}: {error}", hint=hint
            ) from error
        with reading(f"{table}/{name} of {place}", hint=hint):
            values[name] = loose[name][:n]
        chunks = [number for number in range(-(-n // SHARD_ROWS)) if not _is_there(array, number)]
        assert chunks, missing
        absent += [(name, number) for number in chunks]
    for name, number in absent:
        chunk = slice(number * SHARD_ROWS, min((number + 1) * SHARD_ROWS, n))
        part = {key: column[chunk] for key, column in values.items()}
        may = (MAY_BE_FILL_OF_VIDEOS if table == "videos" else MAY_BE_FILL_OF_SEGMENTS).get(name)
        lost = may is None or not may(part, length)
        if lost or (name == "split" and not (values[name] != "").any() and split_in_use()):
            hint = truth.HINT if name in LABELS else HINT
            raise _lost(place, f"{table}/{name}/c/{number} is not there, and other columns say that it was", hint)
    return Columns(values, tuple(absent))


def _later(loose: Any, name: str, n: int) -> Column:
    """A column that an earlier version did not know, or did not write for the entries it added."""
    kind, fill = (VIDEO_COLUMNS if name in VIDEO_COLUMNS else SEGMENT_COLUMNS)[name]
    values: Column = np.full(n, fill, object if kind is str else kind)
    if name in loose:
        values[: loose[name].shape[0]] = loose[name][:n]
    return values


def read_rows(group: Any, loose: Any, place: Path, name: str, rows: slice) -> Column:
    """A column's values at some rows that nobody else writes, all of one chunk.

    Args:
        group: /segments of a `Present` store.
        loose: The same group, in which an absent chunk reads as its fill value.
        place: The store's folder.
        name: Of the column.
        rows: Which rows.

    Raises:
        DamagedError: The chunk is missing, short or altered.
    """
    with reading(f"{group.path}/{name} of {place}", hint=HINT):
        values: Column = (group if name in group.attrs.get(COMPLETE, ()) else loose)[name][rows]
    return values


def _lost(place: Path, what: str, hint: str) -> DamagedError:
    return DamagedError(f"a chunk of {place} is lost", got=what, expected="every chunk of the tables", hint=hint)


def _is_there(array: Any, number: int) -> bool:
    first = number * SHARD_ROWS
    try:
        array[first : first + 1]
    except MissingChunkError:
        return False
    return True


Part = Mapping[str, Column]
"""What the columns hold where a chunk is absent."""


def _real(part: Part) -> Bool:
    real: Bool = part["status"] != RowStatus.EMPTY
    return real


def _first_frames(part: Part, _length: int) -> bool:
    return bool((part["start_s"][_real(part)] == 0).all())


def _segments_only(part: Part, length: int) -> bool:
    real = _real(part)
    spans = part["end_frame"][real] - part["start_frame"][real]
    begun = list(zip(part["video"][real].tolist(), part["start_frame"][real].tolist(), strict=True))
    return bool((spans <= length).all()) and len(set(begun)) == len(begun)


def _opened(part: Part) -> Bool:
    opened: Bool = np.array([str(problem) == "" for problem in part["problem"]], bool)
    return opened


def _unknown(part: Part) -> bool:
    return not part["events_known"].any() and not (part["category"] != "").any()


def _nothing_opened(part: Part, _length: int) -> bool:
    return not _opened(part).any()


MAY_BE_FILL_OF_SEGMENTS: dict[str, Callable[[Part, int], bool]] = {
    "start_frame": _first_frames,
    "unit": _segments_only,
    "reason": lambda part, _length: not (part["status"] == RowStatus.FAILED).any(),
    "source": lambda _part, _length: True,
    "missing": lambda _part, _length: True,
}
"""Column -> whether nothing else contradicts that all of a chunk is fill; a column that is not here never is."""

MAY_BE_FILL_OF_VIDEOS: dict[str, Callable[[Part, int], bool]] = {
    "frames": _nothing_opened,
    "fps": _nothing_opened,
    "duration_s": _nothing_opened,
    "bytes": lambda part, _length: not (part["frames"] > 0).any(),
    "split": lambda _part, _length: True,
    "label": lambda part, _length: _unknown(part),
    "category": lambda _part, _length: True,
    "events_known": lambda _part, _length: True,
    "problem": lambda part, _length: bool((part["frames"] > 0).all()),
    "reason": lambda part, _length: not (part["status"] >= VideoStatus.FAILED).any(),
    "modified_ns": lambda _part, _length: True,
    "digest": lambda _part, _length: True,
    "mask": lambda _part, _length: True,
}
