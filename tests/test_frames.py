"""Which frames count, and ground-truth frames against the public totals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.frames import PROTOCOLS, counted_frames, frame_truth
from headhunt.records import Interval
from tests.made_annotations import ucf_crime, xd_violence


@pytest.mark.parametrize(
    ("n_frames", "native", "clip16", "xd_trunc"),
    [(0, 0, 0, 0), (1, 1, 16, 0), (2, 2, 16, 0), (16, 16, 16, 0), (17, 17, 32, 16), (1081, 1081, 1088, 1072)],
)
def test_the_frames_each_protocol_counts(n_frames: int, native: int, clip16: int, xd_trunc: int) -> None:
    assert [counted_frames(n_frames, protocol=p) for p in PROTOCOLS] == [native, clip16, xd_trunc]


def test_the_end_frame_is_abnormal_only_when_inclusive() -> None:
    np.testing.assert_array_equal(frame_truth(5, [Interval(1, 3)]), [False, True, True, False, False])
    np.testing.assert_array_equal(frame_truth(5, [Interval(1, 3)], inclusive=True), [False, True, True, True, False])
    assert frame_truth(5, [Interval(3, 9)], inclusive=True).sum() == 2
    assert frame_truth(5, [Interval(7, 9)]).sum() == 0
    assert frame_truth(10, [Interval(0, 4), Interval(2, 6)]).sum() == 6


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("protocol", "inclusive", "n_frames", "n_positive"),
    [
        ("native", False, 1_111_808, 84_182),
        ("native", True, 1_111_808, 84_331),
        ("clip16", False, 1_114_144, 84_189),
        ("clip16", True, 1_114_144, 84_343),
    ],
)
def test_ucf_crime_totals(real_data: Path, protocol: str, inclusive: bool, n_frames: int, n_positive: int) -> None:
    videos = ucf_crime(real_data / "annotations" / "ucf_crime")
    truths = [frame_truth(n, events, protocol=protocol, inclusive=inclusive) for n, events in videos.values()]
    assert len(truths) == 290
    assert (sum(t.size for t in truths), sum(t.sum() for t in truths)) == (n_frames, n_positive)
    assert sum(e.end_frame > n for n, events in videos.values() for e in events) == 5


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("protocol", "n_frames", "n_positive"), [("native", 2_335_801, 538_324), ("xd-trunc", 2_330_384, 537_805)]
)
def test_xd_violence_totals(real_data: Path, protocol: str, n_frames: int, n_positive: int) -> None:
    videos = xd_violence(real_data / "annotations" / "xd_violence")
    truths = [frame_truth(n, events, protocol=protocol) for n, events in videos.values()]
    assert (len(truths), sum(bool(events) for _, events in videos.values())) == (800, 500)
    assert (sum(t.size for t in truths), sum(t.sum() for t in truths)) == (n_frames, n_positive)


@pytest.mark.parametrize(
    ("protocol", "inclusive", "n_positive"),
    [("native", False, 40), ("native", True, 40), ("clip16", False, 42), ("clip16", True, 43), ("xd-trunc", False, 38)],
)
def test_an_event_past_the_end_is_cut_after_padding(protocol: str, inclusive: bool, n_positive: int) -> None:
    truth = frame_truth(50, [Interval(10, 52)], protocol=protocol, inclusive=inclusive)
    assert truth.sum() == n_positive
