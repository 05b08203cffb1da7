"""Reading features: of some rows, only the chunks that are asked for, each once; knows no tables and no artefacts.

`array` is one of the store's feature arrays, `place` the store's folder for messages, `p` a place on the prompt axis.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float32, Int64
from headhunt.errors import DamagedError, InputError
from headhunt.records import Head
from headhunt.store.chunks import UNREADABLE
from headhunt.store.layout import SHARD_ROWS

HINT = "extract those videos again into a new store"
Float16 = npt.NDArray[np.float16]


def read_layers(array: Any, place: Path, rows: Int64, layers: range, p: int) -> Float32:
    """All heads of layers that follow each other: float32 (n, len(layers), h, d)."""
    shape = (len(layers), *array.shape[3:])
    return gather(array, place, rows, shape, lambda a, b: array[a:b, p, layers.start : layers.stop])


def read_heads(array: Any, place: Path, rows: Int64, heads: Sequence[Head], p: int) -> Float32:
    """Chosen heads of an array that holds all: float32 (n, k, d), in the order asked for.

    Raises:
        InputError: A head does not exist.
    """
    if wrong := [head for head in heads if head.layer >= array.shape[2] or head.head >= array.shape[3]]:
        raise InputError(f"{place} has {array.shape[2]} layers x {array.shape[3]} heads", got=wrong)
    out = np.empty((len(rows), len(heads), array.shape[-1]), np.float32)
    width = array.chunks[3]
    for layer, group in sorted({(head.layer, head.head // width) for head in heads}):
        mine = [k for k, head in enumerate(heads) if (head.layer, head.head // width) == (layer, group)]
        picks, some = [heads[k].head - group * width for k in mine], slice(group * width, (group + 1) * width)

        def take(start: int, end: int, layer: int = layer, some: slice = some, picks: list[int] = picks) -> Float16:
            return array[start:end, p, layer, some][:, picks]  # type: ignore[no-any-return]

        out[:, mine] = gather(array, place, rows, (len(mine), array.shape[-1]), take)
    return out


def read_picks(
    array: Any, place: Path, rows: Int64, heads: Sequence[Head], p: int, *, subset: tuple[Head, ...]
) -> Float32:
    """Chosen heads of an array that holds the heads `subset` alone: float32 (n, k, d), in the order asked for.

    Raises:
        InputError: A head is not among them.
    """
    pick_of = {head: index for index, head in enumerate(subset)}
    out = np.empty((len(rows), len(heads), array.shape[-1]), np.float32)
    for k, head in enumerate(heads):
        if head not in pick_of:
            raise InputError(
                f"{place} does not hold head {head}", got=", ".join(map(str, subset)), hint="extract with it"
            )

        def read(start: int, end: int, pick: int = pick_of[head]) -> Float16:
            return array[start:end, p, pick]  # type: ignore[no-any-return]

        out[:, k] = gather(array, place, rows, array.shape[3:], read)
    return out


def read_context(array: Any, place: Path, rows: Int64, p: int) -> Float32:
    """The context: float32 (n, hidden)."""
    return gather(array, place, rows, array.shape[2:], lambda a, b: array[a:b, p])


def gather(
    array: Any, place: Path, rows: Int64, shape: tuple[int, ...], read: Callable[[int, int], Float16]
) -> Float32:
    """Rows in any order, shard by shard: float32 (n, *shape).

    Args:
        array: The array that is read, for messages.
        place: The store's folder.
        rows: Places in the feature arrays (n,).
        shape: Of one row.
        read: Gives the rows [start, end) of an array.

    Raises:
        DamagedError: A chunk is missing or damaged.
        DamagedError: A row was never written.
    """
    out = np.empty((len(rows), *shape), np.float32)
    shards = rows // SHARD_ROWS
    for shard in np.unique(shards):
        mine = shards == shard
        first = int(shard) * SHARD_ROWS
        try:
            out[mine] = read(first, first + SHARD_ROWS)[rows[mine] - first]
        except UNREADABLE as error:
            raise DamagedError(
                f"a chunk of {array.path} of {place} is damaged (rows {first} to {first + SHARD_ROWS - 1})",
                got=f"{type(error).__name__}: {error}",
                hint=HINT,
            ) from error
    if not np.isfinite(out).all():
        bad = rows[~np.isfinite(out.reshape(len(rows), -1)).all(axis=1)]
        raise DamagedError(f"{array.path} of {place} has rows without data", got=f"rows {bad[:5].tolist()}", hint=HINT)
    return out
