"""New heads learn."""

from __future__ import annotations

import pytest
import torch

from headhunt.demo.training.specialists import fitting
from headhunt.demo.training.specialists.fitting import COLUMNS, SpecialistConfig, fit
from headhunt.demo.training.specialists.heads import Specialists
from headhunt.demo.training.specialists.looked import Looked
from headhunt.demo.training.trainer import Trainer

CPU = torch.device("cpu")


def test_they_learn(trainer: Trainer, looked: list[Looked], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fitting, "HELD_OUT", 1)
    config = SpecialistConfig(epochs=100, batch=2, rate=1e-2)
    new, again = (Specialists(trainer.model.model.language_model.rotary_emb, seed=1) for _ in range(2))
    before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
    rows = fit(new, looked, config, CPU)
    assert len(rows) == 100
    assert all(len(row) == len(COLUMNS) for row in rows)
    assert rows[-1][2] < 0.5 * rows[0][2]
    assert all(torch.equal(p, before[name]) for name, p in trainer.model.named_parameters())
    assert [row[2:] for row in fit(again, looked, config, CPU)] == [row[2:] for row in rows]
