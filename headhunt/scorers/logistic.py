"""Logistic regression on the joined heads, the scorer of HeadHunt-VAD (AAAI 2026)."""

from __future__ import annotations

import numpy.typing as npt

from headhunt.arrays import Bool, Float64
from headhunt.scorers.checks import fit_to_convergence, learnable
from headhunt.scorers.linear import LINEAR, logit
from headhunt.scorers.method import Fitted, Method


def fit(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    c: float = 1.0,
    max_iter: int = 2000,
) -> Fitted:
    """Fit with liblinear, no class weights, no scaling.

    Args:
        z: Activations, (n, k, d), finite.
        context: Not read.
        y: True where abnormal, (n,), bool, both classes.
        seed: Seed of the solver.
        c: Inverse strength of the L2 penalty.
        max_iter: Most iterations.

    Returns:
        `coef` (k, d) and `intercept` (1,), float64.

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Activations of another shape.
        ComputeError: Not finite, or not converged.
    """
    x, labels = learnable(z, y)
    coef, intercept = fit_columns(x.reshape(len(x), -1), labels, seed=seed, c=c, max_iter=max_iter)
    return Fitted({"coef": coef.reshape(x.shape[1:]), "intercept": intercept})


def fit_columns(x: Float64, y: Bool, *, seed: int, c: float, max_iter: int) -> tuple[Float64, Float64]:
    """Weights (m,) and intercept (1,) of rows x (n, m) with labels y (n,); see `fit`.

    Raises:
        ComputeError: It did not converge.
    """
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(solver="liblinear", C=c, max_iter=max_iter, random_state=seed)
    fit_to_convergence(model, x, y)
    return model.coef_[0], model.intercept_


METHOD = Method(fit, logit, (LINEAR,))
