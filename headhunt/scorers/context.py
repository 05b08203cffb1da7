"""Controls for steering: logistic regression on the context that steering reads, alone or beside the heads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.errors import InputError
from headhunt.scorers import linear
from headhunt.scorers.checks import check_finite, learnable
from headhunt.scorers.linear import LINEAR
from headhunt.scorers.logistic import fit_columns
from headhunt.scorers.method import HEADS_AND_CONTEXT, Arrays, Fitted, Layout, Method, Read, Reads

CONTEXT: Layout = {"context_coef": ("hidden",), "intercept": (1,)}
CONTEXT_ALONE: Reads = frozenset[Read]({"context"})


def fit_context(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    c: float = 1.0,
    max_iter: int = 2000,
) -> Fitted:
    """Logistic regression on the context alone, fitted as the logistic scorer is; the activations are not used.

    Args:
        z: Activations, (n, k, d); checked, not used.
        context: Hidden state of the same rows, (n, hidden), finite.
        y: True where abnormal, (n,), bool, both classes.
        seed: Seed of the solver.
        c: Inverse strength of the L2 penalty.
        max_iter: Most iterations.

    Returns:
        `context_coef` (hidden,) and `intercept` (1,), float64.

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Shapes that do not belong together.
        ComputeError: Not finite, or not converged.
    """
    _, labels = learnable(z, y)
    coef, intercept = fit_columns(_context(context, len(labels)), labels, seed=seed, c=c, max_iter=max_iter)
    return Fitted({"context_coef": coef, "intercept": intercept})


def fit_both(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    c: float = 1.0,
    max_iter: int = 2000,
) -> Fitted:
    """Logistic regression on the joined heads with the context behind them. Arguments and errors as `fit_context`."""
    x, labels = learnable(z, y)
    joined = np.concatenate([x.reshape(len(x), -1), _context(context, len(x))], axis=1)
    coef, intercept = fit_columns(joined, labels, seed=seed, c=c, max_iter=max_iter)
    split = x[0].size
    return Fitted(
        {"coef": coef[:split].reshape(x.shape[1:]), "context_coef": coef[split:].copy(), "intercept": intercept}
    )


def _context(context: npt.ArrayLike | None, n: int) -> Float64:
    found = np.empty((0, 0)) if context is None else np.asarray(context, dtype=np.float64)
    if found.ndim != 2 or len(found) != n or not found.shape[1]:
        raise InputError(
            "this scorer reads the context, and it does not fit",
            got=None if context is None else found.shape,
            expected=f"({n}, hidden)",
        )
    check_finite(found, "context")
    return found


def logit_of_context(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit w . c + b of the contexts (n, hidden): (n,)."""
    assert context is not None
    return np.asarray(context @ arrays["context_coef"] + arrays["intercept"], dtype=np.float64)


def logit_of_both(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit w . concat(h_i) + v . c + b: (n,)."""
    assert context is not None
    return linear.logit(arrays, z, None) + np.asarray(context @ arrays["context_coef"], dtype=np.float64)


def reads_context(options: Mapping[str, Any]) -> Reads:
    """The context alone, whatever the options."""
    return CONTEXT_ALONE


def reads_both(options: Mapping[str, Any]) -> Reads:
    """Heads and context, whatever the options."""
    return HEADS_AND_CONTEXT


ALONE = Method(fit_context, logit_of_context, (CONTEXT,), reads_context)
BESIDE_HEADS = Method(fit_both, logit_of_both, ({**LINEAR, **CONTEXT},), reads_both)
