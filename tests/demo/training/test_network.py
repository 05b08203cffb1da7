"""The architecture: its limits, and its levelled copy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from headhunt import models
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.language import pairs
from headhunt.demo.training.measures import spreads
from headhunt.demo.training.network import LEVEL, levelled
from headhunt.demo.training.packing import pack
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.trainer import Trainer
from headhunt.demo.training.visual_tokens import see


def test_the_exported_model_is_within_its_limits(exported: Path) -> None:
    backbone = models.load(str(exported))
    assert backbone.spec.layers >= 8
    assert backbone.spec.layers * backbone.spec.heads >= 64
    assert sum(p.numel() for p in backbone.model.parameters()) <= 8_000_000
    assert (exported / "model.safetensors").stat().st_size <= 16_000_000
    assert backbone.notes == ("untrained",)


def test_levelled_heads_are_of_one_size_and_the_model_says_the_same(trainer: Trainer, samples: list[Sample]) -> None:
    with trainer.averaged():
        found = spreads(trainer, samples)
        even = levelled(trainer.model, found)
        batch = pack(trainer.layout, [pairs(samples[0].facts, np.random.default_rng(0), n=3)], system=None)  # type: ignore[arg-type]
        with torch.no_grad():
            visual = see(trainer.model, torch.from_numpy(samples[0].pixels))[0][None]
            plain, scaled = (decode(m, batch, visual, trainer.layout.image).last for m in (trainer.model, even))
        np.testing.assert_allclose(scaled.numpy(), plain.numpy(), atol=1e-4)
        before, trainer.model = trainer.model, even
        try:
            np.testing.assert_allclose(spreads(trainer, samples), LEVEL, rtol=1e-4)
        finally:
            trainer.model = before
    assert max(found) / min(found) > 1.01
