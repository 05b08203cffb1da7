"""Normalised mutual information: how much the two clusters of a head's rows say about the labels."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy

from headhunt.arrays import Float64
from headhunt.saliency.block import Block
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency
from headhunt.saliency.two_means import plain_two_means, two_means


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """Normalised mutual information of 2-means and the labels of one head, in [0, 1].

    k-means draws the rows it starts from by their place: here the abnormal ones come first, the fast form takes them
    in the caller's order unless `by_class` says otherwise.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: `seed` and `starts` of k-means, and `average` of the entropies.

    Source: HeadHunt-VAD (AAAI 2026); the paper divides by the geometric mean, the authors' code by the arithmetic.
    """
    from sklearn.metrics import normalized_mutual_info_score

    abnormal = np.repeat([True, False], [len(p), len(n)])
    clusters = plain_two_means(np.concatenate([p, n]), options.seed, options.starts)
    return float(normalized_mutual_info_score(abnormal, clusters, average_method=options.average))


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), from the 2 × 2 tables of all heads at once; see `two_means` for the clusters."""
    clusters = two_means(block, options.seed, options.starts, by_class=options.by_class)
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


NMI = Saliency(plain, fast)
