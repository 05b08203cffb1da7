"""How well each attention head separates abnormal from normal rows; knows nothing of layers, prompts, files or ranking.

Seven measures in one dict, SALIENCIES. Rows of one head are a cloud of d-dimensional points in two classes, P
(abnormal) and N (normal); every measure is computed in float64, many heads at once, in blocks of bounded memory. With
no more rows than channels the covariances are never formed: all is read off the n × n products of rows.

A head whose rows are all identical carries no information and scores exactly 0 on every measure but knn, which gives it
the purity of neighbours drawn by chance. A value that is not finite is an error that names the head.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache, partial
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from headhunt.arrays import Bool, Float64
from headhunt.errors import ComputeError, LabelError, UsageError
from headhunt.saliency.block import Block, Rows
from headhunt.saliency.measures import MEASURES, SaliencyOptions

__all__ = ["DEFAULTS", "SALIENCIES", "Saliency", "SaliencyOptions", "measure"]

BLOCK_BYTES = 16 << 20  # what a block works on should stay near the core that works on it
BLOCK_HEADS = 128
LARGEST = 1e120  # squared norm of a row beyond which sums of fourth powers may overflow

DEFAULTS = SaliencyOptions()


class Saliency(Protocol):
    """One measure as a function of activations z (n, m, d), labels y (n,), giving one number a head (m,)."""

    def __call__(  # noqa: D102 - the class says it
        self,
        z: npt.NDArray[np.floating],
        y: Bool,
        *,
        options: SaliencyOptions = DEFAULTS,
        names: Callable[[int], str] = "head {}".format,
    ) -> Float64: ...


def measure(
    z: npt.NDArray[np.floating],
    y: Bool,
    metrics: Sequence[str],
    *,
    options: SaliencyOptions = DEFAULTS,
    names: Callable[[int], str] = "head {}".format,
) -> dict[str, Float64]:
    """Several measures of the same heads in one sweep: what they share is computed once.

    Blocks of heads are computed side by side, on as many threads as NumPy's linear algebra would take (OMP_NUM_THREADS
    limits both), each of which computes alone: the numbers do not depend on how many there are.

    Args:
        z: Activations (n, m, d) of m heads, any float dtype; computed in float64.
        y: (n,) bool, True for abnormal rows; at least two rows of each class.
        metrics: Names out of SALIENCIES.
        options: See SaliencyOptions.
        names: What to call head i in an error, say "head (18, 4), prompt 2".

    Returns:
        For each metric the scores (m,), float64, finite; higher separates better. Memory beyond the input is about
        30 MB a thread, or what one head needs where that is more (five n × n matrices: 500 MB at n = 3500).

    Raises:
        LabelError: `y` does not fit `z`, or a class has fewer than two rows.
        ComputeError: `z` has a wrong shape, or a head has a value, or a score, that is not finite.
        UsageError: An unknown metric.
    """
    if unknown := [name for name in metrics if name not in MEASURES]:
        raise UsageError("unknown metric", got=", ".join(unknown), expected=", ".join(MEASURES))
    _check(z, y)
    n, m, d = z.shape
    out = {name: np.empty(m) for name in metrics}
    size = min(BLOCK_HEADS, max(1, BLOCK_BYTES // (24 * n * (n + d))))
    rows = Rows(y)

    def one(start: int) -> None:
        part = z[:, start : start + size].astype(np.float64)
        with np.errstate(all="ignore"):  # overflow and 0 / 0 end as a score that is not finite, caught below
            block = Block(part, rows)
            bad = np.flatnonzero(~(block.within_sq.max(axis=1) <= LARGEST))  # NaN compares false
            _name_first(bad, start, names, "a value that is not finite, or too large to square", "activations")
            for name in metrics:
                values = MEASURES[name](block, options)
                if name != "knn":
                    values[block.constant] = 0.0  # also where the formula says 0 / 0
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


def _alone(
    metric: str,
    z: npt.NDArray[np.floating],
    y: Bool,
    *,
    options: SaliencyOptions = DEFAULTS,
    names: Callable[[int], str] = "head {}".format,
) -> Float64:
    return measure(z, y, (metric,), options=options, names=names)[metric]


SALIENCIES: dict[str, Saliency] = {name: partial(_alone, name) for name in MEASURES}
