"""The losses and their weights in the total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F

from headhunt.demo.training.packing import Packed

WEIGHTS = {
    "text": 1.0, "gist": 0.1, "frame": 0.1, "number": 0.3, "patch": 0.2, "body": 2.0, "cell": 0.2, "match": 0.05,
}  # fmt: skip


def weighed(losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """The total of some losses by name."""
    return torch.stack([loss * WEIGHTS[name] for name, loss in losses.items()]).sum()


def text_loss(model: Any, hidden: torch.Tensor, batch: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted next-token cross entropy over the tokens of the answers, and whether each was predicted right."""
    asked = batch.target != -100
    logits = model.lm_head(hidden[asked]).float()
    wanted, weight = batch.target[asked], batch.weight[asked]
    loss = (F.cross_entropy(logits, wanted, reduction="none") * weight).sum() / weight.sum()
    return loss, logits.argmax(-1) == wanted


def show_loss(logits: torch.Tensor, words: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
    """Binary cross entropy, summed over words, mean over the rest; `weight` (words,) is that of a shown word."""
    loss = F.binary_cross_entropy_with_logits(logits.float(), words.float(), pos_weight=weight, reduction="none")
    return loss.sum(-1).mean()


def body_loss(points: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean distance (smooth L1, in patches) of body points, over the patches that show a body.

    Args:
        points: (..., 2 * POINTS), as read from the patches.
        wanted: (..., 2 * POINTS + 1), as from `bodies.bodies`.
    """
    known, there = wanted[..., :-1], wanted[..., -1]
    # Points far from a patch, usually hidden behind other bodies, must not outweigh those it shows.
    apart = F.smooth_l1_loss(points.float(), known.clamp(-5, 5), reduction="none", beta=0.5).mean(-1)
    return (apart * there).sum() / there.sum().clamp(min=1.0)
