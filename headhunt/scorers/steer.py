"""Steering, the scorer of SteerVAD (ICLR 2026): what a fitted one says, in NumPy. It is trained in `steering`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.errors import InputError
from headhunt.scorers import linear
from headhunt.scorers.linear import LINEAR
from headhunt.scorers.method import HEADS, HEADS_AND_CONTEXT, Arrays, Fitted, Layout, Method, Reads, sigmoid

if TYPE_CHECKING:
    from headhunt.scorers.steering import Variant

GATE: Layout = {"gate_w1": ("m", "hidden"), "gate_b1": ("m",), "gate_w2": ("m",), "gate_b2": (1,)}
ADAPTER: Layout = {"adapter_u": ("k", "d", "rank"), "adapter_v": ("k", "rank", "hidden")}
STANDARD_Z: Layout = {"z_mean": ("k", "d"), "z_scale": ("k", "d")}
STANDARD_CONTEXT: Layout = {"context_mean": ("hidden",), "context_scale": ("hidden",)}
# The arrays that are there say which variant a scorer is.
VARIANTS: dict[str, Layout] = {
    "full": {**LINEAR, **GATE, **ADAPTER},
    "no-gate": {**LINEAR, **ADAPTER},
    "additive": {**LINEAR, **GATE, **ADAPTER, "additive": (1,)},
    "static": {**LINEAR, **GATE, "static": ("k", "d")},
    "linear": LINEAR,
}
STANDARDIZED: dict[str, Layout] = {
    name: {**layout, **STANDARD_Z, **({} if name == "linear" else STANDARD_CONTEXT)}
    for name, layout in VARIANTS.items()
}


def fit(
    z: npt.ArrayLike,
    context: npt.ArrayLike | None,
    y: npt.ArrayLike,
    *,
    seed: int = 0,
    epochs: int = 1000,
    lambda_reg: float = 0.1,
    rank: int = 4,
    gate_hidden: int = 128,
    lr: float = 1e-3,
    weight_decay: float = 0.01,
    variant: Variant = "full",
    standardize: bool = False,
) -> Fitted:
    """Train as `steering.fit_steer` does, where the options are explained; the variant "linear" needs no context.

    Raises:
        InputError: Shapes that do not belong together, or a context that is read and not given.
        LabelError, ComputeError, UsageError: As `steering.fit_steer` raises them.
    """
    from headhunt.scorers.steering import fit_steer

    if context is None:
        if variant != "linear":
            raise InputError("a steering fit reads the context", got=None, expected="(n, hidden)")
        context = np.zeros((*np.shape(z)[:1], 1), np.float32)
    arrays, loss = fit_steer(
        z,
        context,
        y,
        seed=seed,
        epochs=epochs,
        lambda_reg=lambda_reg,
        rank=rank,
        gate_hidden=gate_hidden,
        lr=lr,
        weight_decay=weight_decay,
        variant=variant,
        standardize=standardize,
    )
    return Fitted(arrays, loss)


def logit(arrays: Arrays, z: Float64, context: Float64 | None) -> Float64:
    """Logit w . concat(h_i * (1 + s * g_i)) + b, (n,), its ablations by the arrays that are there."""
    c = np.empty((len(z), 0)) if context is None else context
    if "z_mean" in arrays:
        z = (z - arrays["z_mean"]) / arrays["z_scale"]
    if "context_mean" in arrays:
        c = (c - arrays["context_mean"]) / arrays["context_scale"]
    if "adapter_u" in arrays or "static" in arrays:
        s, g = gate_and_adapters(arrays, c)
        z = z + s[:, None, None] * (g if "additive" in arrays else g * z)
    return linear.logit(arrays, z, None)


def gate_and_adapters(arrays: Arrays, context: Float64) -> tuple[Float64, Float64]:
    """Gate s in [0, 1], (n,), and steering g in [-1, 1], (n, k, d), of the contexts (n, hidden) a "steer" scorer sees.

    The context is taken as it is: a scorer fitted on standardized inputs wants them standardized. s is 1 without gate.
    """
    n = len(context)
    s = np.ones(n)
    if "gate_w1" in arrays:
        units = np.maximum(context @ arrays["gate_w1"].T + arrays["gate_b1"], 0)
        s = sigmoid(units @ arrays["gate_w2"] + arrays["gate_b2"])
    if "static" in arrays:
        g = np.tanh(arrays["static"].astype(np.float64))
        return s, np.broadcast_to(g, (n, *g.shape))
    k, rank, hidden = arrays["adapter_v"].shape
    v = (context @ arrays["adapter_v"].reshape(k * rank, hidden).T).reshape(n, k, rank)
    return s, np.tanh(np.einsum("nkr,kdr->nkd", v, arrays["adapter_u"]))


def reads(options: Mapping[str, Any]) -> Reads:
    """The variant "linear" reads no context, all others do."""
    return HEADS if options.get("variant") == "linear" else HEADS_AND_CONTEXT


METHOD = Method(fit, logit, (*VARIANTS.values(), *STANDARDIZED.values()), reads)
