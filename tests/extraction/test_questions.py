"""Token ids of the prompts for each grid, worked out once, and not remembered for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from headhunt import models
from headhunt.errors import InputError
from headhunt.extraction import questions
from headhunt.extraction.questions import Questions, share
from headhunt.prompts import load


def test_each_grid_is_asked_about_in_its_own_number_of_tokens(checkpoints: dict[str, Path]) -> None:
    one = models.load(str(checkpoints["qwen2_5_vl"]))
    asked = Questions(one, load("headhunt5"), n_frames=6)
    for size in ((240, 320), (320, 100)):
        tile = one.preprocess.of(*size, 6)
        grid = one.grid(6, tile.height, tile.width, step_s=1.0)
        tokens = asked.tokens(grid)
        assert tokens.prefix.count(one.placeholder_id) == 3 * grid.rows * grid.columns == one.visual_tokens(grid)
        assert [[*tokens.prefix, *suffix] for suffix in tokens.suffixes] == asked.ids(grid)
        assert asked.tokens(grid) is tokens


def test_few_grids_are_remembered(checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "KEPT", 3)
    one = models.load(str(checkpoints["qwen2_5_vl"]))
    asked = Questions(one, load("headhunt5"), n_frames=4)
    grids = [one.grid(4, 56, 56, step_s=step) for step in (1.0, 2.0, 3.0, 4.0, 5.0)]
    found = [asked.tokens(grid) for grid in grids]
    assert [asked.tokens(grid) for grid in grids] == found
    assert len(asked._known) == 3


def test_prompts_that_part_before_the_frames_are_refused() -> None:
    with pytest.raises(InputError, match="differ before the last frame"):
        share([[1, 9], [2, 9]], placeholder_id=9)
