"""Linear SVM on the joined heads, an ablation of HeadHunt-VAD (AAAI 2026)."""

from __future__ import annotations

import numpy.typing as npt

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
    """Fit with the squared hinge, in the primal.

    The score is the sigmoid of the margin, a choice of ours: it ranks as the margin does but is not a calibrated
    probability.

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
    from sklearn.svm import LinearSVC

    x, labels = learnable(z, y)
    model = LinearSVC(C=c, dual=False, max_iter=max_iter, random_state=seed)
    fit_to_convergence(model, x, labels)
    return Fitted({"coef": model.coef_.reshape(x.shape[1:]), "intercept": model.intercept_})


METHOD = Method(fit, logit, (LINEAR,))
