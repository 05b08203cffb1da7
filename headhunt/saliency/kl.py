"""Kullback-Leibler divergence: how unlike the Gaussians of the two classes are, both ways."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.saliency.block import NEAR, Block
from headhunt.saliency.numerics import add_diagonal, inverse, quadratic, shrinkage
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency

RIDGE = 1e-10
MOST = 1e6


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """0.5 * (KL(P|N) + KL(N|P)) of one head, clipped to [0, 1e6]: Gaussians with Ledoit-Wolf covariances and a ridge.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: None of them.

    Source: HeadHunt-VAD (AAAI 2026).
    """
    from sklearn.covariance import ledoit_wolf

    difference, d = p.mean(axis=0) - n.mean(axis=0), p.shape[1]
    covariance_p = ledoit_wolf(p)[0] + RIDGE * np.eye(d)
    covariance_n = ledoit_wolf(n)[0] + RIDGE * np.eye(d)

    def divergence(a: Float64, b: Float64) -> float:
        to_b = np.linalg.inv(b)
        logs = np.linalg.slogdet(b)[1] - np.linalg.slogdet(a)[1]
        return float(0.5 * (np.trace(to_b @ a) + difference @ to_b @ difference - d + logs))

    both = 0.5 * (divergence(covariance_p, covariance_n) + divergence(covariance_n, covariance_p))
    return float(np.clip(both, 0.0, MOST))


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), without determinants, and from products of rows where there are no more rows than channels.

    In the sum both ways the log-determinants cancel: four times the value is

        tr(N^-1 P) + tr(P^-1 N) - 2d + D' (P^-1 + N^-1) D,   P = ridge * I + scale * X'X, and N alike,

    X the rows of a class about their mean. Woodbury's identity, P^-1 = (I - scale * X' A^-1 X) / ridge with
    A = ridge * I + scale * XX', turns every term into products of rows. Heads that are hardly shrunk, for which these
    lose digits, are inverted as they stand.
    """
    scale: list[Float64] = []
    ridge: list[Float64] = []
    direct = np.full(block.m, not block.small)
    for i, side in enumerate(block.sides):
        product = block.within_gram[:, side, side] if block.small else block.scatters[i]
        share, mu = shrinkage(block.within_sq[:, side], np.einsum("mij,mij->m", product, product), block.d)
        scale.append((1.0 - share) / (side.stop - side.start))
        ridge.append(share * mu + RIDGE)
        direct |= ridge[i] < NEAR * mu
    total = np.full(block.m, -2.0 * block.d)
    for i, j in ((0, 1), (1, 0)) if block.small else ():
        this, other = block.sides[i], block.sides[j]
        own, cross = block.within_gram[:, this, this], block.within_gram[:, this, other]
        a = scale[i][:, None, None] * own
        add_diagonal(a, ridge[i])
        a[direct] = np.eye(own.shape[1])
        inverted: Float64 = np.linalg.inv(a).astype(np.float64, copy=False)
        trace = block.d - scale[i] * np.einsum("mij,mij->m", inverted, own)
        crossed = np.einsum("mij,mij->m", cross, np.matmul(inverted, cross))
        left = block.within_sq[:, other].sum(axis=1) - scale[i] * crossed
        along = block.squared_difference - scale[i] * quadratic(inverted, block.along[:, this])
        total += (ridge[j] * trace + scale[j] * left + along) / ridge[i]
    if direct.any():
        covariances = [scale[i][direct, None, None] * block.scatter(i, direct) for i in (0, 1)]
        total[direct] = -2.0 * block.d
        for i in (0, 1):
            add_diagonal(covariances[i], ridge[i][direct])
        for i, j in ((0, 1), (1, 0)):
            inverted = inverse(covariances[i], ridge[i][direct])
            total[direct] += np.einsum("mij,mij->m", inverted, covariances[j])
            total[direct] += quadratic(inverted, block.difference[direct])
    out: Float64 = np.clip(0.25 * total, 0.0, MOST)
    return out


KL = Saliency(plain, fast)
