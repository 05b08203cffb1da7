"""Incidents: they change the picture, and their events are exact."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.demo.world import CATEGORIES, describe, plan_video
from headhunt.demo.world.camera import View
from headhunt.demo.world.motion import track
from tests.demo.world.made_frames import ONE_INCIDENT_S, SMALL, frames_of


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_incident_changes_the_picture_during_its_event(category):
    plan = plan_video(1, kind="abnormal", category=category, look_alike="", config=SMALL)
    event = plan.events[0]
    middle = min((event.start_frame + event.end_frame) // 2, event.start_frame + 50)
    before, during = (frames_of(plan, f, f + 1)[0] for f in (max(0, event.start_frame - 25), middle))
    assert during.dtype == np.uint8
    assert during.shape == (96, 128, 3)
    moved = np.abs(during.astype(int) - before.astype(int)).sum(2) > 60
    assert moved.mean() > 0.004


def test_the_blows_of_a_fight_begin_and_end_with_its_event():
    for seed in range(6):
        plan = plan_video(seed, kind="abnormal", category="fight", second="", look_alike="", duration_s=ONE_INCIDENT_S)
        blows = [a for actor in plan.actors for a in actor.actions if a.name in ("hit", "struck", "fall", "get up")]
        event = plan.events[0]
        assert min(a.start_frame for a in blows) == event.start_frame
        assert max(a.end_frame for a in blows) == event.end_frame


def test_fighters_stand_close_and_in_view_throughout_the_event():
    plan = plan_video(11, kind="abnormal", category="fight", look_alike="")
    event = plan.events[0]
    fighters = [actor for actor in plan.actors if any(a.name == "hit" for a in actor.actions)]
    assert len(fighters) == 2
    ways = [track(actor, plan.config.fps) for actor in fighters]
    frames = np.arange(event.start_frame, event.start_frame + 50)
    x, z = ([way_row[way.rows(frames)] for way, way_row in ((w, getattr(w, n)) for w in ways)] for n in "xz")
    assert np.hypot(x[0] - x[1], z[0] - z[1]).max() < 1.0
    view = View(plan.camera, plan.config.width, plan.config.height)
    assert all(view.inside(xs, zs).all() for xs, zs in zip(x, z, strict=True))


def test_nobody_of_a_panic_shows_after_the_event():
    plan = plan_video(7, kind="abnormal", category="panic", second="", look_alike="", duration_s=ONE_INCIDENT_S)
    end = plan.events[0].end_frame
    if end < plan.n_frames:
        later = describe(plan, end, plan.n_frames).actors
        assert not any(a.action == "run" for seen in later for a in seen.activities)
