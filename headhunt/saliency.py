"""How well each attention head separates abnormal from normal rows; knows nothing of layers, prompts, files or ranking.

Seven measures in one dict, SALIENCIES. Rows of one head are a cloud of d-dimensional points in two classes, P (abnormal)
and N (normal); every measure is computed in float64, many heads at once, in blocks of bounded memory. With no more rows
than channels the covariances are never formed: all is read off the n × n products of rows.

A head whose rows are all identical carries no information and scores exactly 0 on every measure but knn, which gives it
the purity of neighbours drawn by chance. A value that is not finite is an error that names the head.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from scipy.linalg import lapack
from scipy.special import xlogy

from headhunt.errors import ComputeError, LabelError, UsageError
from headhunt.records import Bool, Float64, Int64

LDA_RIDGE = 1e-6
KL_RIDGE = 1e-10
KL_MAX = 1e6
BLOCK_BYTES = 16 << 20
NEAR = 1e-6  # pairs closer than this share of their squared norms lose digits in products: taken from differences
SLACK = 1e-12  # a decision of k-means closer than this share of the largest squared norm is left to scikit-learn


@dataclass(frozen=True)
class SaliencyOptions:
    """What a measure may be told; each option concerns the measure it names.

    Attributes:
        seed: nmi: seed of k-means.
        average: nmi: mean of the two entropies that divides, "arithmetic" (authors' code) or "geometric" (paper).
        shrinkage: lda: None is the published ridge of 1e-6 on the within-class scatter; "ledoit-wolf" shrinks the pooled
            within-class covariance first, which fewer rows than channels need.
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


DEFAULTS = SaliencyOptions()


class Saliency(Protocol):
    """One measure as a function of activations z (n, m, d), labels y (n,), giving one number a head (m,)."""

    def __call__(
        self,
        z: npt.NDArray[np.floating],
        y: Bool,
        *,
        options: SaliencyOptions = DEFAULTS,
        names: Callable[[int], str] = "head {}".format,
    ) -> Float64: ...


class _Block:
    """Some heads' rows, abnormal rows first, and what several measures read of them, computed once."""

    def __init__(self, z: Float64, y: Bool) -> None:
        self.order: Int64 = np.argsort(~y, kind="stable")
        self.n_p = int(y.sum())
        self.n, self.m, self.d = z.shape
        self.n_n = self.n - self.n_p
        x = np.ascontiguousarray(z[self.order].transpose(1, 0, 2))
        x -= x[:, :1].copy()  # identical rows become exact zeros
        self.constant: Bool = ~x.any(axis=(1, 2))
        mean_p = x[:, : self.n_p].mean(axis=1)
        mean_n = x[:, self.n_p :].mean(axis=1)
        self.difference: Float64 = mean_p - mean_n  # (m, d)
        self.within = x  # (m, n, d), about the class means
        self.within[:, : self.n_p] -= mean_p[:, None]
        self.within[:, self.n_p :] -= mean_n[:, None]
        self.within_sq: Float64 = np.einsum("mnd,mnd->mn", self.within, self.within)
        self.sides = (slice(0, self.n_p), slice(self.n_p, self.n))

    @cached_property
    def x(self) -> Float64:
        """Rows about the pooled mean, (m, n, d)."""
        x: Float64 = self.within.copy()
        x[:, self.sides[0]] += (self.n_n / self.n) * self.difference[:, None]
        x[:, self.sides[1]] -= (self.n_p / self.n) * self.difference[:, None]
        return x

    @cached_property
    def gram(self) -> Float64:
        """Products of rows about the pooled mean, (m, n, n)."""
        return np.matmul(self.x, self.x.swapaxes(1, 2))

    @cached_property
    def sq(self) -> Float64:
        """Squared norms of rows about the pooled mean, (m, n)."""
        return np.einsum("mnd,mnd->mn", self.x, self.x)

    @cached_property
    def within_gram(self) -> Float64:
        """Products of rows about their class means, (m, n, n)."""
        return np.matmul(self.within, self.within.swapaxes(1, 2))

    @cached_property
    def along(self) -> Float64:
        """Rows about their class means times the difference of the means, (m, n)."""
        return np.matmul(self.within, self.difference[:, :, None])[:, :, 0]

    @cached_property
    def scatters(self) -> tuple[Float64, Float64]:
        """Un-normalised scatter of P and of N, each (m, d, d)."""
        p, n = (self.within[:, side] for side in self.sides)
        return np.matmul(p.swapaxes(1, 2), p), np.matmul(n.swapaxes(1, 2), n)

    @cached_property
    def distances(self) -> Float64:
        """Squared distances of all rows, (m, n, n); exactly 0 for identical rows."""
        d2 = self.gram * -2.0
        d2 += self.sq[:, :, None]
        d2 += self.sq[:, None, :]
        diagonal = np.arange(self.n)
        d2[:, diagonal, diagonal] = np.inf
        suspects = np.flatnonzero(d2.min(axis=(1, 2)) <= 2 * NEAR * self.sq.max(axis=1))
        for head in suspects:
            sums = self.sq[head, :, None] + self.sq[head, None, :]
            for i, close in enumerate(d2[head] <= NEAR * sums):
                j = np.flatnonzero(close)
                gap = self.x[head, j] - self.x[head, i]
                d2[head, i, j] = np.einsum("nd,nd->n", gap, gap)
        d2[:, diagonal, diagonal] = 0.0
        return d2


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


def _inverse(a: Float64, floor: Float64) -> Float64:
    """Inverses of matrices `floor * I + something positive semi-definite`, (m, d, d)."""
    out = np.empty_like(a)
    for i, matrix in enumerate(a):
        factor, failed = lapack.dpotrf(matrix, lower=1)
        if failed:  # rounding ate the floor: eigenvalues below it are rounding too
            values, vectors = np.linalg.eigh(matrix)
            out[i] = (vectors / np.maximum(values, floor[i])) @ vectors.T
            continue
        lower, _ = lapack.dpotri(factor, lower=1)
        out[i] = lower + lower.T
        out[i].flat[:: a.shape[1] + 1] *= 0.5
    return out


def _quadratic(a: Float64, v: Float64) -> Float64:
    """v' a v, (m,)."""
    return np.einsum("mi,mi->m", v, np.matmul(a, v[:, :, None])[:, :, 0])


def _lda(block: _Block, options: SaliencyOptions) -> Float64:
    scale, ridge = np.ones(block.m), np.full(block.m, LDA_RIDGE)
    small = block.n <= block.d
    total = None if small else block.scatters[0] + block.scatters[1]
    if options.shrinkage is not None:
        product = block.within_gram if total is None else total
        share, mu = _shrinkage(block.within_sq, np.einsum("mij,mij->m", product, product), block.d)
        scale, ridge = 1.0 - share, ridge + block.n * share * mu
    direct = np.ones(block.m, dtype=bool)
    out = np.empty(block.m)
    if small:
        # Woodbury: D'(ridge I + scale X'X)^-1 D in products of rows
        a = scale[:, None, None] * block.within_gram
        a[:, np.arange(block.n), np.arange(block.n)] += ridge[:, None]
        explained = np.einsum("mn,mn->m", block.along, np.linalg.solve(a, block.along[:, :, None])[:, :, 0])
        norm = np.einsum("md,md->m", block.difference, block.difference)
        rest = norm - scale * explained
        out = rest / ridge
        direct = rest <= NEAR * norm  # the difference lies within the rows' span: the subtraction lost its digits
    if direct.any():
        if total is None:
            rows = block.within[direct]
            picked = np.matmul(rows.swapaxes(1, 2), rows)
        else:
            picked = total
        picked *= scale[direct, None, None]
        picked[:, np.arange(block.d), np.arange(block.d)] += ridge[direct, None]
        out[direct] = _quadratic(_inverse(picked, ridge[direct]), block.difference[direct])
    return out


def _kl(block: _Block, options: SaliencyOptions) -> Float64:
    small = block.n <= block.d
    scale: list[Float64] = []
    ridge: list[Float64] = []
    lost = np.zeros(block.m, dtype=bool)
    for i, side in enumerate(block.sides):
        product = block.within_gram[:, side, side] if small else block.scatters[i]
        count = side.stop - side.start
        share, mu = _shrinkage(block.within_sq[:, side], np.einsum("mij,mij->m", product, product), block.d)
        scale.append((1.0 - share) / count)
        ridge.append(share * mu + KL_RIDGE)
        lost |= ridge[i] < NEAR * mu  # hardly shrunk: products of rows lose their digits
    out = np.empty(block.m)
    # log-determinants cancel in the symmetric sum: tr(Q^-1 P) + tr(P^-1 Q) - 2d + D'(P^-1 + Q^-1)D
    if small:
        total = np.full(block.m, -2.0 * block.d)
        for i, j in ((0, 1), (1, 0)):
            this, other = block.sides[i], block.sides[j]
            own = block.within_gram[:, this, this]
            a = scale[i][:, None, None] * own
            a[:, np.arange(own.shape[1]), np.arange(own.shape[1])] += ridge[i][:, None]
            inverse = np.linalg.inv(a)
            cross = block.within_gram[:, this, other]
            trace_own = np.einsum("mij,mij->m", inverse, own)
            trace_cross = np.einsum("mij,mij->m", cross, np.matmul(inverse, cross))
            norm = np.einsum("md,md->m", block.difference, block.difference)
            total += ridge[j] * (block.d - scale[i] * trace_own) / ridge[i]
            total += scale[j] * (block.within_sq[:, other].sum(axis=1) - scale[i] * trace_cross) / ridge[i]
            total += (norm - scale[i] * _quadratic(inverse, block.along[:, this])) / ridge[i]
        out = total
    direct = lost if small else np.ones(block.m, dtype=bool)
    if direct.any():
        covariances = []
        for i, side in enumerate(block.sides):
            rows = block.within[direct][:, side] if small else None
            covariance = block.scatters[i].copy() if rows is None else np.matmul(rows.swapaxes(1, 2), rows)
            covariance *= scale[i][direct, None, None]
            covariance[:, np.arange(block.d), np.arange(block.d)] += ridge[i][direct, None]
            covariances.append(covariance)
        total = np.full(int(direct.sum()), -2.0 * block.d)
        for i, j in ((0, 1), (1, 0)):
            inverse = _inverse(covariances[i], ridge[i][direct])
            total += np.einsum("mij,mij->m", inverse, covariances[j])
            total += _quadratic(inverse, block.difference[direct])
        out[direct] = total
    return np.clip(0.25 * out, 0.0, KL_MAX)


def _mmd(block: _Block, options: SaliencyOptions) -> Float64:
    n, n_p, n_n = block.n, block.n_p, block.n_n
    row, column = np.triu_indices(n, 1)
    kind = np.where(column < n_p, 0, np.where(row >= n_p, 1, 2))  # within P, within N, between
    pairs = (row * n + column)[np.argsort(kind, kind="stable")]
    k = np.take(block.distances.reshape(block.m, n * n), pairs, axis=1)
    zeros = np.count_nonzero(k == 0.0, axis=1)
    median = np.ones(block.m)
    for count in np.unique(zeros[zeros < k.shape[1]]):
        heads = zeros == count
        low = (count + k.shape[1] - 1) // 2  # zeros sort first: the median of the rest
        high = (count + k.shape[1]) // 2
        part = np.partition(k if heads.all() else k[heads], (low, high), axis=1)
        median[heads] = 0.5 * (part[:, low] + part[:, high])
    k *= (-0.5 / median)[:, None]
    np.exp(k, out=k)
    pp = n_p * (n_p - 1) // 2
    nn = n_n * (n_n - 1) // 2
    within_p = (n_p + 2.0 * k[:, :pp].sum(axis=1)) / n_p**2
    within_n = (n_n + 2.0 * k[:, pp : pp + nn].sum(axis=1)) / n_n**2
    between = k[:, pp + nn :].sum(axis=1) / (n_p * n_n)
    return np.maximum(within_p + within_n - 2.0 * between, 0.0)


def _two_means(block: _Block, seed: int) -> Bool:
    """Clusters that scikit-learn's KMeans(n_clusters=2, n_init="auto", random_state=seed) finds, (m, n).

    The same random numbers, the same k-means++, the same stopping rule, for all heads at once. Centres are weights over rows,
    so every distance comes from products of rows. A head where any decision is within rounding is done by scikit-learn itself.
    """
    n, m, sq = block.n, block.m, block.sq
    small = n <= block.d
    source = block.gram if small else block.x

    def products(source: Float64, weights: Float64) -> Float64:
        if small:
            return np.matmul(source, weights)
        return np.matmul(source, np.matmul(source.swapaxes(1, 2), weights))

    scale = SLACK * sq.max(axis=1)
    tolerance = 1e-4 * sq.sum(axis=1) / (n * block.d)
    random = np.random.RandomState(seed)  # noqa: NPY002 - scikit-learn draws from this generator
    position = np.argsort(block.order)  # caller's row -> row here
    first = np.full(m, position[random.choice(n, p=np.full(n, 1.0) / n)])
    draws = random.uniform(size=2)
    every = np.arange(m)

    def to_row(rows: Int64) -> Float64:
        """Squared distances of all rows to one row a head, (m, n)."""
        if small:
            product = source[every, :, rows]
        else:
            product = np.matmul(source, source[every, rows][:, :, None])[:, :, 0]
        return np.maximum(sq + sq[every, rows][:, None] - 2.0 * product, 0.0)

    nearest = to_row(first)
    cumulative = np.cumsum(nearest[:, position], axis=1)
    wanted = cumulative[:, -1:] * draws  # (m, 2)
    margin = np.abs(cumulative[:, :, None] - wanted[:, None, :]).min(axis=(1, 2))
    doubtful: Bool = margin <= n * scale
    candidates = np.minimum((cumulative[:, :, None] < wanted[:, None, :]).sum(axis=1), n - 1)
    potentials = np.stack([np.minimum(nearest, to_row(position[c])).sum(axis=1) for c in candidates.T])  # (2, m)
    doubtful |= (np.abs(potentials[0] - potentials[1]) <= n * scale) & (candidates[:, 0] != candidates[:, 1])
    second = position[candidates[every, potentials.argmin(axis=0)]]

    weights = np.zeros((m, n, 2))
    weights[every, first, 0] = 1.0
    weights[every, second, 1] = 1.0
    out = np.zeros((m, n), dtype=bool)
    live = np.flatnonzero(~doubtful & ~block.constant)  # heads still moving, in step with the arrays below
    source, weights = source[live], weights[live]
    product = products(source, weights)
    old = np.full((live.size, n), 2, dtype=np.int8)
    last = np.zeros(live.size, dtype=bool)  # stopped by the shift: one more assignment
    for _ in range(301):
        if live.size == 0:
            break
        norms = np.einsum("mnk,mnk->mk", weights, product)
        gap = (norms[:, 1] - norms[:, 0])[:, None] - 2.0 * (product[:, :, 1] - product[:, :, 0])
        labels = gap < 0.0
        count = labels.sum(axis=1)
        bad = (np.abs(gap).min(axis=1) <= scale[live]) | (count == 0) | (count == n)
        moved = np.stack([~labels, labels], axis=2) / np.stack([n - count, count], axis=1).clip(1)[:, None, :]
        new = products(source, moved)
        shift = np.einsum("mnk,mnk->m", moved - weights, new - product)
        same = (labels == old).all(axis=1)
        near = ~same & ~last & (np.abs(shift - tolerance[live]) <= scale[live])
        bad |= near
        done = ~bad & (same | last)
        out[live[done]] = labels[done]
        doubtful[live[bad]] = True
        stay = ~(bad | done)
        last = (shift <= tolerance[live])[stay]
        old, weights, product = labels[stay].astype(np.int8), moved[stay], new[stay]
        live = live[stay]
        if not stay.all():
            source = source[stay]
    doubtful[live] = True
    for head in np.flatnonzero(doubtful & ~block.constant):
        out[head] = _sklearn_two_means(block.x[head, position], seed)[block.order]
    return out


def _sklearn_two_means(x: Float64, seed: int) -> npt.NDArray[np.int32]:
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # fewer distinct rows than clusters: one cluster, which is 0
        labels: npt.NDArray[np.int32] = KMeans(n_clusters=2, n_init="auto", random_state=seed).fit_predict(x)
    return labels


def _nmi(block: _Block, options: SaliencyOptions) -> Float64:
    clusters = _two_means(block, options.seed)
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
    return np.divide(mutual, mean, out=np.zeros(block.m), where=of_cluster > 0)


def _rsa(block: _Block, options: SaliencyOptions) -> Float64:
    variance = sum(block.within_sq[:, side].mean(axis=1) for side in block.sides)
    return np.einsum("md,md->m", block.difference, block.difference) / variance


def _silhouette(block: _Block, options: SaliencyOptions) -> Float64:
    distance = np.sqrt(block.distances)
    out = np.zeros(block.m)
    for this, other in (block.sides, block.sides[::-1]):
        own = distance[:, this, this].sum(axis=2) / (this.stop - this.start - 1)
        rival = distance[:, this, other].mean(axis=2)
        largest = np.maximum(own, rival)
        out += np.divide(rival - own, largest, out=np.zeros_like(own), where=largest > 0).sum(axis=1)
    return out / block.n


def _knn(block: _Block, options: SaliencyOptions) -> Float64:
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
    return out / block.n


_CORES: dict[str, Callable[[_Block, SaliencyOptions], Float64]] = {
    "lda": _lda,
    "kl": _kl,
    "mmd": _mmd,
    "nmi": _nmi,
    "rsa": _rsa,
    "silhouette": _silhouette,
    "knn": _knn,
}
