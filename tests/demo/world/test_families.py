"""The two splits share nothing."""

from __future__ import annotations

import math

from headhunt.demo.world import plan_video
from headhunt.demo.world.families import CELLS, RANGES


def cell_of(value, low, high):
    """The cell of [low, high] that a value lies in; its parity tells the split."""
    return int((value - low) / (high - low) * CELLS)


def test_training_and_evaluation_share_no_camera_texture_or_light():
    for split, parity in (("train", 0), ("eval", 1)):
        for seed in range(60):
            plan = plan_video(seed, kind="normal", split=split, duration_s=10.0)
            camera, surface = plan.camera, plan.surface
            height, pitch, focal = RANGES[camera.place]
            wide = 4.0 if camera.place == "corridor" else 14.0
            cells = [
                cell_of(camera.height, *height),
                cell_of(math.degrees(camera.pitch), *pitch),
                cell_of(camera.focal, *focal),
                cell_of(math.degrees(camera.yaw), -wide, wide),
                cell_of(camera.x, -0.8, 0.8),
                cell_of(surface.tile, 0.45, 1.1),
            ]
            assert [c % 2 for c in cells] == [parity] * len(cells)
            assert surface.seed % 2 == parity


def test_the_same_seed_gives_another_video_in_the_other_split():
    train, evaluation = (plan_video(9, kind="normal", camera="shop", split=s) for s in ("train", "eval"))
    assert train.camera != evaluation.camera
    assert {a.path for a in train.actors}.isdisjoint({a.path for a in evaluation.actors})
