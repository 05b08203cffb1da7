"""What many tests of the training share: two segments, a trainer with fresh weights, its model as files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.network import save
from headhunt.demo.training.samples import Sample, pooled, segments_of
from headhunt.demo.training.trainer import Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def samples() -> list[Sample]:
    return pooled(segments_of(3, split="train", n=2))


@pytest.fixture(scope="session")
def trainer() -> Trainer:
    return Trainer(TrainConfig(batch=2, questions=3), CPU)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, trainer: Trainer) -> Path:
    folder = tmp_path_factory.mktemp("model")
    save(trainer.model, trainer.tokenizer, folder, note="untrained")
    return folder
