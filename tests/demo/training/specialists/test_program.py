"""A run that adds specialists, and what it writes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.network import HEADS
from headhunt.demo.training.specialists import fitting
from headhunt.demo.training.specialists.fitting import SpecialistConfig
from headhunt.demo.training.specialists.heads import ADDED
from headhunt.demo.training.specialists.program import run
from headhunt.demo.training.trainer import Trainer
from headhunt.errors import UsageError

CPU = torch.device("cpu")


def test_a_run_writes_a_model_that_is_read_by_the_usual_path(
    tmp_path: Path, trainer: Trainer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from headhunt.models import load

    monkeypatch.setattr(fitting, "HELD_OUT", 2)
    config = SpecialistConfig(segments=6, epochs=2, batch=2, workers=0, threads=1)
    threads = torch.get_num_threads()
    try:
        run(tmp_path, "tiny", config, device="cpu", judge=0)
    finally:
        torch.set_num_threads(threads)
    known, tiny = load(str(tmp_path / "model"), device="cpu"), load("tiny", device="cpu")
    assert known.spec.heads == HEADS + ADDED
    assert known.spec.head_dim == tiny.spec.head_dim
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "specialists" in card
    assert f"x {known.spec.heads} query heads" in card
    back = Trainer(TrainConfig(), CPU)
    back.begin_with(str(tmp_path / "model"))
    plain = Trainer(TrainConfig(), CPU)
    plain.begin_with("tiny")
    for (name, p), (_, wanted) in zip(back.model.named_parameters(), plain.model.named_parameters(), strict=True):
        assert torch.equal(p, wanted), name
    assert back.before == plain.before
    assert len((tmp_path / "specialists.csv").read_text().splitlines()) == 1 + config.epochs
    assert (tmp_path / "log-1.csv").is_file()


def test_a_run_needs_segments_to_learn_from_and_replaces_no_model(tmp_path: Path) -> None:
    few = SpecialistConfig(segments=fitting.HELD_OUT)
    with pytest.raises(UsageError, match="too few segments"):
        run(tmp_path / "new", "tiny", few, device="cpu")
    (tmp_path / "model").mkdir()
    with pytest.raises(UsageError, match="already holds a model"):
        run(tmp_path, "tiny", SpecialistConfig(), device="cpu")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
