"""Purity of neighbours: how many of the rows nearest to a row are of its class."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.saliency.block import Block
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """Share of the k nearest neighbours that have a row's own label, over all rows of one head, in [0, 1].

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: `n_neighbors`. Of neighbours equally far, scikit-learn takes any; the fast form takes their mean.
    """
    from sklearn.neighbors import NearestNeighbors

    x, abnormal = np.concatenate([p, n]), np.repeat([True, False], [len(p), len(n)])
    nearest = NearestNeighbors(n_neighbors=min(options.n_neighbors, len(x) - 1)).fit(x)
    neighbours = nearest.kneighbors(return_distance=False)  # (n, k), a row is not its own neighbour
    return float((abnormal[neighbours] == abnormal[:, None]).mean())


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), from the distances of all rows; rows as far as the k-th neighbour share the places left."""
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


KNN = Saliency(plain, fast, identical=None)
