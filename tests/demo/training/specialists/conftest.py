"""A trainer, segments its model has looked at, and new heads."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headhunt.demo.training import phases
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.samples import Sample, pooled, segments_of
from headhunt.demo.training.schedule import SEGMENTS
from headhunt.demo.training.specialists.heads import Specialists
from headhunt.demo.training.specialists.looked import Looked, look
from headhunt.demo.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def trainer() -> Trainer:
    torch.manual_seed(0)
    made = Trainer(TrainConfig(seed=3), CPU)
    made.phase = SEGMENTS
    made.model.eval()
    return made


@pytest.fixture(scope="session")
def samples(trainer: Trainer) -> list[Sample]:
    return phases.look(trainer, pooled(segments_of(7, split="train", n=3)))


@pytest.fixture(scope="session")
def looked(trainer: Trainer, samples: list[Sample]) -> list[Looked]:
    rng = np.random.default_rng(0)
    return [look(trainer, sample, rng, questions=1 + i) for i, sample in enumerate(samples)]


@pytest.fixture
def new(trainer: Trainer) -> Specialists:
    """With biases, so that nothing is zero by chance."""
    heads = Specialists(trainer.model.model.language_model.rotary_emb, seed=1)
    with torch.no_grad():
        for bias in (heads.q_bias, heads.k_bias, heads.v_bias):
            bias.normal_(std=0.3)
    return heads
