"""A scorer turns the activations of its heads into a score in [0, 1]; it knows no store, no video and no model.

Axes: n segments, k chosen heads, d head dim. Everything here is NumPy and scikit-learn; steering is trained elsewhere.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64
from headhunt.errors import ArtefactError, ComputeError, InputError, LabelError
from headhunt.records import Head, canonical_json

Arrays = Mapping[str, npt.NDArray[Any]]
Shape = tuple[int | str, ...]

_ROWS_AT_ONCE = 2048  # bounds the float64 copies: 59 MB of context at hidden 3584

# a name stands for a size that is free but the same wherever it occurs; k, d and hidden are the scorer's own
_LINEAR: dict[str, Shape] = {"coef": ("k", "d"), "intercept": (1,)}
_MLP: dict[str, Shape] = {"hidden_w": ("m", "k", "d"), "hidden_b": ("m",), "out_w": ("m",), "out_b": (1,)}
_GATE: dict[str, Shape] = {"gate_w1": ("m", "hidden"), "gate_b1": ("m",), "gate_w2": ("m",), "gate_b2": (1,)}
_ADAPTER: dict[str, Shape] = {"adapter_u": ("k", "d", "rank"), "adapter_v": ("k", "rank", "hidden")}
_STEER: dict[str, dict[str, Shape]] = {
    "full": _LINEAR | _GATE | _ADAPTER,
    "no-gate": _LINEAR | _ADAPTER,
    "additive": _LINEAR | _GATE | _ADAPTER | {"additive": (1,)},
    "static": _LINEAR | _GATE | {"static": ("k", "d")},
    "linear": _LINEAR,
}
_STANDARD_Z: dict[str, Shape] = {"z_mean": ("k", "d"), "z_scale": ("k", "d")}
_STANDARD_CONTEXT: dict[str, Shape] = {"context_mean": ("hidden",), "context_scale": ("hidden",)}


@dataclass(frozen=True, eq=False)
class Scorer:
    """A fitted scorer.

    Attributes:
        method: A name of `METHODS`.
        heads: The heads it reads, in the order of axis k.
        head_dim: d.
        hidden: Length of the context it reads, or None when it reads none.
        arrays: Its numbers, finite; names and shapes are those of the method. Which of the optional arrays a "steer"
            scorer has says which variant it is.
        facts: Where it comes from, plain JSON: config, seed, prompt, fingerprint of the features.
    """

    method: str
    heads: tuple[Head, ...]
    head_dim: int
    hidden: int | None
    arrays: Arrays
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise ArtefactError("a scorer is of an unknown method", got=self.method, expected=", ".join(METHODS))
        if not self.heads or len(set(self.heads)) != len(self.heads):
            raise ArtefactError("a scorer needs heads, each once", got=[str(head) for head in self.heads])
        layouts = [_LINEAR] if self.method in ("logistic", "svm") else [_MLP]
        if self.method == "steer":
            layouts = list(_STEER.values())
            layouts += [a | _STANDARD_Z | (_STANDARD_CONTEXT if a is not _LINEAR else {}) for a in _STEER.values()]
        layout = next((names for names in layouts if set(names) == set(self.arrays)), None)
        if layout is None:
            raise ArtefactError(
                f"the arrays of a scorer are not those of {self.method}",
                got=sorted(self.arrays),
                expected=" or ".join(str(sorted(names)) for names in layouts),
            )
        reads_context = any("hidden" in shape for shape in layout.values())
        if reads_context != (self.hidden is not None):
            raise ArtefactError(
                "a scorer states a wrong length of its context",
                got=f"hidden {self.hidden}",
                expected="a length" if reads_context else "None: these arrays read no context",
            )
        sizes: dict[int | str, int] = {"k": len(self.heads), "d": self.head_dim, "hidden": self.hidden or 0}
        for name, shape in layout.items():
            array = self.arrays[name]
            for axis, size in zip(shape, array.shape, strict=False):
                sizes.setdefault(axis, axis if isinstance(axis, int) else size)
            expected = tuple(sizes.get(axis, 0) for axis in shape)
            if array.shape != expected or 0 in expected or array.dtype.kind != "f":
                raise ArtefactError(
                    f"array {name} of a scorer does not fit it",
                    got=f"{array.dtype} {array.shape}",
                    expected=f"floating point {shape} = {expected}",
                )
            if not np.isfinite(array).all() or (name.endswith("_scale") and not (array > 0).all()):
                raise ArtefactError(f"array {name} of a scorer holds numbers it cannot use", expected="finite values")
        try:
            canonical_json(dict(self.facts))
        except (TypeError, ValueError) as error:
            raise ArtefactError("the facts of a scorer are not plain JSON", got=error) from error


# fitting


def fit_logistic(
    z: npt.ArrayLike, y: npt.ArrayLike, *, c: float = 1.0, max_iter: int = 2000, seed: int = 0
) -> dict[str, Float64]:
    """Logistic regression on the joined heads: liblinear, no class weights, no scaling (HeadHunt-VAD, AAAI 2026).

    Args:
        z: Activations, (n, k, d), finite.
        y: True where abnormal, (n,), bool, both classes.
        c: Inverse strength of the L2 penalty.
        max_iter: Most iterations.
        seed: Seed of the solver.

    Returns:
        `coef` (k, d) and `intercept` (1,), float64.

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Activations of another shape.
        ComputeError: Not finite, or not converged.
    """
    from sklearn.linear_model import LogisticRegression

    x, labels = _check_fit(z, y)
    model = LogisticRegression(solver="liblinear", C=c, max_iter=max_iter, random_state=seed)
    _converge(model, x.reshape(len(x), -1), labels)
    return {"coef": model.coef_.reshape(x.shape[1:]), "intercept": model.intercept_}


def fit_svm(
    z: npt.ArrayLike, y: npt.ArrayLike, *, c: float = 1.0, max_iter: int = 2000, seed: int = 0
) -> dict[str, Float64]:
    """Linear SVM (squared hinge, primal) on the joined heads, an ablation of HeadHunt-VAD (AAAI 2026).

    The score is the sigmoid of the margin, a choice of ours: it ranks as the margin does but is not a calibrated
    probability. Arguments, result and errors are those of `fit_logistic`.
    """
    from sklearn.svm import LinearSVC

    x, labels = _check_fit(z, y)
    model = LinearSVC(C=c, dual=False, max_iter=max_iter, random_state=seed)
    _converge(model, x.reshape(len(x), -1), labels)
    return {"coef": model.coef_.reshape(x.shape[1:]), "intercept": model.intercept_}


def fit_mlp(
    z: npt.ArrayLike, y: npt.ArrayLike, *, hidden: int = 128, max_iter: int = 2000, seed: int = 0
) -> dict[str, Float64]:
    """Two-layer perceptron on the joined heads, an ablation of HeadHunt-VAD (AAAI 2026).

    The sizes are not published. Ours: one ReLU layer of `hidden` units, otherwise scikit-learn's defaults (Adam, step
    1e-3, batches of at most 200, L2 1e-4, until the loss stops falling). Errors are those of `fit_logistic`.

    Returns:
        `hidden_w` (hidden, k, d), `hidden_b` (hidden,), `out_w` (hidden,), `out_b` (1,), float64.
    """
    from sklearn.neural_network import MLPClassifier

    x, labels = _check_fit(z, y)
    model = MLPClassifier(hidden_layer_sizes=(hidden,), max_iter=max_iter, random_state=seed)
    _converge(model, x.reshape(len(x), -1), labels)
    (first, last), (hidden_b, out_b) = model.coefs_, model.intercepts_
    return {
        "hidden_w": first.T.reshape(hidden, *x.shape[1:]).copy(),
        "hidden_b": hidden_b,
        "out_w": last[:, 0].copy(),
        "out_b": out_b,
    }


FITTERS: dict[str, Callable[..., dict[str, Float64]]] = {
    "logistic": fit_logistic,
    "svm": fit_svm,
    "mlp": fit_mlp,
}


def _converge(model: Any, x: Float64, y: Bool) -> None:
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            model.fit(x, y)
        except ConvergenceWarning as error:
            raise ComputeError(
                "the fit did not converge", got=error, hint="allow more iterations or a stronger penalty"
            ) from error


def _check_fit(z: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float64, Bool]:
    """The input as float64 and bool arrays that belong together, or an error."""
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
    _check_finite(x, "activations")
    return x, labels


# scoring


def score(scorer: Scorer, z: npt.ArrayLike, context: npt.ArrayLike | None = None) -> Float64:
    """Scores of n segments, in [0, 1], higher is more abnormal.

    Args:
        scorer: Any fitted scorer.
        z: Activations of its heads in its order, (n, k, d), finite. n may be 0.
        context: Hidden state of the same rows, (n, hidden), finite. Unused when `scorer.hidden` is None.

    Returns:
        (n,), float64.

    Raises:
        ArtefactError: The rows are not of this scorer's heads, head dim or context.
        ComputeError: A row is not finite, or a score could not be computed.
    """
    rows = np.asarray(z)
    expected = (len(scorer.heads), scorer.head_dim)
    if rows.ndim != 3 or rows.shape[1:] != expected:
        raise ArtefactError(
            "the activations are not of this scorer's heads",
            got=rows.shape,
            expected=f"(n, {expected[0]}, {expected[1]})",
            hint="extract the heads that the scorer was fitted on",
        )
    contexts = None
    if scorer.hidden is not None:
        contexts = np.empty(0) if context is None else np.asarray(context)
        if contexts.shape != (len(rows), scorer.hidden):
            raise ArtefactError(
                "this scorer reads the context, and it does not fit",
                got=None if context is None else contexts.shape,
                expected=f"({len(rows)}, {scorer.hidden})",
                hint="extract with context, from the model that the scorer was fitted on",
            )
    out = np.empty(len(rows), np.float64)
    for start in range(0, len(rows), _ROWS_AT_ONCE):
        part = slice(start, start + _ROWS_AT_ONCE)
        x = rows[part].astype(np.float64)
        c = None if contexts is None else contexts[part].astype(np.float64)
        _check_finite(x, "activations", start)
        if c is not None:
            _check_finite(c, "context", start)
        with np.errstate(over="ignore", invalid="ignore"):
            logit = METHODS[scorer.method](scorer.arrays, x, c)
        # What overflows is infinite or not a number, as the processor adds: either would come out as a score, or not.
        _check_finite(logit[:, None], "scores", start)
        out[part] = _sigmoid(logit)
    return out


def _linear_logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    return np.asarray(z.reshape(len(z), -1) @ arrays["coef"].ravel() + arrays["intercept"], dtype=np.float64)


def _mlp_logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    flat = arrays["hidden_w"].reshape(len(arrays["hidden_w"]), -1)
    units = np.maximum(z.reshape(len(z), -1) @ flat.T + arrays["hidden_b"], 0)
    return np.asarray(units @ arrays["out_w"] + arrays["out_b"], dtype=np.float64)


def _steer_logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit w . concat(h_i * (1 + s * g_i)) + b, its ablations by the arrays that are there (SteerVAD, ICLR 2026)."""
    c = np.empty((len(z), 0)) if context is None else context
    if "z_mean" in arrays:
        z = (z - arrays["z_mean"]) / arrays["z_scale"]
    if "context_mean" in arrays:
        c = (c - arrays["context_mean"]) / arrays["context_scale"]
    if "adapter_u" in arrays or "static" in arrays:
        s, g = gate_and_adapters(arrays, c)
        z = z + s[:, None, None] * (g if "additive" in arrays else g * z)
    return _linear_logit(arrays, z, None)


def gate_and_adapters(arrays: Arrays, context: Float64) -> tuple[Float64, Float64]:
    """Gate s in [0, 1], (n,), and steering g in [-1, 1], (n, k, d), of the contexts (n, hidden) a "steer" scorer sees.

    The context is taken as it is: a scorer fitted on standardized inputs wants them standardized. s is 1 without gate.
    """
    n = len(context)
    s = np.ones(n)
    if "gate_w1" in arrays:
        units = np.maximum(context @ arrays["gate_w1"].T + arrays["gate_b1"], 0)
        s = _sigmoid(units @ arrays["gate_w2"] + arrays["gate_b2"])
    if "static" in arrays:
        g = np.tanh(arrays["static"].astype(np.float64))
        return s, np.broadcast_to(g, (n, *g.shape))
    k, rank, hidden = arrays["adapter_v"].shape
    v = (context @ arrays["adapter_v"].reshape(k * rank, hidden).T).reshape(n, k, rank)
    return s, np.tanh(np.einsum("nkr,kdr->nkd", v, arrays["adapter_u"]))


METHODS: dict[str, Callable[[Arrays, Float64, Float64 | None], Float64]] = {
    "logistic": _linear_logit,
    "svm": _linear_logit,
    "mlp": _mlp_logit,
    "steer": _steer_logit,
}


def _sigmoid(x: Float64) -> Float64:
    return np.asarray(np.exp(-np.logaddexp(0.0, -x)), dtype=np.float64)


def _check_finite(x: Float64, what: str, first_row: int = 0) -> None:
    bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
    if bad.any():
        raise ComputeError(
            f"the {what} are not finite",
            got=f"{int(bad.sum())} of {len(x)} rows, first row {first_row + int(bad.argmax())}",
            expected="finite values",
            hint="leave out the rows that failed",
        )
