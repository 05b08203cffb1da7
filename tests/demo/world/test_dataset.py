"""Videos and data sets on disk."""

from __future__ import annotations

import csv
from itertools import islice

import av
import numpy as np
import pytest

from headhunt.demo.world import (
    CATEGORIES,
    WorldConfig,
    make_dataset,
    plan_dataset,
    plan_video,
    render_frames,
    write_video,
)
from headhunt.demo.world.script import ROAD_TAKEN
from headhunt.errors import InputError
from headhunt.records import Interval
from tests.demo.world.made_frames import SMALL


def test_a_written_video_decodes_to_the_plannedframes_of(tmp_path):
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


def test_no_workers_and_no_videos_are_refused(tmp_path):
    with pytest.raises(InputError):
        make_dataset(tmp_path, workers=0)
    with pytest.raises(InputError):
        plan_dataset(n_calibration=0, n_test=0)
