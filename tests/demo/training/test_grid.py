"""The cells of a frame against the model's own order of patches."""

from __future__ import annotations

import torch

from headhunt.demo.training.grid import GRID, TOKENS, by_cell
from headhunt.demo.training.network import RATIO
from headhunt.demo.training.trainer import Trainer


def test_visual_tokens_cover_the_cells_in_reading_order(trainer: Trainer) -> None:
    # The model's own shuffle of the patches' numbers.
    grid = GRID
    number = torch.arange(grid * grid, dtype=torch.float32).view(1, grid, grid, 1)
    shuffled = trainer.model.model.pixel_shuffle(number, scale_factor=RATIO).reshape(TOKENS, -1)
    words = torch.zeros(1, grid, grid, TOKENS)
    for cell in range(TOKENS):
        for patch in shuffled[cell].int().tolist():
            words[0, patch // grid, patch % grid, cell] = 1
    assert torch.equal(by_cell(words).amax(2)[0], torch.eye(TOKENS))
