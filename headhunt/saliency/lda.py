"""Fisher's linear discriminant: the distance of the class means, measured by the scatter within the classes."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.saliency.block import NEAR, Block
from headhunt.saliency.numerics import LOST, add_diagonal, inverse_quadratic, shrinkage
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency

RIDGE = 1e-6


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """D' S_W^-1 D of one head: D the difference of the class means, S_W the scatter within both classes plus a ridge.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: `shrinkage`.

    Source: HeadHunt-VAD (AAAI 2026); the covariance shrunk by Ledoit and Wolf is ours.
    """
    difference = p.mean(axis=0) - n.mean(axis=0)
    if not options.shrinks(len(p) + len(n), p.shape[1]):
        scatter = (len(p) - 1) * np.cov(p.T) + (len(n) - 1) * np.cov(n.T)
    else:
        from sklearn.covariance import ledoit_wolf

        within = np.concatenate([p - p.mean(axis=0), n - n.mean(axis=0)])
        scatter = len(within) * ledoit_wolf(within, assume_centered=True)[0]
    return float(difference @ np.linalg.solve(scatter + RIDGE * np.eye(len(difference)), difference))


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), from products of rows where there are no more rows than channels.

    S_W is ridge * I + scale * X'X, X the rows about their class means. By Woodbury's identity

        D' S_W^-1 D = (D'D - scale * (XD)' (ridge * I + scale * XX')^-1 XD) / ridge,

    with an n × n matrix for a d × d one. Heads for which the subtraction loses digits are solved as they stand.
    """
    scale, ridge = np.ones(block.m), np.full(block.m, RIDGE)
    if options.shrinks(block.n, block.d):
        product = block.within_gram if block.small else block.scatters[0] + block.scatters[1]
        share, mu = shrinkage(block.within_sq, np.einsum("mij,mij->m", product, product), block.d)
        scale, ridge = 1.0 - share, ridge + block.n * share * mu
    direct = np.ones(block.m, dtype=bool)
    out = np.empty(block.m)
    if block.small:
        a = scale[:, None, None] * block.within_gram
        add_diagonal(a, ridge)
        lost = ridge <= LOST * scale * block.within_sq.max(axis=1)
        a[lost] = np.eye(block.n)
        explained = np.einsum("mn,mn->m", block.along, np.linalg.solve(a, block.along[:, :, None])[:, :, 0])
        rest = block.squared_difference - scale * explained
        out = rest / ridge
        direct = lost | (rest <= NEAR * block.squared_difference)  # the difference lies within the rows' span
    if direct.any():
        picked = scale[direct, None, None] * (block.scatter(0, direct) + block.scatter(1, direct))
        add_diagonal(picked, ridge[direct])
        out[direct] = inverse_quadratic(picked, ridge[direct], block.difference[direct])
    return out


LDA = Saliency(plain, fast)
