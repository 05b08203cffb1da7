"""The program: runs, resumed runs, runs that begin with a model, and what they write."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest
import torch

from headhunt import models
from headhunt.demo.training import held_out, lessons, train
from headhunt.demo.training.checkpoint import load_state
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.export import export
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.trainer import Trainer
from headhunt.errors import UsageError

CPU = torch.device("cpu")


def test_a_run_is_resumed_where_it_stopped_and_exports_what_loads(tmp_path: Path) -> None:
    common = {"hours": None, "batch": 1, "workers": 0, "check_s": 0.0, "questions": 1}
    config = TrainConfig(**common, steps=3, told=0.3, frames=0.3)
    monkey = pytest.MonkeyPatch()
    monkey.setattr(lessons, "CHECK_VIDEOS", 1)
    with monkey.context():
        train.train(tmp_path, config, device="cpu")
        with pytest.raises(UsageError, match="already holds"):
            train.train(tmp_path, config, device="cpu")
        longer = TrainConfig(**common, steps=4, told=0.2, frames=0.2)
        trainer = train.train(tmp_path, longer, device="cpu", resume=True)
    assert trainer.step == 4
    assert trainer.drawn == [2, 4, 2]
    rows = list(csv.DictReader((tmp_path / "log.csv").read_text().splitlines()))
    assert [(row["step"], row["phase"]) for row in rows] == [("1", "0"), ("2", "1"), ("3", "2"), ("4", "2")]
    assert float(rows[-1]["text"]) > 0
    export(trainer, tmp_path, n_videos=1)
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert set(held_out.SLOTS) <= set(scores["judged"]["scores"])
    assert scores["judged"]["segments"] == 2
    card = (tmp_path / "MODEL_CARD.md").read_text()
    assert "## Limits" in card
    assert models.load(str(tmp_path / "model")).head_error < 1e-4
    # A second run begins with the weights of the first and knows of it.
    again = Trainer(TrainConfig(), CPU)
    again.begin_with(str(tmp_path / "model"))
    assert again.before == [scores["training"]]
    second = tmp_path / "second"
    with monkey.context():
        short = TrainConfig(**common, steps=1, told=0.0, frames=1.0)
        went_on = train.train(second, short, device="cpu", init=str(tmp_path / "model"))
    assert (second / "log-1.csv").read_text() == (tmp_path / "log.csv").read_text()
    export(went_on, second, n_videos=0)
    assert "|  | run 1 | run 2 |" in (second / "MODEL_CARD.md").read_text()
    resumed = Trainer(short, CPU)
    resumed.restore(load_state(second / "state.safetensors", "cpu"))
    assert resumed.before == again.before


def test_help_names_the_options(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["train", "--help"])
    with pytest.raises(SystemExit) as stop:
        train.main()
    assert stop.value.code == 0
    assert "--resume" in capsys.readouterr().out


@pytest.mark.parametrize("cells", [0, TOKENS + 1])
def test_a_frame_has_a_limited_number_of_cells(tmp_path: Path, cells: int) -> None:
    with pytest.raises(UsageError, match="number of cells"):
        train.train(tmp_path, TrainConfig(cells=cells), device="cpu")
    assert not list(tmp_path.iterdir())
