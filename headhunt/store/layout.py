"""Names, dtypes, shapes and codecs of the store's arrays; opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import Any

import numpy as np

from headhunt.store.chunks import checksummed

FORMAT = "headhunt-store"
VERSION = 1
SHARD_ROWS = 256
CHUNK_BYTES = 256 << 10  # of an inner chunk: smaller ones cost more to write, larger ones more to read a few heads from
KINDS = ("heads", "scorers", "scores", "calibrations", "events", "metrics")


class RowStatus(IntEnum):
    """Status of a row of /segments."""

    EMPTY = 0
    PLANNED = 1
    DONE = 2
    FAILED = 3


class VideoStatus(IntEnum):
    """Status of a row of /videos."""

    PLANNED = 1
    DONE = 2
    FAILED = 3
    PARTIAL = 4


VIDEO_COLUMNS: dict[str, tuple[Any, Any]] = {
    "path": (str, ""),
    "frames": ("int64", 0),
    "fps": ("float64", float("nan")),
    "duration_s": ("float64", float("nan")),
    "bytes": ("int64", 0),
    "split": (str, ""),
    "label": (str, ""),
    "category": (str, ""),
    "events_known": ("bool", False),
    "problem": (str, ""),
    "status": ("uint8", 0),
    "reason": (str, ""),
    "modified_ns": ("int64", 0),
    "digest": (str, ""),
    "mask": (str, ""),
}
SEGMENT_COLUMNS: dict[str, tuple[Any, Any]] = {
    "video": ("int32", -1),
    "start_frame": ("int64", 0),
    "end_frame": ("int64", 0),
    "start_s": ("float64", float("nan")),
    "end_s": ("float64", float("nan")),
    "unit": ("uint8", 0),
    "status": ("uint8", 0),
    "reason": (str, ""),
    "source": ("int64", -1),
    "missing": ("int64", 0),
}
LATER = frozenset({"source", "missing", "modified_ns", "digest", "mask"})
"""Columns that stores made by an earlier version may lack."""
COMPLETE = "complete"
"""Attribute of a table: its columns whose every chunk was written, so that one which is not there is lost."""
UNITS = ("segment", "video")


def make_columns(group: Any, columns: dict[str, tuple[Any, Any]], dimension: str) -> None:
    """Create empty one-dimensional arrays, chunked so that a shard's rows are one chunk."""
    group.attrs[COMPLETE] = list(columns)
    for name in columns:
        array = make_column(group, name, columns, dimension)
        flags = {"status": VideoStatus if dimension == "video" else RowStatus}.get(name)
        if flags is not None:
            array.attrs.update(
                {"flag_values": [int(f) for f in flags], "flag_meanings": " ".join(f.name.lower() for f in flags)}
            )
        if name == "unit":
            array.attrs.update({"flag_values": [0, 1], "flag_meanings": " ".join(UNITS)})


def make_column(group: Any, name: str, columns: dict[str, tuple[Any, Any]], dimension: str) -> Any:
    """Create one empty column."""
    dtype, fill = columns[name]
    return group.create_array(
        name,
        shape=(0,),
        chunks=(SHARD_ROWS,),
        dtype=dtype,
        fill_value=fill,
        compressors=checksummed(),
        dimension_names=(dimension,),
    )


def make_features(
    group: Any, *, prompts: int, layers: int, heads: int, head_dim: int, hidden: int | None, picks: int | None
) -> None:
    """Create the empty feature arrays.

    A shard holds 256 rows of one prompt. Its inner chunks hold a few heads of one layer (or, with a head subset, one
    head) of those rows, so chosen heads over all rows are read without touching the others.
    """
    rows = SHARD_ROWS
    if picks is None:
        shape: tuple[int, ...] = (0, prompts, layers, heads, head_dim)
        chunks: tuple[int, ...] = (rows, 1, 1, _heads_a_chunk(heads, head_dim), head_dim)
        names: tuple[str, ...] = ("segment", "prompt", "layer", "head", "channel")
    else:
        shape, chunks = (0, prompts, picks, head_dim), (rows, 1, 1, head_dim)
        names = ("segment", "prompt", "pick", "channel")
    _feature(group, "heads", shape, chunks, (rows, 1, *shape[2:]), names)
    if hidden is not None:
        whole = (rows, 1, hidden)
        _feature(group, "context", (0, prompts, hidden), whole, whole, ("segment", "prompt", "hidden"))


def _heads_a_chunk(heads: int, head_dim: int) -> int:
    """The most heads, of those numbers that divide all, whose float16 rows of a shard fit `CHUNK_BYTES`; at least 1."""
    fits = [n for n in range(1, heads + 1) if heads % n == 0 and 2 * SHARD_ROWS * n * head_dim <= CHUNK_BYTES]
    return max(fits, default=1)


def _feature(
    group: Any,
    name: str,
    shape: Sequence[int],
    chunks: Sequence[int],
    shards: Sequence[int],
    names: Sequence[str],
) -> None:
    from zarr.codecs import BloscCodec, Crc32cCodec

    group.create_array(
        name,
        shape=tuple(shape),
        chunks=tuple(chunks),
        shards=tuple(shards),
        dtype="float16",
        # Mantissas are noise: lz4 is as small as anything and fastest. Without the checksum most bit flips pass unseen.
        compressors=[BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
        fill_value=np.float16("nan"),
        dimension_names=tuple(names),
    )
