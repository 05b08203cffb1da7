"""Checks that fits and scores share: rows that can be learnt from, a fit that converges, finite numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64
from headhunt.errors import ComputeError, InputError, LabelError


def learnable(z: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float64, Bool]:
    """The rows of a fit as float64 and bool arrays that belong together.

    Args:
        z: Activations, (n, k, d), finite.
        y: True where abnormal, (n,), bool, both classes.

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Activations of another shape.
        ComputeError: Not finite.
    """
    x, labels = np.asarray(z, dtype=np.float64), np.asarray(y)
    if x.ndim != 3 or 0 in x.shape[1:]:
        raise InputError("activations of a fit have a wrong shape", got=x.shape, expected="(n, k, d)")
    if labels.shape != (len(x),) or labels.dtype != np.bool_:
        raise LabelError(
            "a fit needs one label a row", got=f"{labels.dtype} {labels.shape}", expected=f"bool ({len(x)},)"
        )
    if labels.all() or not labels.any():
        raise LabelError(
            "a fit needs rows of both classes",
            got=f"{int(labels.sum())} abnormal of {len(labels)} rows",
            hint="label more videos, or choose a split that holds normal and abnormal ones",
        )
    check_finite(x, "activations")
    return x, labels


def fit_to_convergence(model: Any, x: Float64, y: Bool) -> None:
    """Fit a scikit-learn estimator to the joined heads of x (n, k, d) and labels y (n,).

    Raises:
        ComputeError: It did not converge.
    """
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(x.reshape(len(x), -1), y)
        except ConvergenceWarning as error:
            raise ComputeError(
                "the fit did not converge", got=error, hint="allow more iterations or a stronger penalty"
            ) from error


def check_finite(x: Float64, what: str, first_row: int = 0) -> None:
    """Raise, and name the first row, unless all rows of x (n, ...) are finite.

    Args:
        x: The rows.
        what: What they are, for the message.
        first_row: Number of the first of them, where they are a block of more.

    Raises:
        ComputeError: A row is not finite.
    """
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if bad.any():
        raise ComputeError(
            f"the {what} are not finite",
            got=f"{int(bad.sum())} of {len(x)} rows, first row {first_row + int(bad.argmax())}",
            expected="finite values",
            hint="leave out the rows that failed",
        )
