"""What is measured on a model while it trains: how many answers it gets right, and how large its head outputs are."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import torch

from headhunt.demo.training import network, visual_tokens
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.language import pairs
from headhunt.demo.training.losses import text_loss
from headhunt.demo.training.packing import pack
from headhunt.demo.training.samples import FRAMES, Sample, facts_of, stacked
from headhunt.demo.training.schedule import TOLD
from headhunt.demo.training.trainer import Trainer

SLOTS = ("count", "actor", "action", "object", "light", "place", "description")


@torch.no_grad()
def check(trainer: Trainer, samples: list[Sample]) -> dict[str, float]:
    """Share of held-out answers predicted right in every token, by slot, each token given the true ones before it.

    For descriptions, the share of tokens. In the first phase the samples are shown as words, without noise.
    """
    rng = np.random.default_rng(0)
    right: dict[str, list[float]] = defaultdict(list)
    with trainer.averaged(), trainer.autocast():
        for low in range(0, len(samples), 8):
            part = samples[low : low + 8]
            asked = [pairs(fact, rng, n=12) for fact in facts_of(part)]
            batch = pack(trainer.layout, asked, system=None).to(trainer.device)
            visual = _seen(trainer, part).unflatten(0, (len(part), FRAMES))
            hidden = decode(trainer.model, batch, visual, trainer.layout.image).last
            good = torch.zeros_like(batch.target, dtype=torch.bool)
            good[batch.target != -100] = text_loss(trainer.model, hidden, batch)[1]
            for row, slots in enumerate(batch.slots):
                for number, slot in enumerate(slots, 1):
                    own = (batch.block[row] == number) & (batch.target[row] != -100)
                    hit = good[row][own].float()
                    right[slot].append(float(hit.mean() if slot == "description" else hit.min()))
    return {slot: float(np.mean(right[slot])) if right[slot] else float("nan") for slot in SLOTS}


@torch.no_grad()
def spreads(trainer: Trainer, samples: list[Sample]) -> list[float]:
    """Root mean square of each layer's head outputs, at the ends of questions about some segments."""
    rng = np.random.default_rng(1)
    squares = torch.zeros(network.LAYERS)
    for sample in samples:
        asked = [pairs(fact, rng, n=12) for fact in facts_of([sample])]
        batch = pack(trainer.layout, asked, system=None).to(trainer.device)
        heads = decode(trainer.model, batch, _seen(trainer, [sample])[None], trainer.layout.image).heads
        rows = [given[batch.asked].float() for given in heads]
        squares += torch.stack([row.square().mean() for row in rows]).cpu() / len(samples)
    return [float(s) for s in squares.sqrt()]


def _seen(trainer: Trainer, samples: list[Sample]) -> torch.Tensor:
    """Visual tokens of all frames, (n * FRAMES, TOKENS, hidden)."""
    if trainer.phase == TOLD:
        words = stacked([s.patches for s in samples], trainer.device).flatten(0, 1).flatten(1, 2)
        return visual_tokens.in_words(words.float(), trainer.embeddings, trainer.reader.words)
    pixels = stacked([s.pixels for s in samples], trainer.device).flatten(0, 1)
    return visual_tokens.see(trainer.model, pixels)[0]
