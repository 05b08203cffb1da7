"""How specialists are trained."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from headhunt.demo.training.patches import TOPICS
from headhunt.demo.training.specialists.heads import SHARING, Specialists, topic_of
from headhunt.demo.training.specialists.looked import Batch, Looked, in_deviations

HELD_OUT = 160  # segments, the first ones, used only to measure the loss
COLUMNS = ("epoch", "seconds", "loss", "held_out", *(f"topic_{i}" for i in range(len(TOPICS))))


@dataclass(frozen=True)
class SpecialistConfig:
    """How specialists are trained.

    Attributes:
        segments: Number of segments, `HELD_OUT` of them only to measure the loss; about 1.5 MB of memory each.
        questions: Meaningful questions a segment, besides `ODD` meaningless ones.
        epochs: Passes over the segments.
        batch: Segments a step.
        rate: Peak learning rate of AdamW, falling to 0.
        weight_decay: Weight decay of matrices and read-outs.
        seed: Seed of the weights and of every random choice.
        workers: Rendering processes.
        threads: Threads on a CPU.
    """

    segments: int = 3000
    questions: int = 4
    epochs: int = 5
    batch: int = 16
    rate: float = 3e-3
    weight_decay: float = 1.0
    seed: int = 0
    workers: int = 1
    threads: int = 2


def fit(model: Specialists, segments: Sequence[Looked], config: SpecialistConfig, device: torch.device) -> list[Any]:
    """Train the specialists.

    Args:
        model: Changed in place.
        segments: The first `HELD_OUT` serve only to measure the loss.
        config: How to train.
        device: Where to train.

    Returns:
        One row of `COLUMNS` an epoch.
    """
    segments = in_deviations(segments)
    held_out, own = segments[:HELD_OUT], segments[HELD_OUT:]
    matrices = [p for p in model.parameters() if p.ndim > 2 and p is not model.read_bias]
    rest = [model.q_bias, model.k_bias, model.v_bias, model.read_bias]
    groups = [{"params": matrices, "weight_decay": config.weight_decay}, {"params": rest, "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98))
    a_pass = max(1, len(own) // config.batch)
    steps, topics = config.epochs * a_pass, topic_of(len(model.q)).repeat_interleave(SHARING, 1)
    falling = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min(1.0, (i + 1) / 50) * (1 - i / steps))
    rng, began, rows = np.random.default_rng([4, config.seed]), time.monotonic(), []
    for epoch in range(config.epochs):
        order, total = rng.permutation(len(own)), 0.0
        for low in range(0, a_pass * config.batch, config.batch):
            batch = Batch.of([own[i] for i in order[low : low + config.batch]], device)
            loss = model.losses(batch, model(batch)).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            total += float(loss.detach()) / a_pass
        with torch.no_grad():
            parts = [Batch.of(held_out[i : i + 16], device) for i in range(0, len(held_out), 16)]
            measured = [model.losses(part, model(part)) * len(part.seen) / len(held_out) for part in parts]
        missed = torch.stack(measured).sum(0).cpu()
        each = [float(missed[topics == topic].mean()) for topic in range(len(TOPICS))]
        rows.append([epoch, round(time.monotonic() - began, 1), total, float(missed.mean()), *each])
        print("  ".join(f"{n} {v:.4g}" for n, v in zip(COLUMNS, rows[-1], strict=True)), flush=True)
    return rows
