"""2-means of many heads at once, label for label what scikit-learn finds; knows nothing of classes or scores."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64, Int64
from headhunt.saliency.block import Block

SLACK = 1e-12  # a decision closer than this share of the largest squared norm is left to scikit-learn


def plain_two_means(x: Float64, seed: int) -> npt.NDArray[np.int32]:
    """Clusters 0 and 1 of one head's rows (n, d), (n,), as scikit-learn finds them."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # fewer distinct rows than clusters: one cluster, which is 0
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels: npt.NDArray[np.int32] = KMeans(n_clusters=2, n_init="auto", random_state=seed).fit_predict(x)
    return labels


def two_means(block: Block, seed: int) -> Bool:
    """The same, (m, n), for all heads at once; which cluster is called 1 does not matter.

    The same random numbers, the same k-means++, the same stopping rule. About the pooled mean the sums of the two
    clusters are opposite, so one product of rows with the sum of cluster 1 (`t`) gives every distance. A head where any
    decision is within rounding of its opposite is done by scikit-learn itself.
    """
    n, m, sq = block.n, block.m, block.sq
    slack = SLACK * sq.max(axis=1)
    tolerance = 1e-4 * sq.sum(axis=1) / (n * block.d)  # scikit-learn's tol times the mean variance of a channel
    first, second, doubtful = _plus_plus(block, seed, n * slack)
    out = np.zeros((m, n), dtype=bool)
    live = np.flatnonzero(~doubtful & ~block.constant)  # heads still moving; the arrays below hold just these
    small = block.small
    source = (block.gram if small else block.x)[live]
    gap = (block.to_row(second) - block.to_row(first))[live]
    one, zero = np.zeros((2, live.size, n))  # the centres as weights over rows
    one[np.arange(live.size), second[live]] = 1.0
    zero[np.arange(live.size), first[live]] = 1.0
    size = (sq[np.arange(m), first] + sq[np.arange(m), second])[live]  # squared norms of both centres
    old = np.full((live.size, n), 2, dtype=np.int8)
    last = np.zeros(live.size, dtype=bool)  # stopped by a small shift: one more assignment
    for _ in range(300):
        if live.size == 0:
            break
        labels = gap < 0.0
        weights = labels.astype(np.float64)
        count = weights.sum(axis=1)
        if small:
            t = np.matmul(source, weights[:, :, None])[:, :, 0]
        else:
            t = np.matmul(source, np.matmul(weights[:, None, :], source)[:, 0, :, None])[:, :, 0]
        norm = np.einsum("mn,mn->m", t, weights)
        per_one, per_zero = 1.0 / count, 1.0 / (n - count)
        new_size = norm * (per_one**2 + per_zero**2)
        cross = per_one * np.einsum("mn,mn->m", t, one) - per_zero * np.einsum("mn,mn->m", t, zero)
        shift = new_size + size - 2.0 * cross
        same = (labels == old).all(axis=1)
        bad = (np.abs(gap).min(axis=1) <= slack[live]) | (count == 0) | (count == n)
        bad |= ~same & ~last & (np.abs(shift - tolerance[live]) <= slack[live])
        done = (same | last) & ~bad
        out[live[done]] = labels[done]
        doubtful[live[bad]] = True
        stay = ~(bad | done)
        last = (shift <= tolerance[live])[stay]
        gap = (norm * (per_one**2 - per_zero**2))[:, None] - 2.0 * t * (per_one + per_zero)[:, None]
        one, zero = (weights * per_one[:, None])[stay], ((1.0 - weights) * per_zero[:, None])[stay]
        gap, size, old, live = gap[stay], new_size[stay], labels[stay].astype(np.int8), live[stay]
        source = source[stay]
    doubtful[live] = True
    for head in np.flatnonzero(doubtful & ~block.constant):
        out[head] = plain_two_means(np.ascontiguousarray(block.raw[:, head]), seed)[block.rows.order]
    return out


def _plus_plus(block: Block, seed: int, slack: Float64) -> tuple[Int64, Int64, Bool]:
    """Rows that scikit-learn's k-means++ starts from, each (m,), and whether a choice was closer than `slack`, (m,)."""
    n, m = block.n, block.m
    random = np.random.RandomState(seed)  # the generator scikit-learn draws from
    position = block.rows.position
    first = np.full(m, position[random.choice(n, p=np.full(n, 1.0) / n)])
    draws = random.uniform(size=2)
    nearest = block.to_row(first)
    cumulative = np.cumsum(nearest[:, position], axis=1)
    candidates, potentials, doubtful = [], [], np.zeros(m, dtype=bool)
    for draw in draws:
        ahead = cumulative - draw * cumulative[:, -1:]
        doubtful |= np.abs(ahead).min(axis=1) <= slack
        candidates.append(position[np.minimum((ahead < 0.0).sum(axis=1), n - 1)])
        potentials.append(np.minimum(nearest, block.to_row(candidates[-1])).sum(axis=1))
    doubtful |= (np.abs(potentials[0] - potentials[1]) <= slack) & (candidates[0] != candidates[1])
    return first, np.where(potentials[1] < potentials[0], candidates[1], candidates[0]), doubtful
