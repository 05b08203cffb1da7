"""The packed layout against extraction's, and packed questions against single ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from headhunt import models
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.language import Pair, pairs
from headhunt.demo.training.network import HIDDEN
from headhunt.demo.training.packing import SYSTEM, pack
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.trainer import Trainer
from headhunt.models.backbone import sample_grid
from headhunt.prompts import FRAME_TEXT, load


def test_the_layout_is_extractions_own(exported: Path, trainer: Trainer) -> None:
    backbone = models.load(str(exported))
    for prompt in load("headhunt5").prompts:
        for system in (None, SYSTEM):
            ids = backbone.token_ids(prompt.text, grid=sample_grid(backbone, 16), frame_text=FRAME_TEXT, system=system)
            layout = trainer.layout
            assert [*layout.prefix(system), *layout.suffix(prompt.text)] == ids


def test_known_words_are_one_token_and_all_text_survives(trainer: Trainer) -> None:
    layout = trainer.layout
    assert len(layout.ids("Walking can be seen on a street by day.")) == 10
    for text in ("Übel? abnormal 43 !", "a\nb  c", "Walking, standing."):
        assert trainer.tokenizer.decode(layout.ids(text)) == text
    assert len(layout.ids(" abnormal")) == len(" abnormal")  # spelt in bytes


def test_packed_questions_give_what_single_ones_give(trainer: Trainer, samples: list[Sample]) -> None:
    asked = [pairs(s.facts, np.random.default_rng(0), n=3) for s in samples]
    visual = torch.randn(2, 16 * TOKENS, HIDDEN, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        batch = pack(trainer.layout, asked, system=None)
        packed = decode(trainer.model, batch, visual, trainer.layout.image).last
        for row, own in enumerate(asked):
            for number, pair in enumerate(own, 1):
                single = pack(trainer.layout, [[pair]], system=None)
                alone = decode(trainer.model, single, visual[row : row + 1], trainer.layout.image).last
                got, want = packed[row][batch.block[row] == number], alone[0][single.block[0] == 1]
                torch.testing.assert_close(got, want, atol=2e-4, rtol=1e-3)


def test_targets_are_the_answers_and_nothing_else(trainer: Trainer) -> None:
    batch = pack(trainer.layout, [[Pair("count", "How many cars are there?", "Two cars.")]], system=None)
    wanted = batch.target[0][batch.target[0] != -100].tolist()
    assert trainer.tokenizer.decode(wanted) == "Two cars.<|im_end|>"
    first = int((batch.target[0] != -100).nonzero()[0])
    assert trainer.tokenizer.decode(batch.ids[0][: first + 1].tolist()).endswith("<|im_start|>assistant\n")
