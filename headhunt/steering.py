"""The steering fit trains a gate and per-head adapters around a linear scorer; it knows no files, heads or stores.

With heads h_i (d values each, i = 1..k) and the context c of the same segment:

    s = sigmoid(w2 . relu(W1 c + b1) + b2)        the gate, in [0, 1]
    g_i = tanh(U_i V_i c)                         one low-rank adapter a head, in [-1, 1]^d
    h_i' = h_i * (1 + s * g_i)                    element-wise
    p = sigmoid(w . concat(h') + b)
    loss = BCE(p, y) + lambda * mean over the normal rows of s^2

The forward and backward passes are written out instead of left to autograd: V and W1 share one matrix product each way,
and that product, nearly all of the work, can then go to the fastest routine there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from headhunt.errors import ComputeError, InputError, LabelError, UsageError
from headhunt.records import Bool, Float32, Float64

if TYPE_CHECKING:
    import torch

SMALL = 1 << 17  # numbers of a context; up to here oneDNN is not worth its conversions
Variant = Literal["full", "no-gate", "additive", "static", "linear"]
Product = Callable[["torch.Tensor"], "torch.Tensor"]


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
    import torch

    _check_options(variant, epochs, rank, gate_hidden, lambda_reg, lr, weight_decay)
    h, c, abnormal = _check_rows(z, context, y)
    (n, k, d), hidden = h.shape, c.shape[1]
    extra: dict[str, Float32] = {"additive": np.ones(1, np.float32)} if variant == "additive" else {}
    if standardize:
        h, extra["z_mean"], extra["z_scale"] = _standardized(h)
        if variant != "linear":
            c, extra["context_mean"], extra["context_scale"] = _standardized(c)

    gate = gate_hidden if variant in ("full", "additive", "static") else 0
    rows = gate + (k * rank if variant in ("full", "no-gate", "additive") else 0)
    shapes: dict[str, tuple[int, ...]] = {"coef": (k, d), "intercept": (1,)}
    if gate:
        shapes |= {"gate_b1": (gate,), "gate_w2": (gate,), "gate_b2": (1,)}
    if variant == "static":
        shapes["static"] = (k, d)
    elif rows > gate:
        shapes["adapter_u"] = (k, d, rank)
    small, p = _flat(shapes)
    small_grad, grad = _flat(shapes)
    first = torch.zeros(rows, hidden, dtype=torch.float32, device="cpu")  # W1 above all V_i

    random = torch.Generator(device="cpu").manual_seed(seed)
    # the scorer is drawn first, so that all variants of one seed start from the same one
    for tensor, fan_in in [(p["coef"], k * d), (p["intercept"], k * d), (first, hidden)]:
        tensor.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=random)
    if gate:
        for name, fan_in in [("gate_b1", hidden), ("gate_w2", gate), ("gate_b2", gate)]:
            p[name].uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=random)

    heads = torch.from_numpy(h)
    sign = torch.from_numpy(np.where(abnormal, np.float32(-1), np.float32(1)))
    reg = torch.from_numpy(np.where(abnormal, 0, lambda_reg / np.sum(~abnormal)).astype(np.float32))  # lambda * mean
    forward, backward = _products(torch.from_numpy(c))
    trained = [t for t in (first, small) if t.numel()]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay, fused=True)
    small.grad = small_grad
    curve = np.empty(epochs, np.float64)
    with torch.no_grad():
        for epoch in range(epochs):
            zc = forward(first) if rows else torch.empty(n, 0)  # (n, gate + k * rank)
            loss, d_zc = _loss_and_gradients(p, grad, zc, heads, sign, reg, additive=variant == "additive")
            if rows:
                first.grad = backward(d_zc)
            optimizer.step()
            curve[epoch] = loss.item()
            if not math.isfinite(curve[epoch]):
                raise ComputeError(
                    f"the steering fit diverged in epoch {epoch}",
                    got=f"loss {curve[epoch]}",
                    expected="a finite loss",
                    hint="use a smaller step size, or standardize the inputs",
                )
    arrays = {name: tensor.clone().numpy() for name, tensor in p.items()}
    if gate:
        arrays["gate_w1"] = first[:gate].clone().numpy()
    if rows > gate:
        arrays["adapter_v"] = first[gate:].clone().view(k, rank, hidden).numpy()
    return arrays | extra, curve


def _loss_and_gradients(
    p: dict[str, torch.Tensor],
    grad: dict[str, torch.Tensor],
    zc: torch.Tensor,
    h: torch.Tensor,
    sign: torch.Tensor,
    reg: torch.Tensor,
    *,
    additive: bool,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Loss, and its gradient for `zc` = c [W1; V]^T, (gate + k * rank, n); those of `p` are written into `grad`.

    With f = h (or 1 if additive), the logit is w.h + s * q + b with q = w . (f * g). `sign` is +1 for normal rows and
    -1 for abnormal ones, so that BCE = mean softplus(sign * logit) with no cancellation.
    """
    import torch

    n, k, d = h.shape
    gate = p["gate_w2"].shape[0] if "gate_w2" in p else 0
    d_zc = torch.empty(zc.shape[1], n, dtype=zc.dtype, device=zc.device)  # zc transposed, as its product wants it
    w = p["coef"].view(k * d)
    logit = torch.addmv(p["intercept"], h.view(n, k * d), w)  # (n,)

    s = torch.ones_like(logit)
    if gate:
        a = zc[:, :gate].add(p["gate_b1"]).relu_()
        s = torch.addmv(p["gate_b2"], a, p["gate_w2"]).sigmoid_()
    steers = "static" in p or "adapter_u" in p
    if steers:
        if "static" in p:
            x = (2 * p["static"]).expand(n, k, d)
        else:
            v = zc[:, gate:].view(n, k, -1).transpose(0, 1)  # (k, n, rank)
            x = torch.bmm(v, (2 * p["adapter_u"]).transpose(1, 2)).transpose(0, 1)  # (n, k, d)
        # tanh(x / 2) = 2 sigmoid(x) - 1, much faster than torch.tanh and as exact beside the 1 it is added to
        g = x.contiguous().sigmoid_().mul_(2).sub_(1)
        fg = g if additive else g * h  # (n, k, d)
        q = torch.mv(fg.view(n, k * d), w)  # (n,)
        logit.addcmul_(s, q)

    margin = logit.mul_(sign)
    loss = torch.nn.functional.softplus(margin).mean()
    if gate:
        loss += (reg * s).dot(s)
    d_logit = margin.sigmoid_().mul_(sign).div_(n)
    torch.sum(d_logit, 0, keepdim=True, out=grad["intercept"])
    d_w = torch.mv(h.view(n, k * d).t(), d_logit, out=grad["coef"].view(k * d))
    if steers:
        d_q = d_logit * s
        d_w.addmv_(fg.view(n, k * d).t(), d_q)
        # f * (1 - g^2), what tanh and the product pass back before w and d_q
        slope = 1 - g * g if additive else torch.addcmul(h, g, fg, value=-1)
        if "static" in p:
            torch.mv(slope.view(n, k * d).t(), d_q, out=grad["static"].view(k * d)).mul_(w)
        else:
            slope = slope.transpose(0, 1)  # (k, n, d)
            d_v = d_zc[gate:].view(k, -1, n).transpose(1, 2)  # (k, n, rank)
            torch.mul(torch.bmm(slope, p["coef"].unsqueeze(2) * p["adapter_u"]), d_q.view(1, n, 1), out=d_v)
            d_u = torch.bmm(slope.transpose(1, 2), v * d_q.view(1, n, 1))
            torch.mul(d_u, p["coef"].unsqueeze(2), out=grad["adapter_u"])
        if gate:
            d_s = d_logit.mul_(q).addcmul_(reg, s, value=2)
            d_t = d_s.mul_(s).mul_(1 - s)
            torch.mv(a.t(), d_t, out=grad["gate_w2"])
            torch.sum(d_t, 0, keepdim=True, out=grad["gate_b2"])
            d_a = torch.outer(p["gate_w2"], d_t, out=d_zc[:gate]).mul_(a.t() > 0)
            torch.sum(d_a, 1, out=grad["gate_b1"])
    return loss, d_zc


def _products(c: torch.Tensor) -> tuple[Product, Product]:
    """The two products with the context (n, hidden): W -> c W^T, and dZ^T -> dZ^T c, its gradient.

    oneDNN's kernels are twice as fast as `torch.mm` (MKL) on processors MKL does not favour and no slower elsewhere.
    Where torch has no oneDNN, and for contexts so small that bringing them into its form takes longer than multiplying,
    the same float32 products are done by `torch.mm`.
    """
    import torch

    if c.numel() <= SMALL or not torch.backends.mkldnn.is_available():
        return lambda w: c @ w.t(), lambda d_zc: d_zc @ c
    linear = torch.nn.functional.linear
    c_onednn, c_t = c.to_mkldnn(), c.t().contiguous()
    return (
        lambda w: linear(c_onednn, w).to_dense(),
        lambda d_zc: linear(d_zc.to_mkldnn(), c_t).to_dense(),
    )


def _flat(shapes: dict[str, tuple[int, ...]]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """One zeroed vector and named views into it, so that the optimizer sees one tensor."""
    import torch

    flat = torch.zeros(sum(math.prod(s) for s in shapes.values()), dtype=torch.float32, device="cpu")
    parts = flat.split([math.prod(s) for s in shapes.values()])
    return flat, {name: part.view(s) for (name, s), part in zip(shapes.items(), parts, strict=True)}


def _standardized(x: Float32) -> tuple[Float32, Float32, Float32]:
    """Columns at mean 0 and deviation 1, with the means and scales; a constant column keeps scale 1."""
    mean = x.mean(axis=0, dtype=np.float64)
    scale = x.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1.0
    return ((x - mean) / scale).astype(np.float32), mean.astype(np.float32), scale.astype(np.float32)


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


def _check_rows(z: npt.ArrayLike, context: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Float32, Float32, Bool]:
    """The input as float32 and bool arrays that belong together, or an error."""
    labels = np.asarray(y)
    with np.errstate(over="ignore"):  # what overflows float32 is caught as not finite below
        h = np.ascontiguousarray(z, dtype=np.float32)
        c = np.ascontiguousarray(context, dtype=np.float32)
    if h.ndim != 3 or c.ndim != 2 or len(h) != len(c) or 0 in h.shape[1:] or 0 in c.shape[1:]:
        raise InputError(
            "activations and context of a steering fit do not belong together",
            got=f"activations {h.shape}, context {c.shape}",
            expected="(n, k, d) and (n, hidden)",
        )
    if labels.shape != (len(h),) or labels.dtype != np.bool_:
        raise LabelError(
            "a fit needs one label a row",
            got=f"{labels.dtype} {labels.shape}",
            expected=f"bool ({len(h)},)",
        )
    if labels.all() or not labels.any():
        raise LabelError(
            "a fit needs rows of both classes",
            got=f"{int(labels.sum())} abnormal of {len(labels)} rows",
            hint="label more videos, or choose a split that holds normal and abnormal ones",
        )
    for name, x in (("activations", h), ("context", c)):
        bad = ~np.isfinite(x.reshape(len(x), -1)).all(axis=1)
        if bad.any():
            raise ComputeError(
                f"the {name} of a fit are not finite in float32",
                got=f"{int(bad.sum())} of {len(x)} rows, first row {int(bad.argmax())}",
                expected="finite values",
                hint="leave out the rows that failed",
            )
    return h, c, labels
