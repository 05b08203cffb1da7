"""Fisher's ratio: the squared distance of the class means over the variances of the classes."""

from __future__ import annotations

from headhunt.arrays import Float64
from headhunt.saliency.block import Block
from headhunt.saliency.options import SaliencyOptions
from headhunt.saliency.saliency import Saliency


def plain(p: Float64, n: Float64, options: SaliencyOptions) -> float:
    """||mean_P - mean_N||^2 / (var_P + var_N) of one head, a variance being the mean squared distance to the mean.

    Args:
        p: Abnormal rows (n_p, d).
        n: Normal rows (n_n, d).
        options: None of them.

    Source: SteerVAD (ICLR 2026).
    """
    apart = ((p.mean(axis=0) - n.mean(axis=0)) ** 2).sum()
    return float(apart / (p.var(axis=0).sum() + n.var(axis=0).sum()))


def fast(block: Block, options: SaliencyOptions) -> Float64:
    """The same, (m,), from squared norms of rows about their class means."""
    p, n = block.sides
    variance = block.within_sq[:, p].mean(axis=1) + block.within_sq[:, n].mean(axis=1)
    out: Float64 = block.squared_difference / variance
    return out


RSA = Saliency(plain, fast)
