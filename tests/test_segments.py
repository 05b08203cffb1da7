"""Segments, samples and labels are whole-number arithmetic."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from headhunt.errors import InputError
from headhunt.records import Interval
from headhunt.segments import overlap_labels, plan_segments, sample_frames


def pairs(segments):
    return [(s.start_frame, s.end_frame) for s in segments]


@pytest.mark.parametrize("n", [0, 1, 2, 47, 48, 49, 95, 96, 97, 480])
@pytest.mark.parametrize("length", [1, 2, 48])
def test_kept_segments_tile_the_video(n, length):
    segments = plan_segments(n, length=length)
    assert [f for s in segments for f in range(s.start_frame, s.end_frame)] == list(range(n))
    assert all(s.end_frame - s.start_frame == length for s in segments[:-1])


@pytest.mark.parametrize("n", [1, 2, 47, 48, 49, 95, 96, 480, 481])
def test_dropping_the_tail_gives_the_published_number_of_segments(n):
    segments = plan_segments(n, tail="drop")
    assert len(segments) == max(1, n // 48)
    assert segments[-1].end_frame == (n if n < 48 else 48 * (n // 48))


def test_no_frames_make_no_segment():
    assert plan_segments(0) == plan_segments(0, tail="drop") == plan_segments(0, length=4, stride=2) == []


def test_overlapping_segments_stop_at_the_first_that_reaches_the_end():
    assert pairs(plan_segments(10, length=4, stride=2)) == [(0, 4), (2, 6), (4, 8), (6, 10)]
    assert pairs(plan_segments(11, length=4, stride=2)) == [(0, 4), (2, 6), (4, 8), (6, 10), (8, 11)]
    assert pairs(plan_segments(11, length=4, stride=2, tail="drop")) == [(0, 4), (2, 6), (4, 8), (6, 10)]


def test_a_stride_longer_than_the_segment_leaves_gaps():
    assert pairs(plan_segments(10, length=2, stride=4)) == [(0, 2), (4, 6), (8, 10)]
    assert pairs(plan_segments(9, length=2, stride=4)) == [(0, 2), (4, 6), (8, 9)]
    assert pairs(plan_segments(8, length=2, stride=4)) == [(0, 2), (4, 6)]


@pytest.mark.parametrize("options", [{"length": 0}, {"stride": 0}, {"stride": -1}, {"tail": "pad"}])
def test_senseless_plans_are_refused(options):
    with pytest.raises(InputError):
        plan_segments(10, **options)
    with pytest.raises(InputError):
        plan_segments(-1)


def test_samples_are_the_published_bin_centres():
    assert sample_frames(Interval(0, 48)).tolist() == [1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 46]
    assert sample_frames(Interval(96, 144)).tolist() == [96 + f for f in range(1, 48, 3)]


@pytest.mark.parametrize("length", [1, 2, 3, 15, 16, 17, 31, 48, 49, 1_000_003])
@pytest.mark.parametrize("n", [1, 2, 3, 7, 16, 49])
def test_samples_are_exact_in_rational_arithmetic(length, n):
    frames = sample_frames(Interval(5, 5 + length), n)
    assert frames.dtype == np.int64
    assert frames.tolist() == [5 + math.floor(Fraction(length, n) * (i + Fraction(1, 2))) for i in range(n)]


def test_a_short_segment_repeats_frames():
    assert sample_frames(Interval(3, 4), 4).tolist() == [3, 3, 3, 3]
    assert sample_frames(Interval(3, 5), 4).tolist() == [3, 3, 4, 4]
    with pytest.raises(InputError):
        sample_frames(Interval(0, 4), 0)


def test_half_a_segment_under_events_makes_it_positive():
    starts, ends = np.array([0, 48, 96, 144]), np.array([48, 96, 144, 150])
    assert overlap_labels(starts, ends, (Interval(24, 71), Interval(147, 150))).tolist() == [True, False, False, True]
    assert overlap_labels(starts, ends, (Interval(25, 72),)).tolist() == [False, True, False, False]


def test_labels_agree_with_counting_frames():
    rng = np.random.default_rng(3)
    for _ in range(200):
        events = [
            Interval(int(s), int(s + d)) for s, d in zip(rng.integers(0, 60, 4), rng.integers(1, 20, 4), strict=True)
        ]
        events = events[: rng.integers(0, 5)]
        starts = rng.integers(0, 70, 6)
        ends = starts + rng.integers(1, 20, 6)
        abnormal = np.zeros(100, dtype=bool)
        for event in events:
            abnormal[event.start_frame : event.end_frame] = True
        assert overlap_labels(starts, ends, events).tolist() == [
            abnormal[s:e].mean() >= 0.5 for s, e in zip(starts, ends, strict=True)
        ]


def test_no_segments_have_no_labels_and_no_events_make_none_positive():
    empty = np.array([], dtype=np.int64)
    assert overlap_labels(empty, empty, (Interval(0, 4),)).shape == (0,)
    assert overlap_labels(np.array([0]), np.array([1]), ()).tolist() == [False]
    with pytest.raises(InputError):
        overlap_labels(np.array([0, 4]), np.array([4]), ())
    with pytest.raises(InputError):
        overlap_labels(np.array([4]), np.array([4]), ())
