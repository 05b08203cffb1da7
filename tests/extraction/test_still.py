"""How much two segments differ, against the blocks computed one by one; what noise of the demo's world comes to."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from headhunt.demo import world
from headhunt.errors import InputError
from headhunt.extraction import still
from headhunt.models.preprocess import Preprocess


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 3, 20, 13), (3, 3, 5, 24), (1, 3, 1, 1)])
def test_it_is_the_largest_mean_difference_of_a_block(shape: tuple[int, ...]) -> None:
    generator = np.random.default_rng(0)
    one, other = (generator.integers(0, 256, shape, dtype=np.uint8) for _ in range(2))
    apart = np.abs(one.astype(int) - other)
    blocks = [
        apart[frame, :, y : y + 8, x : x + 8].mean()
        for frame in range(shape[0])
        for y in range(0, shape[2], 8)
        for x in range(0, shape[3], 8)
    ]
    assert still.difference(one, other) == pytest.approx(max(blocks)) == pytest.approx(still.difference(other, one))
    assert still.difference(one, one) == 0.0


def test_someone_small_in_one_frame_is_noticed() -> None:
    empty = np.full((16, 3, 448, 448), 90, np.uint8)
    seen = empty.copy()
    seen[7, :, 300:308, 40:44] = 160
    assert still.difference(empty, seen) > still.BOUND
    assert np.abs(empty.astype(int) - seen).mean() < 0.01


def test_segments_of_different_shapes_cannot_be_compared() -> None:
    with pytest.raises(InputError):
        still.difference(np.zeros((2, 3, 8, 8), np.uint8), np.zeros((3, 3, 8, 8), np.uint8))


@pytest.mark.parametrize("seed", [1, 6])  # by day, and at night with twice the noise
def test_sensor_noise_is_still_and_people_are_not(seed: int) -> None:
    plan = world.plan_video(seed, kind="normal", duration_s=10)
    resize = Preprocess(56, 56, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), "bicubic").resize

    def segments(shown: world.VideoPlan) -> list[np.ndarray]:
        frames = np.concatenate(list(world.render_blocks(shown, start_frame=0, end_frame=192)))
        return [np.stack([resize(frames[k * 48 + i]) for i in range(6, 48, 12)]) for k in range(4)]

    empty, busy = segments(replace(plan, actors=(), effects=())), segments(plan)
    assert max(still.difference(a, b) for a, b in pairwise(empty)) < still.BOUND
    assert min(still.difference(a, b) for a, b in pairwise(busy)) > 2 * still.BOUND
