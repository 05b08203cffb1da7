"""The steering fit trains a gate and per-head adapters around a linear scorer; it knows no files, heads or stores.

With heads h_i (d values each, i = 1..k) and the context c of the same segment:

    s = sigmoid(w2 . relu(W1 c + b1) + b2)        the gate, in [0, 1]
    g_i = tanh(U_i V_i c)                         one low-rank adapter a head, in [-1, 1]^d
    h_i' = h_i * (1 + s * g_i)                    element-wise
    p = sigmoid(w . concat(h') + b)
    loss = BCE(p, y) + lambda * mean over the normal rows of s^2

The forward and backward passes are written out instead of left to autograd: V and W1 share one matrix product each way,
and that product, nearly all of the work, can then be cut as suits the processor.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float32, Float64
from headhunt.errors import ComputeError, InputError, LabelError, UsageError

if TYPE_CHECKING:
    import torch

SMALL = 1 << 17  # numbers of a context; up to here its products are not worth cutting
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
    import torch
    from torch.optim.adamw import adamw

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
    blocks = _blocks(torch.from_numpy(c))
    shapes: dict[str, tuple[int, ...]] = {"coef": (k, d), "intercept": (1,)}
    if gate:
        shapes |= {"gate_b1": (gate,), "gate_w2": (gate,), "gate_b2": (1,)}
    if variant == "static":
        shapes["static"] = (k, d)
    elif rows > gate:
        shapes["adapter_u"] = (k, rank, d)
    if rows:
        shapes["first"] = (len(blocks), rows, hidden // len(blocks))  # W1 above all V_i, cut like the context
    flat, p = _flat(shapes)
    flat_grad, grad = _flat(shapes)

    random = torch.Generator(device="cpu").manual_seed(seed)
    first = torch.empty(rows, hidden, dtype=torch.float32, device="cpu")
    # the scorer is drawn first, so that all variants of one seed start from the same one
    for tensor, fan_in in [(p["coef"], k * d), (p["intercept"], k * d), (first, hidden)]:
        tensor.uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=random)
    if gate:
        for name, fan_in in [("gate_b1", hidden), ("gate_w2", gate), ("gate_b2", gate)]:
            p[name].uniform_(-(fan_in**-0.5), fan_in**-0.5, generator=random)
    if rows:
        p["first"].copy_(first.view(rows, len(blocks), -1).transpose(0, 1))

    # kept for all epochs: memory taken anew must be given pages anew
    parts = torch.empty(len(blocks), rows, n, dtype=torch.float32)
    zc = parts[0] if len(blocks) == 1 else torch.empty(rows, n, dtype=torch.float32)
    d_zc = torch.empty(rows, n, dtype=torch.float32)
    loss_of = _Loss(h, abnormal, lambda_reg, additive=variant == "additive")
    moments, squares, steps = torch.zeros_like(flat), torch.zeros_like(flat), torch.zeros((), dtype=torch.float32)
    curve = np.empty(epochs, np.float64)
    with torch.no_grad():
        for epoch in range(epochs):
            if rows:
                torch.bmm(p["first"], blocks.transpose(1, 2), out=parts)
                if len(blocks) > 1:
                    torch.sum(parts, 0, out=zc)
            loss = loss_of(p, grad, zc, d_zc)
            if rows:
                torch.bmm(d_zc.expand(len(blocks), rows, n), blocks, out=grad["first"])
            adamw(
                [flat], [flat_grad], [moments], [squares], [], [steps],
                fused=True, amsgrad=False, beta1=0.9, beta2=0.999, lr=lr, weight_decay=weight_decay, eps=1e-8,
                maximize=False,
            )  # fmt: skip
            curve[epoch] = loss.item()
            if not math.isfinite(curve[epoch]):
                raise ComputeError(
                    f"the steering fit diverged in epoch {epoch}",
                    got=f"loss {curve[epoch]}",
                    expected="a finite loss",
                    hint="use a smaller step size, or standardize the inputs",
                )
    arrays = {name: tensor.clone().numpy() for name, tensor in p.items() if name not in ("first", "adapter_u")}
    if rows:
        first.view(rows, len(blocks), -1).copy_(p["first"].transpose(0, 1))
    if gate:
        arrays["gate_w1"] = first[:gate].clone().numpy()
    if rows > gate:
        arrays["adapter_v"] = first[gate:].clone().view(k, rank, hidden).numpy()
        arrays["adapter_u"] = p["adapter_u"].transpose(1, 2).contiguous().numpy()
    return arrays | extra, curve


class _Loss:
    """The loss and its gradients, for rows that stay the same.

    With f = h (or 1 if additive) and r = f * (1 + g), the logit is w.h + s * q + b with q = w.r - w.f. Rows lie last in
    what belongs to the context and second in (k, n, d), so that every product below is one of contiguous arrays.
    """

    def __init__(self, h: Float32, abnormal: Bool, lambda_reg: float, *, additive: bool) -> None:
        import torch

        n = len(h)
        self.h = torch.from_numpy(h).transpose(0, 1).contiguous()  # (k, n, d)
        f = torch.ones_like(self.h) if additive else self.h
        self.twice_f = f + f
        self.additive = additive
        # +1 for normal rows and -1 for abnormal ones, so that BCE = mean softplus(sign * logit) with no cancellation
        self.sign = torch.from_numpy(np.where(abnormal, np.float32(-1), np.float32(1)))
        self.share = self.sign / n
        reg = np.where(abnormal, 0, lambda_reg / np.sum(~abnormal)).astype(np.float32)
        self.reg = torch.from_numpy(reg)  # lambda * mean over the normal rows
        self.twice_reg = self.reg + self.reg
        self.two = torch.tensor(2.0, dtype=torch.float32)  # a Python number would be converted each time
        self.half, self.r, self.slope = (torch.empty_like(self.h) for _ in range(3))

    def __call__(
        self, p: dict[str, torch.Tensor], grad: dict[str, torch.Tensor], zc: torch.Tensor, d_zc: torch.Tensor
    ) -> torch.Tensor:
        """Loss of `zc` = [W1; V] c^T, (gate + k * rank, n); its gradient is written into `d_zc`, others into `grad`.

        `zc` is used up.
        """
        import torch

        h, two = self.h, self.two
        k, n, d = h.shape
        gate = p["gate_w2"].shape[0] if "gate_w2" in p else 0
        steers = "static" in p or "adapter_u" in p
        w = p["coef"].view(k, 1, d)
        wh = torch.bmm(w, h.transpose(1, 2)).view(k, n).sum(0)
        logit = wh + p["intercept"]  # (n,)

        s = torch.ones_like(logit)
        if gate:
            a = zc[:gate].add_(p["gate_b1"].view(gate, 1)).relu_()
            s = torch.addmv(p["gate_b2"], a.t(), p["gate_w2"]).sigmoid_()
        if steers:
            # tanh(x) = 2 sigmoid(2 x) - 1: much faster than torch.tanh and as exact beside the 1 it is added to
            if "static" in p:
                half = torch.sigmoid(two * p["static"]).view(k, 1, d)  # (1 + g) / 2
            else:
                v = zc[gate:].view(k, -1, n)
                half = torch.bmm(v.transpose(1, 2), two * p["adapter_u"], out=self.half).sigmoid_()  # (k, n, d)
            torch.mul(self.twice_f, half, out=self.r)
            q = torch.bmm(w, self.r.transpose(1, 2)).view(k, n).sum(0).sub_(w.sum() if self.additive else wh)
            logit.addcmul_(s, q)

        margin = logit.mul_(self.sign)
        loss = torch.nn.functional.softplus(margin).mean()
        if gate:
            loss += (self.reg * s).dot(s)
        d_logit = margin.sigmoid_().mul_(self.share)
        torch.sum(d_logit, 0, keepdim=True, out=grad["intercept"])
        d_w = grad["coef"].view(k, 1, d)
        if not steers:
            torch.bmm(d_logit.expand(k, 1, n), h, out=d_w)
            return loss
        d_q = d_logit * s
        for_h = d_logit if self.additive else d_logit - d_q
        torch.bmm(for_h.expand(k, 1, n), h, out=d_w).baddbmm_(d_q.expand(k, 1, n), self.r)
        if self.additive:
            d_w.sub_(d_q.sum())
        # f * (1 - g^2) / 2, what tanh and the product pass back before w, d_q and the 2
        slope = torch.addcmul(self.r, self.r, half, value=-1, out=self.slope)
        twice_w = two * w
        if "static" in p:
            torch.bmm(d_q.expand(k, 1, n), slope, out=grad["static"].view(k, 1, d)).mul_(twice_w)
        else:
            d_v = d_zc[gate:].view(k, -1, n)
            torch.bmm(twice_w * p["adapter_u"], slope.transpose(1, 2), out=d_v).mul_(d_q)
            torch.bmm(v * d_q, slope, out=grad["adapter_u"]).mul_(twice_w)
        if gate:
            d_s = d_logit.mul_(q).addcmul_(self.twice_reg, s)
            d_t = d_s.mul_(s).mul_(1 - s)
            torch.mv(a, d_t, out=grad["gate_w2"])
            torch.sum(d_t, 0, keepdim=True, out=grad["gate_b2"])
            d_a = torch.outer(p["gate_w2"], d_t, out=d_zc[:gate]).mul_(a.sign_())
            torch.sum(d_a, 1, out=grad["gate_b1"])
        return loss


def _blocks(c: torch.Tensor) -> torch.Tensor:
    """The context (n, hidden) as blocks of columns (blocks, n, hidden / blocks), two or more a thread if it divides.

    A product of all blocks at once gives every thread whole products of its own, faster than one product split by the
    library. A small context stays one block.
    """
    import torch

    n, hidden = c.shape
    count = 1
    while count < 2 * torch.get_num_threads() and hidden % (2 * count) == 0 and c.numel() > SMALL:
        count *= 2
    return c.view(n, count, hidden // count).transpose(0, 1).contiguous()


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
