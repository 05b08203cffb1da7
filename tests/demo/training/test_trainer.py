"""The trainer: its running average, its state, and where it begins."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headhunt.demo.training import phases
from headhunt.demo.training import trainer as trainer_module
from headhunt.demo.training.checkpoint import load_state, save_state
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.samples import shots_of
from headhunt.demo.training.schedule import FRAMES_ALONE
from headhunt.demo.training.trainer import Trainer
from headhunt.errors import ArtefactError

CPU = torch.device("cpu")


def test_the_running_average_is_of_each_weight_by_its_name(tmp_path: Path) -> None:

    one = Trainer(TrainConfig(average=0.0), CPU)  # nothing is kept: the average is the weights themselves
    save_state(one.state(), tmp_path / "s")
    one.restore(load_state(tmp_path / "s", "cpu"))
    one.phase = FRAMES_ALONE
    one.learn(phases.losses(one, shots_of(5, split="train", n=1)), 1e-3)
    assert all(torch.equal(one.average[name], p) for name, p in one.model.named_parameters())


def test_a_state_of_another_architecture_is_refused() -> None:
    small = Trainer(TrainConfig(), CPU)
    state = small.state()
    state["reader"] = {name: value for name, value in state["reader"].items() if not name.startswith("people")}
    with pytest.raises(ArtefactError, match="cannot be continued"):
        small.restore(state)


def test_a_training_may_begin_with_a_model(exported: Path, trainer: Trainer) -> None:
    small = Trainer(TrainConfig(seed=5), CPU)
    small.begin_with(str(exported))
    for (name, p), (_, was) in zip(small.model.named_parameters(), trainer.model.named_parameters(), strict=True):
        torch.testing.assert_close(p, was, atol=1e-3, rtol=1e-3)  # float16 on disk
        assert torch.equal(small.average[name], p)


def test_float32_where_bfloat16_is_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    for fast, wanted in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(trainer_module, "fast_bfloat16", lambda _device, fast=fast: fast)
        small = Trainer(TrainConfig(), CPU)
        assert small.products == wanted
        with small.autocast():
            assert torch.is_autocast_enabled("cpu") == fast
        assert all(torch.isfinite(p).all() for p in small.model.parameters())
