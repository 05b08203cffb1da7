"""Effects change their own part of the picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from headhunt.demo.world import plan_video
from headhunt.demo.world.camera import View
from tests.demo.world.made_frames import SMALL, frames_of


def test_fire_brightens_its_own_place_and_nothing_else():
    plan = plan_video(4, kind="abnormal", category="fire", camera="corridor", look_alike="", config=SMALL)
    fire = next(e for e in plan.effects if e.kind == "fire")
    frame = (plan.events[0].start_frame + plan.events[0].end_frame) // 2
    burning = frames_of(plan, frame, frame + 1)[0].astype(float)
    still = frames_of(replace(plan, effects=()), frame, frame + 1)[0].astype(float)
    view = View(plan.camera, 128, 96)
    point, _ = view.project(np.array([fire.x, fire.y + 0.3 * fire.size, fire.z]))
    u, v = (int(n) for n in point)
    redder = burning[..., 0] - still[..., 0]
    assert redder[max(0, v - 3) : v + 4, u - 3 : u + 4].mean() > 40
    assert np.abs(redder[-8:, :8]).max() == 0
