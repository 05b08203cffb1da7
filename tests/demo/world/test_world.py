"""The world: the same seed gives the same frames, the truth about them is exact, and the two splits share nothing."""

from __future__ import annotations

import csv
import hashlib
import math
import subprocess
import sys
from dataclasses import replace
from itertools import islice, pairwise

import av
import numpy as np
import pytest

from headhunt.demo.world import (
    CATEGORIES,
    LOOK_ALIKE_OF,
    LOOK_ALIKES,
    PLACES,
    WorldConfig,
    describe,
    make_dataset,
    plan_dataset,
    plan_video,
    render_frames,
    write_video,
)
from headhunt.demo.world.accidents import INCIDENT_PLACES
from headhunt.demo.world.camera import View
from headhunt.demo.world.families import CELLS, RANGES
from headhunt.demo.world.look_alikes import LOOK_ALIKE_PLACES
from headhunt.demo.world.motion import track
from headhunt.demo.world.painting import Capsules, Quads, Sprite, paint
from headhunt.demo.world.script import ROAD_TAKEN
from headhunt.errors import InputError
from headhunt.records import Interval

ONE_INCIDENT_S = 23.9  # a longer video has room for another
SMALL = WorldConfig(width=128, height=96)
JUDGEMENTS = ("abnormal", "normal", "danger", "violen", "suspicious", "crime", "anomal", "accident", "attack", "steal")


def _frames(plan, start, end):
    return np.stack(list(render_frames(plan, start_frame=start, end_frame=end)))


def _digest(frames):
    return hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()


def cell_of(value, low, high):
    """The cell of [low, high] that a value lies in; its parity tells the split."""
    return int((value - low) / (high - low) * CELLS)


def test_the_same_seed_gives_the_same_plan_and_frames():
    one = plan_video(3, kind="abnormal", category="fight", config=SMALL)
    two = plan_video(3, kind="abnormal", category="fight", config=SMALL)
    assert one == two
    start = one.events[0].start_frame
    assert _digest(_frames(one, start, start + 20)) == _digest(_frames(two, start, start + 20))


def test_frames_are_the_same_in_another_process_with_other_threads_and_hash_seed():
    plan = plan_video(5, kind="abnormal", category="fire", config=SMALL)
    start = plan.events[0].start_frame + 20
    code = (
        "import hashlib, numpy as np\n"
        "from headhunt.demo.world import WorldConfig, plan_video, render_frames\n"
        "plan = plan_video(5, kind='abnormal', category='fire', config=WorldConfig(width=128, height=96))\n"
        f"frames = np.stack(list(render_frames(plan, start_frame={start}, end_frame={start + 15})))\n"
        "print(hashlib.sha256(frames.tobytes()).hexdigest())\n"
    )
    environment = {"OMP_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2", "PYTHONHASHSEED": "123", "PATH": ""}
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert other.stdout.strip() == _digest(_frames(plan, start, start + 15))


def test_a_frame_does_not_depend_on_where_rendering_begins():
    plan = plan_video(8, kind="normal", duration_s=10.0, config=SMALL)
    whole = _frames(plan, 0, 60)
    for start, end in ((0, 1), (7, 9), (11, 13), (12, 60), (59, 60)):
        np.testing.assert_array_equal(_frames(plan, start, end), whole[start:end])


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


@pytest.mark.parametrize("category", CATEGORIES)
def test_an_incident_changes_the_picture_during_its_event(category):
    plan = plan_video(1, kind="abnormal", category=category, look_alike="", config=SMALL)
    event = plan.events[0]
    middle = min((event.start_frame + event.end_frame) // 2, event.start_frame + 50)
    before, during = (_frames(plan, f, f + 1)[0] for f in (max(0, event.start_frame - 25), middle))
    assert during.dtype == np.uint8
    assert during.shape == (96, 128, 3)
    moved = np.abs(during.astype(int) - before.astype(int)).sum(2) > 60
    assert moved.mean() > 0.004


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_every_look_alike_renders_and_is_normal(name):
    for place in LOOK_ALIKE_PLACES[name]:
        plan = plan_video(2, kind="normal", look_alike=name, camera=place, duration_s=12.0, config=SMALL)
        assert plan.look_alike == name
        assert plan.events == ()
        assert plan.category == ""
    assert _frames(plan, 100, 101).std() > 5
    assert LOOK_ALIKE_OF[name] in CATEGORIES


def test_fire_brightens_its_own_place_and_nothing_else():
    plan = plan_video(4, kind="abnormal", category="fire", camera="corridor", look_alike="", config=SMALL)
    fire = next(e for e in plan.effects if e.kind == "fire")
    frame = (plan.events[0].start_frame + plan.events[0].end_frame) // 2
    burning = _frames(plan, frame, frame + 1)[0].astype(float)
    still = _frames(replace(plan, effects=()), frame, frame + 1)[0].astype(float)
    view = View(plan.camera, 128, 96)
    point, _ = view.project(np.array([fire.x, fire.y + 0.3 * fire.size, fire.z]))
    u, v = (int(n) for n in point)
    redder = burning[..., 0] - still[..., 0]
    assert redder[max(0, v - 3) : v + 4, u - 3 : u + 4].mean() > 40
    assert np.abs(redder[-8:, :8]).max() == 0


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


def test_different_seeds_give_different_videos():
    plans = [plan_video(seed, kind="normal", config=SMALL) for seed in range(12)]
    assert len({plan.camera for plan in plans}) == 12
    assert len({plan.surface for plan in plans}) == 12
    assert len({plan.n_frames for plan in plans}) > 8
    assert len({len(plan.actors) for plan in plans}) > 3
    assert len({_digest(_frames(plan, 50, 51)) for plan in plans}) == 12


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


def test_a_written_video_decodes_to_the_planned_frames(tmp_path):
    plan = plan_video(6, kind="abnormal", category="explosion", duration_s=10.0, config=SMALL)
    path = write_video(plan, tmp_path / "a.mp4", crf=18)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.width, stream.height, stream.average_rate) == (128, 96, 25)
        decoded = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    assert len(decoded) == plan.n_frames
    truth = list(islice(render_frames(plan), 0, 40, 13))
    for k, picture in zip(range(0, 40, 13), truth, strict=True):
        assert np.abs(decoded[k].astype(int) - picture.astype(int)).mean() < 8
    box = path.read_bytes()
    assert box.index(b"moov") < box.index(b"mdat")


def test_a_data_set_has_a_manifest_that_says_what_was_planned(tmp_path):
    tiny = WorldConfig(width=96, height=72)
    options = {"n_calibration": 2, "n_val": 1, "n_test": 2, "seed": 4, "duration_s": 10.0, "config": tiny}
    rows = make_dataset(tmp_path, **options)
    plans = {row.video: plan for row, plan in plan_dataset(**options)}
    with (tmp_path / "manifest.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.reader(file))
    assert table[0] == ["video", "split", "label", "events", "category"]
    assert [line[0] for line in table[1:]] == [row.video for row in rows]
    assert [line[1] for line in table[1:]] == ["train", "train", "val", "test", "test"]
    for line, row in zip(table[1:], rows, strict=True):
        spans = [tuple(map(int, part.split("-"))) for part in line[3].split(";") if part]
        assert tuple(Interval(*span) for span in spans) == row.events == plans[row.video].events
        assert (line[2] == "abnormal") == bool(spans) == bool(line[4])
        assert (tmp_path / row.video).stat().st_size > 1000


def test_two_workers_write_the_same_bytes_as_one(tmp_path):
    tiny = WorldConfig(width=96, height=72)
    options = {"n_calibration": 0, "n_test": 2, "duration_s": 10.0, "config": tiny}
    one = make_dataset(tmp_path / "one", **options)
    two = make_dataset(tmp_path / "two", workers=2, **options)
    assert one == two
    for row in one:
        assert (tmp_path / "one" / row.video).read_bytes() == (tmp_path / "two" / row.video).read_bytes()


def test_a_data_set_is_half_abnormal_with_categories_balanced_and_no_seed_twice():
    made = plan_dataset(n_calibration=16, n_val=8, n_test=44, seed=1)
    test = [plan for row, plan in made if row.split == "test"]
    assert sum(plan.kind == "abnormal" for plan in test) == 22
    counts = [sum(c in plan.categories for plan in test) for c in CATEGORIES]
    assert counts == [4] * len(CATEGORIES)
    assert len({plan.seed for _, plan in made}) == len(made)
    assert {plan.split for _, plan in made} == {"eval"}
    other = plan_dataset(n_calibration=16, n_val=8, n_test=44, seed=2)
    assert {plan.seed for _, plan in made}.isdisjoint({plan.seed for _, plan in other})
    # A calibration set holds every category, in another data set otherwise paired.
    first, second = ([plan for row, plan in data if row.split == "train" and plan.categories] for data in (made, other))
    for plans in (first, second):
        assert len(plans) == 8
        assert {c for plan in plans for c in plan.categories} == set(CATEGORIES)
    assert {plan.category for plan in first} != {plan.category for plan in second}


def test_no_data_set_plans_two_scenes_for_the_same_road():
    for seed in range(20):
        for row, plan in plan_dataset(n_calibration=16, n_val=0, n_test=0, seed=seed):
            assert sum(scene in ROAD_TAKEN for scene in (*plan.categories, plan.look_alike)) <= 1, row.video


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


def test_a_capsule_and_a_quad_cover_their_area():
    ones = np.array([[[9.0, 9.0, 9.0, 1.0]]])
    stroke = Capsules(np.array([[[10.0, 20.0]]]), np.array([[[30.0, 20.0]]]), np.full((1, 1, 2), 4.0), ones)
    face = Quads(np.array([[[[5.0, 5.0], [25.0, 5.0], [25.0, 15.0], [5.0, 15.0]]]]), ones)
    for layer, area in ((stroke, 20 * 8 + math.pi * 16), (face, 200.0)):
        patch = paint(Sprite((layer,), np.ones(1)), width=60, height=40)
        assert patch.pixels[0, 3].sum() == pytest.approx(area, rel=0.02)
        np.testing.assert_allclose(patch.pixels[0, 0], 9 * patch.pixels[0, 3], atol=1e-4)


def test_a_sprite_out_of_the_picture_is_not_painted():
    ones = np.array([[[9.0, 9.0, 9.0, 1.0]]])
    stroke = Capsules(np.array([[[-50.0, 20.0]]]), np.array([[[-40.0, 20.0]]]), np.full((1, 1, 2), 4.0), ones)
    assert paint(Sprite((stroke,), np.ones(1)), width=60, height=40) is None


def test_the_edges_of_the_view_project_to_the_borders():
    for place in PLACES:
        plan = plan_video(3, kind="normal", camera=place)
        view = View(plan.camera, 192, 144)
        left, right = view.edges(8.0)
        points, _ = view.project(np.array([[left, 0.0, 8.0], [right, 0.0, 8.0]]))
        np.testing.assert_allclose(points[:, 0], [0.0, 192.0], atol=1e-6)


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


def test_ranges_sizes_and_counts_out_of_bounds_are_refused(tmp_path):
    plan = plan_video(0, kind="normal", duration_s=10.0)
    for start, end in ((5, 5), (-1, 3), (0, plan.n_frames + 1)):
        with pytest.raises(InputError):
            describe(plan, start, end)
        with pytest.raises(InputError):
            next(render_frames(plan, start_frame=start, end_frame=end))
    for options in ({"width": 191}, {"height": 20}, {"fps": 0}, {"crf": 60}):
        with pytest.raises(InputError):
            WorldConfig(**options)
    with pytest.raises(InputError):
        plan_video(-1, kind="normal")
    with pytest.raises(InputError):
        make_dataset(tmp_path, workers=0)
    with pytest.raises(InputError):
        plan_dataset(n_calibration=0, n_test=0)


def test_scenes_that_need_the_same_road_are_neither_drawn_nor_accepted_together():
    for seed in range(40):
        plan = plan_video(seed, kind="abnormal", category="car crash", duration_s=15.0)
        assert plan.look_alike not in ("park", "wash")
    with pytest.raises(InputError, match="same stretch of road"):
        plan_video(0, kind="abnormal", category="car crash", look_alike="park")
    with pytest.raises(InputError, match="same stretch of road"):
        plan_video(0, kind="abnormal", category="car crash", second="fire")
