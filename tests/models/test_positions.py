"""Rotary positions on three axes: golden numbers of the published rule, and where transformers departs from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.models.backbone import sample_grid
from headhunt.models.grid import Grid, unit_times
from headhunt.models.positions import three_axes

TEXT, SEEN = [False] * 3, True


@pytest.mark.parametrize(
    ("seconds", "times"),
    [
        (None, (0, 1, 2, 3, 4)),
        (0.0, (0, 1, 2, 3, 4)),
        (0.24, (0, 1, 2, 3, 4)),  # less than a place apart: two units at one place would be one to the model
        (0.5, (0, 1, 2, 3, 4)),
        (0.75, (0, 1, 3, 4, 6)),
        (1.0, (0, 2, 4, 6, 8)),
        (4.1, (0, 8, 16, 24, 32)),
    ],
)
def test_units_are_at_their_true_times_and_never_at_one_place(seconds: float | None, times: tuple[int, ...]) -> None:
    assert unit_times(5, seconds, per_second=2.0) == times
    assert unit_times(1, seconds, per_second=2.0) == (0,)
    assert unit_times(0, seconds, per_second=2.0) == ()


def test_text_after_a_video_goes_on_behind_its_last_moment() -> None:
    """Eight units of 2 x 2 tokens a second apart, at two places a second: text goes on at 3 + 14 + 1."""
    grid = Grid(unit_times(8, 1.0, per_second=2.0), 2, 2)
    found = three_axes(np.array([*TEXT, *[SEEN] * 32, *TEXT, False]), grid)
    assert found[:, :3].tolist() == [[0, 1, 2]] * 3
    assert found[0, 3:35].tolist() == [3 + 2 * (i // 4) for i in range(32)]
    assert found[1, 3:35].tolist() == [3, 3, 4, 4] * 8
    assert found[2, 3:35].tolist() == [3, 4] * 16
    assert found[:, 35:].tolist() == [[18, 19, 20, 21]] * 3


def test_text_after_a_wide_picture_goes_on_behind_its_last_column() -> None:
    """Images: each is a run of its own, and its time is counted from where it begins."""
    grid = Grid((0, 1), 1, 5)
    found = three_axes(np.array([False, *[SEEN] * 5, False, *[SEEN] * 5, False]), grid)
    assert found.tolist() == [
        [0, 1, 1, 1, 1, 1, 6, 7, 7, 7, 7, 7, 12],
        [0, 1, 1, 1, 1, 1, 6, 7, 7, 7, 7, 7, 12],
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    ]


def test_text_alone_is_counted() -> None:
    assert three_axes(np.zeros(4, bool), None).tolist() == [[0, 1, 2, 3]] * 3
    assert three_axes(np.zeros(0, bool), None).shape == (3, 0)


@pytest.mark.parametrize("step_s", [0.5, 1.0])  # transformers 5.17 cuts seconds off to whole ones
def test_up_to_the_end_of_a_video_transformers_agrees_and_after_it_the_published_rule_holds(
    checkpoints: dict[str, Path], step_s: float
) -> None:
    one: Any = models.load(str(checkpoints["qwen2_5_vl"]))
    tile = one.preprocess.of(240, 320, 16)
    grid = one.grid(16, tile.height, tile.width, step_s=step_s)
    ids = one.token_ids("Is it?", grid=grid, frame_text="<image>", system=None)
    last = len(ids) - 1 - ids[::-1].index(one.placeholder_id)
    ours = one.positions(ids, grid)[:, 0]
    theirs, _ = one.model.model.get_rope_index(
        torch.tensor([ids]),
        mm_token_type_ids=2 * (torch.tensor([ids]) == one.placeholder_id).int(),
        video_grid_thw=torch.tensor([[8, 2 * grid.rows, 2 * grid.columns]]),
        second_per_grid_ts=torch.tensor([2 * step_s]),
    )
    assert torch.equal(ours[:, : last + 1], theirs[:, 0, : last + 1])
    assert set(ours[:, last + 1].tolist()) == {int(ours[:, : last + 1].max()) + 1}


def test_a_run_of_tokens_has_the_positions_it_has_in_the_whole(checkpoints: dict[str, Path]) -> None:
    for packing in ("video", "image"):
        one: Any = models.load(str(checkpoints["qwen2_5_vl"]), packing=packing)
        grid = sample_grid(one, 6)
        ids = one.token_ids("Is it?", grid=grid, frame_text="Frame{i}: <image>\n", system="Look.")
        whole = one.positions(ids, grid)
        last = len(ids) - 1 - ids[::-1].index(one.placeholder_id)
        for cut in (1, last + 1, last + 2, len(ids) - 1):
            parts = one.positions(ids[:cut], grid), one.positions(ids[cut:], grid, after=ids[:cut])
            assert torch.equal(torch.cat(parts, -1), whole)
