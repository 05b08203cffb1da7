"""The steering fit trains a gate and per-head adapters around a linear scorer; it knows no files, heads or stores.

With heads h_i (d values each, i = 1..k) and the context c of the same segment:

    s = sigmoid(w2 . relu(W1 c + b1) + b2)        the gate, in [0, 1]
    g_i = tanh(U_i V_i c)                         one low-rank adapter a head, in [-1, 1]^d
    h_i' = h_i * (1 + s * g_i)                    element-wise
    p = sigmoid(w . concat(h') + b)
    loss = BCE(p, y) + lambda * mean over the normal rows of s^2

Axes of its own: f fits trained side by side, m units of the gate, r rank of an adapter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float32, Float64
from headhunt.errors import ComputeError, InputError, LabelError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

Variant = Literal["full", "no-gate", "additive", "static", "linear"]


def fit_steer(
    z: npt.ArrayLike,
    context: npt.ArrayLike,
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
) -> tuple[dict[str, Float32], Float64]:
    """Train the hierarchical meta-controller of SteerVAD (ICLR 2026) with full-batch AdamW, in float32 on the CPU.

    The paper gives formulas, lambda_reg, epochs and a total of about 520 thousand parameters. What it does not give is
    ours: ReLU in the gate, its width, the rank, no biases in the adapters, torch's defaults for AdamW's weight decay
    and for the uniform initial weights, and U_i = 0 at the start, so that training starts at the plain linear scorer.

    Variants, the paper's ablations: "no-gate" sets s = 1 (and has nothing to regularise), "additive" uses h + s * g,
    "static" replaces U_i V_i c by a learned constant (gate kept), "linear" is the scorer alone, without lambda.

    The same input, seed, machine and number of threads give the same arrays bit for bit. Global random states, default
    dtypes and thread counts are neither used nor changed.

    Args:
        z: Activations of the k chosen heads, (n, k, d), finite.
        context: Hidden state of the same rows, (n, hidden), finite.
        y: True where abnormal, (n,), bool, both classes.
        seed: Seed of the initial weights.
        epochs: Steps; 0 gives the initial weights.
        lambda_reg: Weight of the gate's regulariser, >= 0.
        rank: Rank of each adapter.
        gate_hidden: Width of the gate's hidden layer.
        lr: AdamW's step size.
        weight_decay: AdamW's decoupled weight decay.
        variant: "full" or an ablation.
        standardize: Bring every input column to mean 0 and deviation 1 first; the means and scales become arrays of
            the scorer. The paper uses raw values, the default.

    Returns:
        The float32 arrays of a "steer" scorer, `coef` (k, d), `intercept` (1,) and, as the variant has them, `gate_w1`
        (gate_hidden, hidden), `gate_b1`, `gate_w2` (gate_hidden,), `gate_b2` (1,), `adapter_v` (k, rank, hidden),
        `adapter_u` (k, d, rank), `static` (k, d), `additive` (1,), `z_mean`, `z_scale` (k, d), `context_mean`,
        `context_scale` (hidden,); and the loss before each step, (epochs,).

    Raises:
        LabelError: One class only, or labels that are not one bool a row.
        InputError: Shapes that do not belong together.
        ComputeError: An input or the loss is not finite.
        UsageError: An option out of range.
    """
    return fit_several(
        np.asarray(z)[None], np.asarray(context)[None], np.asarray(y)[None], seeds=[seed], epochs=epochs,
        lambda_reg=lambda_reg, rank=rank, gate_hidden=gate_hidden, lr=lr, weight_decay=weight_decay, variant=variant,
        standardize=standardize,
    )[0]  # fmt: skip


def fit_several(
    z: npt.ArrayLike,
    context: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    seeds: Sequence[int],
    epochs: int = 1000,
    lambda_reg: float = 0.1,
    rank: int = 4,
    gate_hidden: int = 128,
    lr: float = 1e-3,
    weight_decay: float = 0.01,
    variant: Variant = "full",
    standardize: bool = False,
) -> list[tuple[dict[str, Float32], Float64]]:
    """Train f fits side by side, with what `fit_steer` gives for each alone but for rounding.

    `z` is (f, n, k, d), `context` (f, n, hidden) and `y` (f, n), and there is one seed a fit. A context (n, hidden) or
    labels (n,) are those of all fits; sharing the context is fastest. Options and errors are those of `fit_steer`; an
    error about one of several fits names it by its index.
    """
    import torch
    from torch.optim.adamw import adamw  # the class around it would import torch's compiler: 1 s and 75 MB

    _check_options(variant, epochs, rank, gate_hidden, lambda_reg, lr, weight_decay)
    h, c, abnormal = _check_rows(z, context, y, len(seeds))
    (f, _, k, d), hidden = h.shape, c.shape[2]
    arrays: dict[str, Float32] = {"additive": np.ones((1, 1), np.float32)} if variant == "additive" else {}
    if standardize:
        h, arrays["z_mean"], arrays["z_scale"] = _standardized(h)
        if variant != "linear":
            c, arrays["context_mean"], arrays["context_scale"] = _standardized(c)

    def drawn(fan_in: int, *shape: int) -> Tensor:
        tensor = torch.empty(f, *shape, dtype=torch.float32, device="cpu")
        for one, generator in zip(tensor, generators, strict=True):
            one.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=generator)
        return tensor

    m = gate_hidden if variant in ("full", "additive", "static") else 0
    r = rank if variant in ("full", "additive", "no-gate") else 0
    with torch.inference_mode(False), torch.enable_grad():
        heads = torch.from_numpy(h).permute(0, 2, 3, 1).contiguous()  # (f, k, d, n)
        target = torch.from_numpy(abnormal.astype(np.float32))
        generators = [torch.Generator(device="cpu").manual_seed(seed) for seed in seeds]
        # the scorer is drawn first, so that all variants of one seed start from the same one
        p = {"coef": drawn(k * d, k, d), "intercept": drawn(k * d, 1)}
        if m:
            p["gate_w1"] = drawn(hidden, m, hidden)
        if r:
            p |= {"adapter_v": drawn(hidden, k, r, hidden), "adapter_u": heads.new_zeros(f, k, d, r)}
        if m:
            p |= {"gate_b1": drawn(hidden, m), "gate_w2": drawn(m, m), "gate_b2": drawn(m, 1)}
        if variant == "static":
            p["static"] = heads.new_zeros(f, k, d)
        contexts = [torch.from_numpy(rows) for rows in c]
        if torch.backends.mkldnn.is_available():  # this layout selects oneDNN's product, on AMD twice as fast as MKL's
            contexts = [rows.to_mkldnn() for rows in contexts]
        trained = [tensor.requires_grad_() for tensor in p.values()]
        moments, squares = ([torch.zeros_like(tensor) for tensor in trained] for _ in range(2))
        steps = [heads.new_zeros(()) for _ in trained]
        curve = np.empty((f, epochs), np.float64)
        for epoch in range(epochs):
            loss = _loss(p, heads, contexts, target, lambda_reg, additive=variant == "additive")
            # the fused step reads memory in order, whatever the strides
            gradients = [gradient.contiguous() for gradient in torch.autograd.grad(loss.sum(), trained)]
            with torch.no_grad():
                adamw(
                    trained, gradients, moments, squares, [], steps, fused=True, lr=lr, weight_decay=weight_decay,
                    beta1=0.9, beta2=0.999, eps=1e-8, amsgrad=False, maximize=False,
                )  # fmt: skip
            curve[:, epoch] = loss.detach().numpy()
            for i in np.flatnonzero(~np.isfinite(curve[:, epoch])).tolist():
                raise ComputeError(
                    f"{_name(i, f)} diverged in epoch {epoch}",
                    got=f"loss {curve[i, epoch]}",
                    expected="a finite loss",
                    hint="use a smaller step size, or standardize the inputs",
                )
    arrays |= {name: tensor.detach().numpy() for name, tensor in p.items()}
    return [({name: x[i % len(x)].copy() for name, x in arrays.items()}, curve[i].copy()) for i in range(f)]


def _loss(
    p: dict[str, Tensor], h: Tensor, contexts: list[Tensor], y: Tensor, lambda_reg: float, *, additive: bool
) -> Tensor:
    """Loss of every fit, (f,), from its heads (f, k, d, n), one context (n, hidden) or one a fit, and labels (f, n)."""
    import torch
    from torch.nn import functional

    def product(weight: Tensor) -> Tensor:  # W c, (n, f, ...), of weights (f, ..., hidden)
        rows = weight.flatten(0, -2)
        blocks = rows.chunk(len(contexts)) if len(contexts) > 1 else [rows]
        products = [functional.linear(c, block).to_dense() for c, block in zip(contexts, blocks, strict=True)]
        return torch.cat(products, 1).view(-1, *weight.shape[:-1])

    s, g, regulariser = torch.ones_like(y), h.new_zeros(1, 1, 1, 1), h.new_zeros(())
    if "gate_w1" in p:
        units = torch.relu(product(p["gate_w1"]) + p["gate_b1"])
        s = torch.sigmoid(torch.einsum("fm,nfm->fn", p["gate_w2"], units) + p["gate_b2"])
        regulariser = lambda_reg * (s**2 * (1 - y)).sum(1) / (1 - y).sum(1)
    if "adapter_u" in p:
        g = torch.tanh(torch.einsum("fkdr,nfkr->fkdn", p["adapter_u"], product(p["adapter_v"])))
    if "static" in p:
        g = torch.tanh(p["static"])[..., None]
    sg = s[:, None, None] * g
    steered = h + sg if additive else h * (1 + sg)
    logit = torch.einsum("fkd,fkdn->fn", p["coef"], steered) + p["intercept"]
    return functional.binary_cross_entropy_with_logits(logit, y, reduction="none").mean(1) + regulariser


def _standardized(x: Float32) -> tuple[Float32, Float32, Float32]:
    """Columns at mean 0 and deviation 1 over the rows, axis 1, with means and scales; a constant one keeps scale 1."""
    mean = x.mean(axis=1, dtype=np.float64, keepdims=True)
    scale = x.std(axis=1, dtype=np.float64, keepdims=True)
    scale[scale == 0] = 1.0
    return ((x - mean) / scale).astype(np.float32), mean[:, 0].astype(np.float32), scale[:, 0].astype(np.float32)


def _name(i: int, fits: int) -> str:
    return "the steering fit" if fits == 1 else f"steering fit {i}"


def _check_options(
    variant: str, epochs: int, rank: int, gate_hidden: int, lambda_reg: float, lr: float, weight_decay: float
) -> None:
    if variant not in get_args(Variant):
        raise UsageError("there is no such variant of steering", got=variant, expected=", ".join(get_args(Variant)))
    least: dict[str, tuple[float, int]] = {"epochs": (epochs, 0), "rank": (rank, 1), "gate_hidden": (gate_hidden, 1)}
    least |= {"lambda_reg": (lambda_reg, 0), "lr": (lr, 0), "weight_decay": (weight_decay, 0)}
    for name, (value, minimum) in least.items():
        if not minimum <= value < math.inf:
            raise UsageError(f"{name} of the steering fit is out of range", got=value, expected=f">= {minimum}")


def _check_rows(z: npt.ArrayLike, context: npt.ArrayLike, y: npt.ArrayLike, fits: int) -> tuple[Float32, Float32, Bool]:
    """The input as arrays (f, n, k, d), (f or 1, n, hidden) and (f, n) that belong together, or an error."""
    labels = np.asarray(y)
    with np.errstate(over="ignore"):  # what overflows float32 is caught as not finite below
        # copies: torch warns of arrays that are read-only
        h, c = np.array(z, dtype=np.float32, order="C"), np.array(context, dtype=np.float32, order="C")
    c = c[None] if c.ndim == 2 else c
    f_n = h.shape[:2]
    together = h.ndim == 4 and c.ndim == 3 and c.shape[:2] in (f_n, (1, f_n[1])) and 0 < len(h) == fits
    if not together or 0 in (*h.shape[2:], c.shape[2]):
        raise InputError(
            "activations, context and seeds of a steering fit do not belong together",
            got=f"activations {h.shape}, context {c.shape}, seeds {fits}",
            expected="(fits, n, k, d), (fits or 1, n, hidden) and one seed a fit",
        )
    if labels.shape not in (f_n, f_n[1:]) or labels.dtype != np.bool_:
        raise LabelError("a fit needs one label a row", got=f"{labels.dtype} {labels.shape}", expected=f"bool {f_n}")
    labels = np.broadcast_to(labels, f_n)
    for i in np.flatnonzero(labels.all(axis=1) | ~labels.any(axis=1)).tolist():
        raise LabelError(
            f"{_name(i, fits)} needs rows of both classes",
            got=f"{int(labels[i].sum())} abnormal of {f_n[1]} rows",
            hint="label more videos, or choose a split that holds normal and abnormal ones",
        )
    for name, x in (("activations", h), ("context", c)):
        bad = np.asarray(~np.isfinite(x.reshape(*x.shape[:2], -1)).all(axis=2))
        for i in np.flatnonzero(bad.any(axis=1)).tolist():
            raise ComputeError(
                f"the {name} of {_name(i, len(x))} must be finite in float32",
                got=f"{int(bad[i].sum())} of {f_n[1]} rows are not, first row {int(bad[i].argmax())}",
                expected="finite values",
                hint="leave out the rows that failed",
            )
    return h, c, labels
