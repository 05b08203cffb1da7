"""2-means of many heads at once, label for label what scikit-learn finds; knows nothing of classes or scores."""

from __future__ import annotations

import warnings

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64, Int64
from headhunt.saliency.block import Block

TOLERANCE = 1e-4  # scikit-learn's
SLACK = 1e-12  # a decision closer than this share of the largest squared norm is left to scikit-learn


def plain_two_means(x: Float64, seed: int, starts: int = 1) -> npt.NDArray[np.int32]:
    """Clusters 0 and 1 of one head's rows (n, d), (n,), as scikit-learn finds them from so many starts."""
    from sklearn.cluster import KMeans
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # fewer distinct rows than clusters: one cluster, which is 0
        warnings.simplefilter("ignore", ConvergenceWarning)
        labels: npt.NDArray[np.int32] = KMeans(n_clusters=2, n_init=starts, random_state=seed).fit_predict(x)
    return labels


def two_means(block: Block, seed: int, starts: int = 1, *, by_class: bool = False) -> Bool:
    """The same, (m, n), for all heads at once; which cluster is called 1 does not matter.

    The same random numbers, the same k-means++, the same stopping rule, the same choice among starts: the least sum of
    squares. A head where any decision is within rounding of its opposite is done by scikit-learn itself.

    Args:
        block: The heads' rows.
        seed: Seed of k-means.
        starts: How often it starts anew.
        by_class: Whether rows are numbered abnormal ones first, as the block has them, not in the caller's order;
            k-means draws the rows it starts from by their number.
    """
    position = np.arange(block.n) if by_class else block.rows.position
    random = np.random.RandomState(seed)  # the generator scikit-learn draws from; one for all starts
    total = block.sq.sum(axis=1)
    best, least = np.zeros((block.m, block.n), dtype=bool), np.full(block.m, np.inf)
    doubtful, best_loose = np.zeros(block.m, dtype=bool), np.zeros(block.m, dtype=bool)
    for start in range(starts):
        labels, between, loose, unsure = _from_one_start(block, random, position)
        doubtful |= unsure
        inertia = total - between
        same = (labels == best).all(axis=1) | (labels != best).all(axis=1)
        close = SLACK * block.n * block.sq.max(axis=1)
        # A start that ended by the tolerance measures from centres that may still have moved so far.
        close = np.where(loose | best_loose, TOLERANCE * total, close)
        if start:
            doubtful |= ~same & (np.abs(inertia - least) <= close)
        better = (inertia < least) & ~same if start else np.ones(block.m, dtype=bool)
        best[better], least[better], best_loose[better] = labels[better], inertia[better], loose[better]
    for head in np.flatnonzero(doubtful & ~block.constant):
        rows = np.ascontiguousarray(block.raw[:, head])
        if by_class:
            best[head] = plain_two_means(rows[block.rows.order], seed, starts)
        else:
            best[head] = plain_two_means(rows, seed, starts)[block.rows.order]
    return best


def _from_one_start(block: Block, random: np.random.RandomState, position: Int64) -> tuple[Bool, Float64, Bool, Bool]:
    """2-means from one start.

    Returns:
        Clusters (m, n); the sum of squares between them (m,); whether it ended by the tolerance (m,); and whether a
        decision was within rounding (m,), where the others mean nothing.

    About the pooled mean the sums of the two clusters are opposite, so one product of rows with the sum of cluster 1
    (`t`) gives every distance.
    """
    n, m, sq = block.n, block.m, block.sq
    slack = SLACK * sq.max(axis=1)
    tolerance = TOLERANCE * sq.sum(axis=1) / (n * block.d)  # scikit-learn's tol times the mean variance of a channel
    first, second, doubtful = _plus_plus(block, random, position, n * slack)
    out, between, loose = np.zeros((m, n), dtype=bool), np.zeros(m), np.zeros(m, dtype=bool)
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
        between[live[done]] = (norm * (per_one + per_zero))[done]
        loose[live[done]] = last[done]
        doubtful[live[bad]] = True
        stay = ~(bad | done)
        last = (shift <= tolerance[live])[stay]
        gap = (norm * (per_one**2 - per_zero**2))[:, None] - 2.0 * t * (per_one + per_zero)[:, None]
        one, zero = (weights * per_one[:, None])[stay], ((1.0 - weights) * per_zero[:, None])[stay]
        gap, size, old, live = gap[stay], new_size[stay], labels[stay].astype(np.int8), live[stay]
        source = source[stay]
    doubtful[live] = True
    return out, between, loose, doubtful


def _plus_plus(
    block: Block, random: np.random.RandomState, position: Int64, slack: Float64
) -> tuple[Int64, Int64, Bool]:
    """Rows that scikit-learn's k-means++ starts from, each (m,), and whether a choice was closer than `slack`, (m,)."""
    n, m = block.n, block.m
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
