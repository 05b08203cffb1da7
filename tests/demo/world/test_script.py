"""Plans: what may happen where, how often and with what, and what is refused."""

from __future__ import annotations

from itertools import pairwise

import pytest

from headhunt.demo.world import CATEGORIES, plan_video
from headhunt.demo.world.accidents import INCIDENT_PLACES
from headhunt.errors import InputError
from tests.demo.world.made_frames import SMALL, digest, frames_of


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_can_be_planned_wherever_it_may_happen_and_its_events_lie_in_the_video(category):
    for place in INCIDENT_PLACES[category]:
        for seed, seconds in ((0, None), (1, 10.0), (2, 70.0)):
            plan = plan_video(seed, kind="abnormal", category=category, camera=place, duration_s=seconds)
            assert plan.camera.place == place
            assert category in plan.categories
            assert len(plan.categories) <= 2
            assert len(plan.events) >= len(plan.categories)
            assert all(0 < e.start_frame < e.end_frame <= plan.n_frames for e in plan.events)
            assert all(one.end_frame <= two.start_frame for one, two in pairwise(plan.events))


def test_a_longer_video_shows_two_categories_one_after_the_other_with_calm_between():
    plan = plan_video(3, kind="abnormal", category="fight", second="fire", look_alike="")
    assert plan.categories == ("fight", "fire")
    assert plan.category == "fight+fire"
    fight, fire = plan.events
    assert fire.start_frame - fight.end_frame >= 2 * plan.config.fps
    assert min(e.start_frame for e in plan.effects if e.kind == "fire") == fire.start_frame
    # A group that is to panic stands there from the beginning: it comes first. A short video has room for one.
    assert plan_video(3, kind="abnormal", category="fight", second="panic").categories == ("panic", "fight")
    assert plan_video(3, kind="abnormal", category="fight", second="fire", duration_s=12.0).categories == ("fight",)
    assert plan_video(3, kind="abnormal", category="fight", second="").categories == ("fight",)


def test_what_needs_something_that_stands_there_all_the_time_happens_once():
    for seed in range(8):
        for category in ("vandalism", "panic", "explosion"):
            plan = plan_video(seed, kind="abnormal", category=category, second="", look_alike="", duration_s=90.0)
            assert len(plan.events) == 1
    assert len(plan_video(0, kind="abnormal", category="fall", second="", duration_s=90.0).events) > 1


def test_different_seeds_give_different_videos():
    plans = [plan_video(seed, kind="normal", config=SMALL) for seed in range(12)]
    assert len({plan.camera for plan in plans}) == 12
    assert len({plan.surface for plan in plans}) == 12
    assert len({plan.n_frames for plan in plans}) > 8
    assert len({len(plan.actors) for plan in plans}) > 3
    assert len({digest(frames_of(plan, 50, 51)) for plan in plans}) == 12


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "odd"},
        {"kind": "normal", "category": "fire"},
        {"kind": "abnormal", "category": "flood"},
        {"kind": "abnormal", "category": "fight", "second": "flood"},
        {"kind": "abnormal", "category": "fight", "second": "fight"},
        {"kind": "normal", "second": "fight"},
        {"kind": "abnormal", "category": "fight", "second": "car crash", "camera": "shop"},
        {"kind": "normal", "look_alike": "flood"},
        {"kind": "abnormal", "category": "car crash", "camera": "shop"},
        {"kind": "normal", "camera": "moon"},
        {"kind": "normal", "duration_s": 3.0},
        {"kind": "normal", "split": "test"},
    ],
)
def test_what_the_world_does_not_know_is_refused(options):
    with pytest.raises(InputError):
        plan_video(0, **options)


def test_a_seed_is_not_negative():
    with pytest.raises(InputError):
        plan_video(-1, kind="normal")


def test_scenes_that_need_the_same_road_are_neither_drawn_nor_accepted_together():
    for seed in range(40):
        plan = plan_video(seed, kind="abnormal", category="car crash", duration_s=15.0)
        assert plan.look_alike not in ("park", "wash")
    with pytest.raises(InputError, match="same stretch of road"):
        plan_video(0, kind="abnormal", category="car crash", look_alike="park")
    with pytest.raises(InputError, match="same stretch of road"):
        plan_video(0, kind="abnormal", category="car crash", second="fire")
