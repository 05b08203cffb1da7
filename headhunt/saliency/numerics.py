"""Numerics the saliencies share: Ledoit-Wolf's shrinkage, inverses of symmetric matrices, the median of long rows."""

from __future__ import annotations

import numpy as np
from scipy.linalg import lapack

from headhunt.arrays import Float64

LONG, SAMPLE, MARGIN = 8192, 1024, 0.06  # of rows whose median is looked for, see `middle`
LOST = 1e-12  # a pivot under this share of the largest entry is rounding


def shrinkage(sq: Float64, square_sum: Float64, d: int) -> tuple[Float64, Float64]:
    """Ledoit-Wolf's shrinkage in [0, 1] and target variance of centred rows.

    Args:
        sq: Squared norms of the rows, (m, n).
        square_sum: Sum of the squared entries of their scatter (or of their products: the same), (m,).
        d: Channels.

    Returns:
        Two arrays (m,), which give the covariance (1 - share) * scatter / n + share * mu * I.

    Source: Ledoit and Wolf (2004), as in scikit-learn's `ledoit_wolf`.
    """
    n = sq.shape[1]
    trace = sq.sum(axis=1) / n
    mu = trace / d
    spread = square_sum / n**2
    beta = ((sq**2).sum(axis=1) / n - spread) / (d * n)
    delta = (spread - 2.0 * mu * trace + d * mu**2) / d
    # delta 0 is a covariance that already equals its target
    share = np.divide(beta, delta, out=np.zeros_like(delta), where=delta > 0)
    return np.clip(share, 0.0, 1.0), mu


def add_diagonal(a: Float64, values: Float64) -> None:
    """Add values (m,) to the diagonals of a (m, d, d), in place."""
    index = np.arange(a.shape[1])
    a[:, index, index] += values[:, None]


def inverse(a: Float64, floor: Float64) -> Float64:
    """Inverses of symmetric matrices `floor * I + something positive semi-definite`.

    Cholesky takes half the work of `np.linalg.inv`. Where rounding ate the smallest eigenvalues, they are the floor.

    Args:
        a: (m, d, d).
        floor: (m,), positive.

    Returns:
        (m, d, d).
    """
    out = np.empty_like(a)
    for i, matrix in enumerate(a):
        factor = _cholesky(matrix)
        if factor is None:
            values, vectors = np.linalg.eigh(matrix)
            out[i] = (vectors / np.maximum(values, floor[i])) @ vectors.T
        else:
            lower, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
            out[i] = lower + lower.T
            out[i].flat[:: a.shape[1] + 1] *= 0.5
    return out


def inverse_quadratic(a: Float64, floor: Float64, v: Float64) -> Float64:
    """Values of v' a^-1 v, (m,), for vectors v (m, d) and matrices as `inverse` takes them.

    No faster than `np.linalg.solve`, but positive: without the floor a value that hangs on lost eigenvalues may have
    the wrong sign.
    """
    out = np.empty(len(a))
    for i, matrix in enumerate(a):
        factor = _cholesky(matrix)
        if factor is None:
            values, vectors = np.linalg.eigh(matrix)
            out[i] = ((v[i] @ vectors) ** 2 / np.maximum(values, floor[i])).sum()
        else:
            out[i] = v[i] @ lapack.dpotrs(factor, v[i], lower=1)[0]
    return out


def quadratic(a: Float64, v: Float64) -> Float64:
    """Values of v' a v, (m,), for matrices a (m, n, n) and vectors v (m, n)."""
    out: Float64 = np.einsum("mi,mi->m", v, np.matmul(a, v[:, :, None])[:, :, 0])
    return out


def middle(values: Float64, low: int, high: int) -> Float64:
    """Mean of the values in places `low` and `high` (the same or the next) of each sorted row.

    A long row is cut down to a range that a sample of it says the places lie in; where they do not, nothing is cut.

    Args:
        values: (m, size).
        low: 0 .. size - 1.
        high: `low` or `low + 1`.

    Returns:
        (m,).
    """
    if values.shape[1] < LONG:
        part = np.partition(values, (low, high), axis=1)
        return np.asarray(0.5 * (part[:, low] + part[:, high]))
    out = np.empty(len(values))
    for i, row in enumerate(values):
        some = np.sort(row[:: row.size // SAMPLE])
        share = low / row.size
        first = some[max(0, int((share - MARGIN) * some.size))]
        last = some[min(some.size - 1, int((share + MARGIN) * some.size) + 1)]
        inside, below = row[(row >= first) & (row <= last)], int(np.count_nonzero(row < first))
        if not below <= low <= high < below + inside.size:
            inside, below = row, 0
        part = np.partition(inside, (low - below, high - below))
        out[i] = 0.5 * (part[low - below] + part[high - below])
    return out


def _cholesky(matrix: Float64) -> Float64 | None:
    """Lower Cholesky factor of a symmetric matrix (d, d), or None where rounding ate its smallest eigenvalues."""
    factor, failed = lapack.dpotrf(matrix.T, lower=1)  # symmetric: transposed is Fortran order, no copy
    lost = failed or factor.diagonal().min() ** 2 < LOST * matrix.diagonal().max()
    return None if lost else factor
