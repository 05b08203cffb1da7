"""Many heads in blocks of bounded memory, side by side on threads; knows nothing of what is computed of a block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from headhunt.arrays import Bool, Float64
from headhunt.errors import ComputeError, LabelError
from headhunt.saliency.block import Block, Rows
from headhunt.saliency.options import SaliencyOptions

BLOCK_BYTES = 16 << 20  # what a block works on should stay near the core that works on it
BLOCK_HEADS = 128
LARGEST = 1e120  # squared norm of a row beyond which sums of fourth powers may overflow


def sweep(
    z: npt.NDArray[np.floating],
    y: Bool,
    functions: Mapping[str, Callable[[Block, SaliencyOptions], Float64]],
    *,
    options: SaliencyOptions,
    names: Callable[[int], str],
) -> dict[str, Float64]:
    """What each function gives for every head, (m,): see `measure` in saliency.py for the rest."""
    _check(z, y)
    n, m, d = z.shape
    out = {name: np.empty(m) for name in functions}
    size = min(BLOCK_HEADS, max(1, BLOCK_BYTES // (24 * n * (n + d))))
    rows = Rows(y)

    def one(start: int) -> None:
        part = z[:, start : start + size].astype(np.float64)
        with np.errstate(all="ignore"):  # overflow and 0 / 0 end as a score that is not finite, caught below
            block = Block(part, rows)
            bad = np.flatnonzero(~(block.within_sq.max(axis=1) <= LARGEST))  # NaN compares false
            _name_first(bad, start, names, "a value that is not finite, or too large to square", "activations")
            for name, function in functions.items():
                values = function(block, options)
                _name_first(np.flatnonzero(~np.isfinite(values)), start, names, "no finite value", name)
                out[name][start : start + size] = values

    starts = range(0, m, size)
    with _one_thread_each() as threads:
        if min(threads, len(starts)) <= 1:
            for start in starts:
                one(start)
        else:
            with ThreadPoolExecutor(min(threads, len(starts))) as pool:
                for _ in pool.map(one, starts):  # what is wrong with the first head comes up first
                    pass
    return out


@contextmanager
def _one_thread_each() -> Iterator[int]:
    """Inside it linear algebra takes one thread a call; gives how many it would have taken."""
    blas = _blas()
    threads = max((library.num_threads for library in blas.lib_controllers), default=1)
    with blas.limit(limits=1):
        yield threads


@cache
def _blas() -> Any:
    return ThreadpoolController().select(user_api="blas")


def _check(z: npt.NDArray[np.floating], y: Bool) -> None:
    if z.ndim != 3 or z.shape[2] == 0 or not np.issubdtype(z.dtype, np.floating):
        raise ComputeError(
            "activations have a wrong shape",
            got=f"{z.dtype} {z.shape}",
            expected="floats (n rows, m heads, d channels)",
        )
    if y.dtype != np.bool_ or y.shape != z.shape[:1]:
        raise LabelError("labels do not fit", got=f"{y.dtype} {y.shape}", expected=f"bool ({z.shape[0]},)")
    abnormal = int(y.sum())
    if min(abnormal, y.size - abnormal) < 2:
        raise LabelError(
            "a saliency cannot be computed: too few rows of a class",
            got=f"{abnormal} abnormal, {y.size - abnormal} normal",
            expected="two or more of each",
            hint="add labelled videos of the missing class",
        )


def _name_first(bad: npt.NDArray[np.intp], start: int, names: Callable[[int], str], got: str, of: str) -> None:
    if bad.size:
        raise ComputeError(f"{of} of {names(start + int(bad[0]))} cannot be used", got=got)
