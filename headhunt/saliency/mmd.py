"""Maximum mean discrepancy: how unlike the two classes are to a Gaussian kernel."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.saliency.block import Block
from headhunt.saliency.numerics import middle
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """The biased estimate of MMD^2 of one head, >= 0; the kernel is as wide as the median of the non-zero distances.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: None of them.

    Source: HeadHunt-VAD (AAAI 2026); Gretton et al. (JMLR 2012), equation 5.
    """
    from scipy.spatial.distance import pdist, squareform

    squared = squareform(pdist(np.concatenate([p, n]), "sqeuclidean"))
    kernel = np.exp(-squared / (2.0 * np.median(squared[squared > 0])))
    n_p = len(p)
    between = kernel[:n_p, n_p:].mean()
    return max(float(kernel[:n_p, :n_p].mean() + kernel[n_p:, n_p:].mean() - 2.0 * between), 0.0)


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), with each pair of rows once: the kernel is symmetric, and 1 on its diagonal."""
    n, n_p, n_n = block.n, block.n_p, block.n_n
    k = np.take(block.distances.reshape(block.m, n * n), block.rows.pairs, axis=1)
    zeros = np.count_nonzero(k == 0.0, axis=1)
    median = np.ones(block.m)
    for count in np.unique(zeros[zeros < k.shape[1]]):
        heads = zeros == count
        low = (count + k.shape[1] - 1) // 2  # zeros sort first: the median of the rest
        high = (count + k.shape[1]) // 2
        median[heads] = middle(k if heads.all() else k[heads], low, high)
    k *= (-0.5 / median)[:, None]
    np.exp(k, out=k)
    pp = n_p * (n_p - 1) // 2
    nn = n_n * (n_n - 1) // 2
    within_p = (n_p + 2.0 * k[:, :pp].sum(axis=1)) / n_p**2
    within_n = (n_n + 2.0 * k[:, pp : pp + nn].sum(axis=1)) / n_n**2
    between = k[:, pp + nn :].sum(axis=1) / (n_p * n_n)
    out: Float64 = np.maximum(within_p + within_n - 2.0 * between, 0.0)
    return out


MMD = Saliency(plain, fast)
