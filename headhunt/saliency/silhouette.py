"""Silhouette: how much nearer a row lies to its own class than to the other."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.saliency.block import Block
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """Mean of (b - a) / max(a, b) over the rows of one head, in [-1, 1].

    a is a row's mean distance to the other rows of its class, b to the rows of the other class.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: None of them.

    Source: Rousseeuw (1987).
    """
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score

    distances = squareform(pdist(np.concatenate([p, n])))  # scikit-learn's own lose digits far from the origin
    abnormal = np.repeat([True, False], [len(p), len(n)])
    return float(silhouette_score(distances, abnormal, metric="precomputed"))


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), from the distances of all rows of all heads at once."""
    distance = np.sqrt(block.distances)
    out = np.zeros(block.m)
    for this, other in (block.sides, block.sides[::-1]):
        own = distance[:, this, this].sum(axis=2) / (this.stop - this.start - 1)
        rival = distance[:, this, other].mean(axis=2)
        largest = np.maximum(own, rival)
        out += np.divide(rival - own, largest, out=np.zeros_like(own), where=largest > 0).sum(axis=1)
    out /= block.n
    return out


SILHOUETTE = Saliency(plain, fast)
