"""Muon for many small matrices, on any processor.

torch.optim.Muon works matrix by matrix and always in bfloat16, which a CPU without bfloat16 arithmetic does a hundred
times more slowly than float32. Here matrices of one shape are updated together, in the precision of the training.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch

# Muon's quintic Newton-Schulz iteration (Keller Jordan 2024, https://kellerjordan.github.io/posts/muon/).
COEFFICIENTS = (3.4445, -4.7750, 2.0315)
ITERATIONS = 5


def orthogonalized(matrices: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """Matrices (n, a, b) with their singular values pushed to about 1 (0.7 to 1.2), in `dtype`."""
    a, b, c = COEFFICIENTS
    tall = matrices.shape[1] > matrices.shape[2]
    x = (matrices.mT if tall else matrices).to(dtype)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.mT if tall else x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalised, with decoupled weight decay.

    Args:
        params: Matrices only.
        lr: Learning rate; a step moves a matrix (a, b) by `lr * sqrt(max(1, a / b))` times an orthogonal one.
        weight_decay: Share of the weights subtracted at each step, times `lr`.
        momentum: Decay of the running gradient (Nesterov).
        dtype: Precision of the iteration.
    """

    def __init__(
        self,
        params: Iterable[torch.nn.Parameter],
        *,
        lr: float,
        weight_decay: float,
        momentum: float = 0.95,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        self.dtype = dtype

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step; parameters without a gradient are left alone."""
        if closure is not None:
            raise NotImplementedError("Muon takes no closure")
        for group in self.param_groups:
            alike: dict[torch.Size, list[torch.Tensor]] = defaultdict(list)
            for p in group["params"]:
                if p.grad is not None:
                    alike[p.shape].append(p)
            for (rows, columns), params in alike.items():
                self._together(params, group, group["lr"] * max(1.0, rows / columns) ** 0.5)

    def _together(self, params: list[torch.Tensor], group: dict[str, Any], rate: float) -> None:
        momentum = group["momentum"]
        grads: list[torch.Tensor] = [p.grad for p in params if p.grad is not None]
        for p in params:
            if "momentum_buffer" not in self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p)
        running = [self.state[p]["momentum_buffer"] for p in params]
        torch._foreach_lerp_(running, grads, 1 - momentum)
        ahead = torch._foreach_lerp(grads, running, momentum)
        change = orthogonalized(torch.stack(ahead), self.dtype).to(params[0].dtype)
        torch._foreach_mul_(params, 1 - group["lr"] * group["weight_decay"])
        torch._foreach_add_(params, list(change.unbind()), alpha=-rate)
