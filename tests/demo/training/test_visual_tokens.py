"""Visual tokens of frames, of cells and of words."""

from __future__ import annotations

from pathlib import Path

import torch

from headhunt import models
from headhunt.demo.training.grid import GRID, TOKENS, by_cell
from headhunt.demo.training.network import HEIGHT, WIDTH
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.trainer import Trainer
from headhunt.demo.training.visual_tokens import in_words, normalized, see, see_cells


def test_pixels_are_normalised_as_the_processor_files_say(exported: Path, samples: list[Sample]) -> None:
    backbone = models.load(str(exported))
    frame = samples[0].pixels[0]
    theirs = backbone.preprocess.normalize(torch.from_numpy(backbone.preprocess.resize(frame)))
    ours = normalized(torch.from_numpy(frame)[None])[0]
    torch.testing.assert_close(ours, theirs, atol=1e-5, rtol=0)


def test_a_token_in_words_is_the_sum_of_its_words() -> None:
    table, ids = torch.randn(9, 4), torch.tensor([2, 5, 7])
    tokens = in_words(torch.tensor([[[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]]), table, ids)
    unit = table / table.norm(dim=-1, keepdim=True)
    assert torch.allclose(tokens[0, 0], 2 * (unit[2] + unit[7]), atol=1e-6)
    assert not tokens[0, 1].any()


def test_all_cells_are_the_whole_frame_and_one_cell_sees_only_itself(trainer: Trainer) -> None:
    chance = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (2, HEIGHT, WIDTH, 3), dtype=torch.uint8, generator=chance)
    every = torch.arange(TOKENS).expand(2, -1)
    with torch.no_grad():
        tokens, states = see(trainer.model, pixels)
        of_cells, by_patches = see_cells(trainer.model, pixels, every)
        torch.testing.assert_close(of_cells, tokens, atol=1e-4, rtol=1e-3)
        grid = states.unflatten(1, (GRID, GRID))
        torch.testing.assert_close(by_patches, by_cell(grid), atol=1e-4, rtol=1e-3)
        some, _ = see_cells(trainer.model, pixels, torch.tensor([[5], [5]]))
        pixels[:, : HEIGHT // 4] = 0  # cell 5 is in the second row
        again, _ = see_cells(trainer.model, pixels, torch.tensor([[5], [5]]))
    assert torch.equal(some, again)
