"""The seven formulas, each from a block of heads to one number a head; checks and blocks are the package's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.linalg import lapack
from scipy.special import xlogy

from headhunt.arrays import Float64
from headhunt.errors import UsageError
from headhunt.saliency.block import NEAR, Block
from headhunt.saliency.two_means import two_means

LDA_RIDGE = 1e-6
KL_RIDGE = 1e-10
KL_MAX = 1e6
LONG, SAMPLE, MARGIN = 8192, 1024, 0.06  # of rows whose median is looked for, see `_middle`
LOST = 1e-12  # a pivot under this share of the largest entry is rounding


@dataclass(frozen=True)
class SaliencyOptions:
    """What a measure may be told; each option concerns the measure it names.

    Attributes:
        seed: nmi: seed of k-means.
        average: nmi: mean of the two entropies that divides, "arithmetic" (authors' code) or "geometric" (paper).
        shrinkage: lda: None is the published ridge of 1e-6 on the within-class scatter; "ledoit-wolf" shrinks
            the pooled within-class covariance first, which fewer rows than channels need.
        n_neighbors: knn: neighbours looked at, >= 1; n - 1 where there are fewer.
    """

    seed: int = 0
    average: Literal["arithmetic", "geometric"] = "arithmetic"
    shrinkage: Literal["ledoit-wolf"] | None = None
    n_neighbors: int = 5

    def __post_init__(self) -> None:
        if self.average not in ("arithmetic", "geometric"):
            raise UsageError("unknown average", got=self.average, expected="arithmetic or geometric")
        if self.shrinkage not in (None, "ledoit-wolf"):
            raise UsageError("unknown shrinkage", got=self.shrinkage, expected="ledoit-wolf or none")
        if self.n_neighbors < 1:
            raise UsageError("a neighbour count is not positive", got=self.n_neighbors, expected=">= 1")
        if not 0 <= self.seed < 2**32:
            raise UsageError("a seed is out of range", got=self.seed, expected="0 .. 2**32 - 1")


def _shrinkage(sq: Float64, square_sum: Float64, d: int) -> tuple[Float64, Float64]:
    """Ledoit-Wolf's shrinkage in [0, 1] and target variance of centred rows.

    Args:
        sq: Squared norms of the rows, (m, n).
        square_sum: Sum of the squared entries of their scatter (or of their products: the same), (m,).
        d: Channels.
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


def _add_diagonal(a: Float64, values: Float64) -> None:
    """Add values (m,) to the diagonals of a (m, d, d), in place."""
    index = np.arange(a.shape[1])
    a[:, index, index] += values[:, None]


def _factor(matrix: Float64) -> Float64 | None:
    """Lower Cholesky factor of a symmetric matrix (d, d), or None where rounding ate its smallest eigenvalues."""
    factor, failed = lapack.dpotrf(matrix.T, lower=1)  # symmetric: transposed is Fortran order, no copy
    lost = failed or factor.diagonal().min() ** 2 < LOST * matrix.diagonal().max()
    return None if lost else factor


def _inverse(a: Float64, floor: Float64) -> Float64:
    """Inverses of matrices `floor * I + something positive semi-definite`, (m, d, d)."""
    out = np.empty_like(a)
    for i, matrix in enumerate(a):
        factor = _factor(matrix)
        if factor is None:
            values, vectors = np.linalg.eigh(matrix)
            out[i] = (vectors / np.maximum(values, floor[i])) @ vectors.T
        else:
            lower, _ = lapack.dpotri(factor, lower=1, overwrite_c=1)
            out[i] = lower + lower.T
            out[i].flat[:: a.shape[1] + 1] *= 0.5
    return out


def _inverse_quadratic(a: Float64, floor: Float64, v: Float64) -> Float64:
    """Values of v' a^-1 v, (m,), for the same matrices."""
    out = np.empty(len(a))
    for i, matrix in enumerate(a):
        factor = _factor(matrix)
        if factor is None:
            values, vectors = np.linalg.eigh(matrix)
            out[i] = ((v[i] @ vectors) ** 2 / np.maximum(values, floor[i])).sum()
        else:
            out[i] = v[i] @ lapack.dpotrs(factor, v[i], lower=1)[0]
    return out


def _quadratic(a: Float64, v: Float64) -> Float64:
    """Values of v' a v, (m,)."""
    out: Float64 = np.einsum("mi,mi->m", v, np.matmul(a, v[:, :, None])[:, :, 0])
    return out


def _lda(block: Block, options: SaliencyOptions) -> Float64:
    scale, ridge = np.ones(block.m), np.full(block.m, LDA_RIDGE)
    if options.shrinkage is not None:
        product = block.within_gram if block.small else block.scatters[0] + block.scatters[1]
        share, mu = _shrinkage(block.within_sq, np.einsum("mij,mij->m", product, product), block.d)
        scale, ridge = 1.0 - share, ridge + block.n * share * mu
    direct = np.ones(block.m, dtype=bool)
    out = np.empty(block.m)
    if block.small:
        # Woodbury: D'(ridge I + scale X'X)^-1 D in products of rows
        a = scale[:, None, None] * block.within_gram
        _add_diagonal(a, ridge)
        lost = ridge <= LOST * scale * block.within_sq.max(axis=1)
        a[lost] = np.eye(block.n)
        explained = np.einsum("mn,mn->m", block.along, np.linalg.solve(a, block.along[:, :, None])[:, :, 0])
        rest = block.squared_difference - scale * explained
        out = rest / ridge
        direct = lost | (
            rest <= NEAR * block.squared_difference
        )  # the difference lies within the rows' span: the subtraction lost its digits
    if direct.any():
        picked = scale[direct, None, None] * (block.scatter(0, direct) + block.scatter(1, direct))
        _add_diagonal(picked, ridge[direct])
        out[direct] = _inverse_quadratic(picked, ridge[direct], block.difference[direct])
    return out


def _kl(block: Block, options: SaliencyOptions) -> Float64:
    scale: list[Float64] = []
    ridge: list[Float64] = []
    direct = np.full(block.m, not block.small)
    for i, side in enumerate(block.sides):
        product = block.within_gram[:, side, side] if block.small else block.scatters[i]
        share, mu = _shrinkage(block.within_sq[:, side], np.einsum("mij,mij->m", product, product), block.d)
        scale.append((1.0 - share) / (side.stop - side.start))
        ridge.append(share * mu + KL_RIDGE)
        direct |= ridge[i] < NEAR * mu  # hardly shrunk: products of rows lose their digits
    # log-determinants cancel in the symmetric sum: tr(Q^-1 P) + tr(P^-1 Q) - 2d + D'(P^-1 + Q^-1)D
    total = np.full(block.m, -2.0 * block.d)
    for i, j in ((0, 1), (1, 0)) if block.small else ():
        this, other = block.sides[i], block.sides[j]
        own, cross = block.within_gram[:, this, this], block.within_gram[:, this, other]
        a = scale[i][:, None, None] * own
        _add_diagonal(a, ridge[i])
        a[direct] = np.eye(own.shape[1])
        inverse: Float64 = np.linalg.inv(a).astype(np.float64, copy=False)
        trace = block.d - scale[i] * np.einsum("mij,mij->m", inverse, own)
        crossed = np.einsum("mij,mij->m", cross, np.matmul(inverse, cross))
        left = block.within_sq[:, other].sum(axis=1) - scale[i] * crossed
        along = block.squared_difference - scale[i] * _quadratic(inverse, block.along[:, this])
        total += (ridge[j] * trace + scale[j] * left + along) / ridge[i]
    if direct.any():
        covariances = [scale[i][direct, None, None] * block.scatter(i, direct) for i in (0, 1)]
        total[direct] = -2.0 * block.d
        for i in (0, 1):
            _add_diagonal(covariances[i], ridge[i][direct])
        for i, j in ((0, 1), (1, 0)):
            inverse = _inverse(covariances[i], ridge[i][direct])
            total[direct] += np.einsum("mij,mij->m", inverse, covariances[j])
            total[direct] += _quadratic(inverse, block.difference[direct])
    out: Float64 = np.clip(0.25 * total, 0.0, KL_MAX)
    return out


def _middle(values: Float64, low: int, high: int) -> Float64:
    """Mean of the values in places `low` and `high` (the same or the next) of each sorted row, (m,).

    A long row is cut down to a range that a sample of it says the places lie in; where they do not, nothing is cut.
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


def _mmd(block: Block, options: SaliencyOptions) -> Float64:
    n, n_p, n_n = block.n, block.n_p, block.n_n
    k = np.take(block.distances.reshape(block.m, n * n), block.rows.pairs, axis=1)
    zeros = np.count_nonzero(k == 0.0, axis=1)
    median = np.ones(block.m)
    for count in np.unique(zeros[zeros < k.shape[1]]):
        heads = zeros == count
        low = (count + k.shape[1] - 1) // 2  # zeros sort first: the median of the rest
        high = (count + k.shape[1]) // 2
        median[heads] = _middle(k if heads.all() else k[heads], low, high)
    k *= (-0.5 / median)[:, None]
    np.exp(k, out=k)
    pp = n_p * (n_p - 1) // 2
    nn = n_n * (n_n - 1) // 2
    within_p = (n_p + 2.0 * k[:, :pp].sum(axis=1)) / n_p**2
    within_n = (n_n + 2.0 * k[:, pp : pp + nn].sum(axis=1)) / n_n**2
    between = k[:, pp + nn :].sum(axis=1) / (n_p * n_n)
    out: Float64 = np.maximum(within_p + within_n - 2.0 * between, 0.0)
    return out


def _nmi(block: Block, options: SaliencyOptions) -> Float64:
    clusters = two_means(block, options.seed)
    n = block.n
    ones = np.stack([clusters[:, side].sum(axis=1) for side in block.sides], axis=1)  # (m, 2)
    sizes = np.array([block.n_p, block.n_n])
    table = np.stack([sizes - ones, ones], axis=2) / n  # (m, class, cluster)
    by_class, by_cluster = sizes / n, table.sum(axis=1)
    expected = by_class[None, :, None] * by_cluster[:, None, :]
    terms = xlogy(table, np.divide(table, expected, out=np.ones_like(table), where=table > 0))
    terms[np.abs(terms) < np.finfo(np.float64).eps] = 0.0
    mutual = np.maximum(terms.sum(axis=(1, 2)), 0.0)
    of_class = -xlogy(by_class, by_class).sum()
    of_cluster = -xlogy(by_cluster, by_cluster).sum(axis=1)
    mean = np.sqrt(of_class * of_cluster) if options.average == "geometric" else 0.5 * (of_class + of_cluster)
    out: Float64 = np.divide(mutual, mean, out=np.zeros(block.m), where=of_cluster > 0)
    return out


def _rsa(block: Block, options: SaliencyOptions) -> Float64:
    p, n = block.sides
    variance = block.within_sq[:, p].mean(axis=1) + block.within_sq[:, n].mean(axis=1)
    out: Float64 = block.squared_difference / variance
    return out


def _silhouette(block: Block, options: SaliencyOptions) -> Float64:
    distance = np.sqrt(block.distances)
    out = np.zeros(block.m)
    for this, other in (block.sides, block.sides[::-1]):
        own = distance[:, this, this].sum(axis=2) / (this.stop - this.start - 1)
        rival = distance[:, this, other].mean(axis=2)
        largest = np.maximum(own, rival)
        out += np.divide(rival - own, largest, out=np.zeros_like(own), where=largest > 0).sum(axis=1)
    out /= block.n
    return out


def _knn(block: Block, options: SaliencyOptions) -> Float64:
    k = min(options.n_neighbors, block.n - 1)
    d2 = block.distances.copy()
    d2[:, np.arange(block.n), np.arange(block.n)] = np.inf
    radius = np.partition(d2, k - 1, axis=2)[:, :, k - 1 : k]
    closer = d2 < radius * (1.0 - 1e-9)
    tied = (d2 <= radius * (1.0 + 1e-9)) & ~closer
    out = np.zeros(block.m)
    for side in block.sides:
        sure, open_places = closer[:, side, side].sum(axis=2), k - closer[:, side].sum(axis=2)
        share = tied[:, side, side].sum(axis=2) / tied[:, side].sum(axis=2)
        out += ((sure + open_places * share) / k).sum(axis=1)
    out /= block.n
    return out


MEASURES: dict[str, Callable[[Block, SaliencyOptions], Float64]] = {
    "lda": _lda,
    "kl": _kl,
    "mmd": _mmd,
    "nmi": _nmi,
    "rsa": _rsa,
    "silhouette": _silhouette,
    "knn": _knn,
}
