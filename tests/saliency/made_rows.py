"""Random rows of many heads, and what the plain formulas say of them."""

from __future__ import annotations

import numpy as np

from headhunt.saliency import DEFAULTS, SALIENCIES, SaliencyOptions

SHAPES = [(4, 3, 16), (5, 4, 1), (5, 4, 2), (12, 30, 5), (16, 10, 128), (20, 20, 20), (40, 12, 128), (150, 4, 64)]


def rows(n, m, d, seed=0, dtype=np.float64, few=False, mixed=False):
    """Activations (n, m, d) and labels (n,), a third abnormal or just two; these come first unless `mixed`."""
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=bool)
    y[rng.permutation(n)[: 2 if few else max(2, n // 3)]] = True
    z = rng.normal(size=(n, m, d)) * rng.uniform(0.2, 3.0, size=(1, m, d)) + rng.normal(size=(1, m, d))
    z[y] += rng.normal(size=(1, m, d)) * rng.uniform(0, 2, size=(1, m, 1))
    order = np.arange(n) if mixed else np.argsort(~y, kind="stable")
    return z[order].astype(dtype), y[order]


def classes(z, y, head):
    """Abnormal and normal rows of one head, float64."""
    return z[y, head].astype(np.float64), z[~y, head].astype(np.float64)


def expected(name: str, z, y, options: SaliencyOptions = DEFAULTS):
    """The plain formula, head by head."""
    return np.array([SALIENCIES[name].plain(*classes(z, y, head), options) for head in range(z.shape[1])])
