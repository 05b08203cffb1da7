"""Facts: what is seen, when, and without judgement."""

from __future__ import annotations

import pytest

from headhunt.demo.world import CATEGORIES, PLACES, describe, plan_video
from headhunt.errors import InputError
from tests.demo.world.made_frames import ONE_INCIDENT_S

JUDGEMENTS = ("abnormal", "normal", "danger", "violen", "suspicious", "crime", "anomal", "accident", "attack", "steal")


def test_an_abnormal_action_is_described_inside_the_event_only():
    plan = plan_video(13, kind="abnormal", category="fight", second="", look_alike="", duration_s=ONE_INCIDENT_S)
    event = plan.events[0]
    said = [{a.action for s in describe(plan, *r).actors for a in s.activities} for r in (
        (0, event.start_frame), (event.start_frame, event.end_frame), (event.end_frame, plan.n_frames)
    )]  # fmt: skip
    assert "hit" in said[1]
    assert "hit" not in said[0] | said[2]


def test_descriptions_name_what_is_seen_and_judge_nothing():
    for category in CATEGORIES:
        plan = plan_video(21, kind="abnormal", category=category)
        event = plan.events[0]
        facts = describe(plan, event.start_frame, event.end_frame)
        assert facts.place in PLACES
        assert facts.light == ("night" if plan.light.night else "day")
        assert facts.actors
        words = repr(facts).lower()
        assert not [w for w in JUDGEMENTS if w in words]
        for seen in facts.actors:
            assert all(event.start_frame <= a.start_frame < a.end_frame <= event.end_frame for a in seen.activities)
            assert seen.action in {a.action for a in seen.activities}


def test_direction_and_speed_come_from_the_motion():
    plan = plan_video(0, kind="normal", camera="street", look_alike="jog")
    runner = next(i for i, a in enumerate(plan.actors) if a.actions[0].name == "run")
    path = plan.actors[runner].path
    middle = (path[0][0] + path[-1][0]) // 2
    seen = next(s for s in describe(plan, middle - 6, middle + 6).actors if s.index == runner)
    assert (seen.action, seen.speed) == ("run", "fast")
    assert seen.direction == ("right" if path[-1][1] > path[0][1] else "left")


def test_bags_that_nobody_is_near_stand_alone_and_cars_on_the_pavement_are_told():
    plan = plan_video(5, kind="abnormal", category="abandoned bag", second="", look_alike="", duration_s=ONE_INCIDENT_S)
    event = plan.events[0]
    during = [s for s in describe(plan, event.start_frame, event.end_frame).actors if s.kind == "bag"]
    assert [a.action for seen in during for a in seen.activities].count("stand alone") >= 1
    before = describe(plan, 0, event.start_frame).actors
    assert not [a for s in before for a in s.activities if s.kind == "bag" and a.action == "stand alone"]
    plan = plan_video(
        5, kind="abnormal", category="car on pavement", second="", look_alike="", duration_s=ONE_INCIDENT_S
    )
    event = plan.events[0]
    told = [
        {a.action for s in describe(plan, *r).actors if s.kind == "car" for a in s.activities}
        for r in ((0, event.start_frame), (event.start_frame, event.end_frame))
    ]
    assert "drive on pavement" not in told[0]
    assert {"drive on pavement", "park on pavement"} <= told[1]


def test_a_range_outside_the_video_is_not_described():
    plan = plan_video(0, kind="normal", duration_s=10.0)
    for start, end in ((5, 5), (-1, 3), (0, plan.n_frames + 1)):
        with pytest.raises(InputError):
            describe(plan, start, end)
