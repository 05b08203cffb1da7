"""A control for steering: the same training with every activation replaced by 1, so that the context says it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.scorers import steer
from headhunt.scorers.checks import learnable
from headhunt.scorers.method import HEADS_AND_CONTEXT, Arrays, Fitted, Method, Reads


def fit(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    epochs: int = 1000,
    lambda_reg: float = 0.1,
    rank: int = 4,
) -> Fitted:
    """Train steering on heads that are 1 everywhere; arguments, arrays and errors as `steer.fit`."""
    x, labels = learnable(z, y)
    return steer.fit(np.ones_like(x), context, labels, seed=seed, epochs=epochs, lambda_reg=lambda_reg, rank=rank)


def logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """What the steering scorer says of heads that are 1 everywhere: (n,)."""
    return steer.logit(arrays, np.ones_like(z), context)


def reads(options: Mapping[str, Any]) -> Reads:
    """As its arrays say: weights for the heads and the context."""
    return HEADS_AND_CONTEXT


METHOD = Method(fit, logit, (steer.VARIANTS["full"],), reads)
