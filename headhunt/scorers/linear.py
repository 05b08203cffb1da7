"""One weight a channel of the joined heads: the layout and the logit of all linear scorers."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.scorers.method import Arrays, Layout

LINEAR: Layout = {"coef": ("k", "d"), "intercept": (1,)}


def logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit w . concat(h_i) + b of the activations z (n, k, d): (n,); the context is not read."""
    return np.asarray(z.reshape(len(z), -1) @ arrays["coef"].ravel() + arrays["intercept"], dtype=np.float64)
