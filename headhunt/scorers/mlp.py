"""Two-layer perceptron on the joined heads, an ablation of HeadHunt-VAD (AAAI 2026)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.scorers.checks import fit_to_convergence, learnable
from headhunt.scorers.method import Arrays, Fitted, Layout, Method

MLP: Layout = {"hidden_w": ("m", "k", "d"), "hidden_b": ("m",), "out_w": ("m",), "out_b": (1,)}


def fit(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    hidden: int = 128,
    max_iter: int = 2000,
) -> Fitted:
    """Fit one ReLU layer and a linear one.

    The sizes are not published. Ours: one layer of `hidden` units, otherwise scikit-learn's defaults (Adam, step 1e-3,
    batches of at most 200, L2 1e-4, until the loss stops falling).

    Args:
        z: Activations, (n, k, d), finite.
        context: Not read.
        y: True where abnormal, (n,), bool, both classes.
        seed: Seed of the initial weights and of the order of rows.
        hidden: Units of the ReLU layer, m.
        max_iter: Most epochs.

    Returns:
        `hidden_w` (m, k, d), `hidden_b` (m,), `out_w` (m,), `out_b` (1,), float64.

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Activations of another shape.
        ComputeError: Not finite, or not converged.
    """
    from sklearn.neural_network import MLPClassifier

    x, labels = learnable(z, y)
    model = MLPClassifier(hidden_layer_sizes=(hidden,), max_iter=max_iter, random_state=seed)
    fit_to_convergence(model, x, labels)
    (first, last), (hidden_b, out_b) = model.coefs_, model.intercepts_
    return Fitted(
        {
            "hidden_w": first.T.reshape(hidden, *x.shape[1:]).copy(),  # (m, k, d)
            "hidden_b": hidden_b,
            "out_w": last[:, 0].copy(),
            "out_b": out_b,
        }
    )


def logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit out_w . relu(hidden_w z + hidden_b) + out_b of the activations z (n, k, d): (n,)."""
    flat = arrays["hidden_w"].reshape(len(arrays["hidden_w"]), -1)  # (m, k * d)
    units = np.maximum(z.reshape(len(z), -1) @ flat.T + arrays["hidden_b"], 0)
    return np.asarray(units @ arrays["out_w"] + arrays["out_b"], dtype=np.float64)


METHOD = Method(fit, logit, (MLP,))
