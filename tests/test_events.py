"""Smoothing, frame scores, events and calibration against plain NumPy."""

from __future__ import annotations

import math

import numpy as np
import pytest

from headhunt.errors import ComputeError, InputError, LabelError, UsageError
from headhunt.events import SMOOTHERS, CalibrationVideo, calibrate, find_events, frame_scores, smooth, video_score
from headhunt.records import Event

NAN = math.nan


def kernel(sigma: float, radius: int) -> np.ndarray:
    x = np.arange(-radius, radius + 1)
    weights = np.exp(-(x**2) / (2 * sigma**2))
    return weights / weights.sum()


# --- smoothing


@pytest.mark.parametrize("mode", SMOOTHERS)
@pytest.mark.parametrize("n", [*range(14), 50])
@pytest.mark.parametrize("sigma", [0.0, 0.05, 0.5, 1.5, 3.0, 1000.0])
def test_smoothing_keeps_the_length(mode: str, n: int, sigma: float) -> None:
    scores = np.random.default_rng(n).random(n)
    smoothed = smooth(scores, sigma=sigma, mode=mode)
    assert smoothed.shape == (n,)
    assert smoothed.dtype == np.float64
    assert np.isfinite(smoothed).all()
    assert smoothed is not scores


@pytest.mark.parametrize("n", [1, 2, 3, 10, 41])
def test_a_constant_stays_exactly_as_it_is_under_reflection(n: int) -> None:
    for value in (1.0, 0.1, 0.0):
        assert (smooth(np.full(n, value), sigma=1.5) == value).all()


def test_zero_padding_drops_a_constant_to_0633_at_both_ends() -> None:
    smoothed = smooth(np.ones(30), sigma=1.5, mode="gaussian-zero")
    assert smoothed[[0, -1]] == pytest.approx([0.633, 0.633], abs=5e-4)
    assert smoothed[15] == pytest.approx(1.0)


def test_reflection_equals_a_convolution_of_the_mirrored_scores() -> None:
    scores = np.random.default_rng(0).random(9)
    mirrored = np.concatenate([scores[::-1], scores, scores[::-1]])
    expected = np.convolve(mirrored, kernel(1.5, 6), mode="same")[9:18]
    np.testing.assert_allclose(smooth(scores, sigma=1.5), expected, rtol=1e-12)


@pytest.mark.parametrize("n", [11, 12, 37])
def test_zero_padding_equals_the_published_code_where_that_keeps_the_length(n: int) -> None:
    scores = np.random.default_rng(n).random(n)
    expected = np.convolve(scores, kernel(1.5, 5), mode="same")  # min(6 * 1.5 + 1, n) = 10 taps, made odd
    np.testing.assert_allclose(smooth(scores, sigma=1.5, mode="gaussian-zero"), expected, rtol=1e-12)


def test_zero_padding_of_a_short_even_video_is_centred() -> None:
    scores = np.array([0.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(
        smooth(scores, sigma=1.5, mode="gaussian-zero"), kernel(1.5, 2)[[1, 2, 3, 4]], rtol=1e-12
    )


@pytest.mark.parametrize("mode", ["gaussian", "gaussian-zero"])
def test_a_failed_segment_stays_nan_and_does_not_poison_its_neighbours(mode: str) -> None:
    scores = np.ones(30)
    scores[[10, 11, 20]] = NAN
    smoothed = smooth(scores, sigma=1.5, mode=mode)
    np.testing.assert_array_equal(np.isnan(smoothed), np.isnan(scores))
    np.testing.assert_allclose(smoothed[[9, 12, 19, 21]], 1.0, rtol=1e-12)


def test_the_weights_of_failed_segments_go_to_the_others() -> None:
    scores = np.random.default_rng(1).random(21)
    scores[8] = NAN
    weights = kernel(1.5, 6)
    finite = np.isfinite(scores[4:17])
    expected = (weights * np.nan_to_num(scores[4:17])).sum() / (weights * finite).sum()
    assert smooth(scores, sigma=1.5)[10] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("mode", SMOOTHERS)
def test_a_video_that_failed_altogether_stays_nan(mode: str) -> None:
    assert np.isnan(smooth([NAN, NAN, NAN], sigma=1.5, mode=mode)).all()


def test_sigma_zero_and_none_change_nothing() -> None:
    scores = np.array([0.2, NAN, 0.9])
    np.testing.assert_array_equal(smooth(scores, sigma=0.0), scores)
    np.testing.assert_array_equal(smooth(scores, sigma=1.5, mode="none"), scores)


@pytest.mark.parametrize("sigma", [-1.0, NAN, math.inf, 1e6])
def test_a_senseless_sigma_is_refused(sigma: float) -> None:
    with pytest.raises(InputError, match="sigma"):
        smooth([0.5], sigma=sigma)


def test_an_unknown_smoothing_an_infinite_score_and_a_matrix_are_refused() -> None:
    with pytest.raises(InputError, match="smoothing"):
        smooth([0.5], sigma=1.0, mode="median")
    with pytest.raises(ComputeError, match="score 1 is infinite"):
        smooth([0.5, math.inf], sigma=1.0)
    with pytest.raises(InputError, match="one row"):
        smooth(np.ones((2, 2)), sigma=1.0)


# --- frames


def test_every_frame_takes_the_score_of_its_segment_and_uncovered_frames_have_none() -> None:
    scores = frame_scores([1, 3], [3, 4], [0.25, 0.75], 6)
    np.testing.assert_array_equal(scores, [NAN, 0.25, 0.25, 0.75, NAN, NAN])


def test_overlapping_segments_are_averaged_over_those_that_did_not_fail() -> None:
    rng = np.random.default_rng(2)
    start = rng.integers(0, 90, 40)
    end = np.minimum(start + rng.integers(1, 15, 40), 100)
    scores = np.where(rng.random(40) < 0.2, NAN, rng.random(40))
    expected = np.full(100, NAN)
    for frame in range(100):
        here = scores[(start <= frame) & (frame < end) & np.isfinite(scores)]
        expected[frame] = here.mean() if here.size else NAN
    np.testing.assert_allclose(frame_scores(start, end, scores, 100), expected, rtol=1e-12)


def test_disjoint_segments_keep_their_scores_bit_for_bit() -> None:
    scores = np.random.default_rng(3).random(200)
    start = np.arange(200) * 48
    np.testing.assert_array_equal(frame_scores(start, start + 48, scores, 9600)[::48], scores)


@pytest.mark.parametrize("n_frames", [0, 1, 2])
def test_a_video_without_segments_has_no_frame_scores(n_frames: int) -> None:
    scores = frame_scores([], [], [], n_frames)
    assert scores.shape == (n_frames,)
    assert np.isnan(scores).all()


@pytest.mark.parametrize(
    ("start", "end", "scores"),
    [([0], [7], [0.5]), ([-1], [3], [0.5]), ([3], [3], [0.5]), ([0], [3], [0.5, 0.5]), ([0.0], [3.0], [0.5])],
)
def test_segments_that_do_not_fit_the_video_are_refused(start: list, end: list, scores: list) -> None:
    with pytest.raises(InputError):
        frame_scores(start, end, scores, 6)


def test_the_video_score_is_the_highest_finite_score() -> None:
    assert video_score([0.1, NAN, 0.7]) == 0.7
    assert math.isnan(video_score([]))
    assert math.isnan(video_score([NAN]))
    with pytest.raises(ComputeError):
        video_score([math.inf])


# --- events


def spans(scores: list[float], **options: float) -> list[tuple[int, int]]:
    options = {"tau": 0.5, "fps": 10.0, **options}
    return [(e.start_frame, e.end_frame) for e in find_events("v", scores, **options)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([], []),
        ([0.9], [(0, 1)]),
        ([0.5], []),
        ([0.9, 0.1], [(0, 1)]),
        ([0.1, 0.9], [(1, 2)]),
        ([0.9, 0.9], [(0, 2)]),
        ([NAN, NAN], []),
        ([0.9, NAN, 0.9], [(0, 1), (2, 3)]),
        ([0.1, 0.9, 0.9, 0.1, 0.9], [(1, 3), (4, 5)]),
    ],
)
def test_events_are_the_stretches_strictly_above_tau(scores: list[float], expected: list) -> None:
    assert spans(scores) == expected


def test_short_gaps_are_bridged_before_short_events_are_dropped() -> None:
    scores = [0.9, 0.1, 0.9, 0.1, 0.1, 0.9, 0.1]
    assert spans(scores, merge_gap_frames=1) == [(0, 3), (5, 6)]
    assert spans(scores, merge_gap_frames=1, min_frames=2) == [(0, 3)]
    assert spans(scores, merge_gap_frames=2) == [(0, 6)]
    assert spans(scores, min_frames=2) == []


def test_a_gap_that_holds_a_failed_frame_is_not_bridged() -> None:
    assert spans([0.9, NAN, 0.9, 0.1, 0.9], merge_gap_frames=3) == [(0, 1), (2, 5)]


def test_an_event_carries_true_times_and_its_scores() -> None:
    times_s = [2.0, 2.1, 2.2, 3.0, 3.1]
    events = find_events("a#b.mp4", [0.1, 0.9, 0.6, 0.1, 0.8], tau=0.5, times_s=times_s)
    assert [e.video for e in events] == ["a#b.mp4", "a#b.mp4"]
    first, last = events
    assert (first.start_frame, first.end_frame, first.peak_score) == (1, 3, 0.9)
    assert (first.start_s, first.end_s) == pytest.approx((0.1, 1.0))
    assert first.mean_score == pytest.approx(0.75)
    assert (last.start_s, last.end_s) == pytest.approx((1.1, 1.2))  # the median frame lasts 0.1 s


def test_times_follow_from_fps() -> None:
    (event,) = find_events("v", [0.1, 0.9], tau=0.5, fps=4.0)
    assert event == Event("v", 1, 2, 0.25, 0.5, 0.9, 0.9)


def test_an_only_frame_needs_a_frame_rate_for_its_duration() -> None:
    (event,) = find_events("v", [0.9], tau=0.5, times_s=[7.0], fps=4.0)
    assert (event.start_s, event.end_s) == (0.0, 0.25)
    with pytest.raises(InputError, match="only frame"):
        find_events("v", [0.9], tau=0.5, times_s=[7.0])
    assert find_events("v", [], tau=0.5, times_s=[]) == []


def test_options_of_events_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError):
        find_events("v", [0.9], tau=0.5)
    for options in (
        {"tau": NAN, "fps": 1.0},
        {"tau": 0.5, "fps": 0.0},
        {"tau": 0.5, "fps": 1.0, "min_frames": 0},
        {"tau": 0.5, "fps": 1.0, "merge_gap_frames": -1},
        {"tau": 0.5, "times_s": [0.0, 1.0, 2.0]},
    ):
        with pytest.raises(InputError):
            find_events("v", [0.9], **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="decrease"):
        find_events("v", [0.9, 0.9], tau=0.5, times_s=[1.0, 0.5])


# --- calibration


def videos(seed: int, n_videos: int) -> list[tuple]:
    rng = np.random.default_rng(seed)
    out = []
    for _ in range(n_videos):
        n_frames = int(rng.integers(1, 300))
        start = np.arange(0, n_frames, 16)
        end = np.minimum(start + 16, n_frames)
        truth = np.zeros(n_frames, dtype=bool)
        truth[int(rng.integers(0, n_frames)) :][: int(rng.integers(0, 120))] = True
        scores = 0.5 * np.array([truth[s:e].mean() for s, e in zip(start, end, strict=True)])
        scores += 0.5 * rng.random(len(start))
        scores[rng.random(len(start)) < 0.1] = NAN
        out.append((start, end, scores, truth))
    return out


@pytest.mark.parametrize("mode", ["gaussian", "gaussian-zero", "none"])
def test_calibration_equals_a_search_frame_by_frame(mode: str) -> None:
    data = videos(4, 6)
    found = calibrate(data, mode=mode)
    best, grid = (-1.0, 0.0, 0.0), np.empty((11, 81))
    for i, sigma in enumerate(np.linspace(0.5, 3.0, 11)):
        scores = np.concatenate([frame_scores(s, e, smooth(x, sigma=sigma, mode=mode), len(t)) for s, e, x, t in data])
        truth = np.concatenate([t for *_, t in data])[np.isfinite(scores)]
        scores = scores[np.isfinite(scores)]
        for j, tau in enumerate(np.linspace(0.1, 0.9, 81)):
            tp = (truth & (scores > tau)).sum()
            grid[i, j] = 2 * tp / ((scores > tau).sum() + truth.sum())
            if grid[i, j] > best[0]:
                best = (grid[i, j], sigma, tau)
    np.testing.assert_array_equal(found.grid, grid)
    assert (found.f1, found.sigma, found.tau) == best
    assert 0.5 < found.f1 <= 1.0


def test_overlapping_segments_are_calibrated_on_their_mean() -> None:
    truth = np.array([False, True, True, False])
    found = calibrate([(np.array([0, 1]), np.array([3, 4]), np.array([0.4, 0.8]), truth)], sigmas=[0], taus=[0.5, 0.7])
    np.testing.assert_allclose(found.grid, [[2 * 2 / (3 + 2), 0.0]])  # frames 0.4, 0.6, 0.6, 0.8


def test_the_first_of_equal_pairs_is_kept() -> None:
    truth = np.array([False, True])
    found = calibrate(
        [(np.array([0, 1]), np.array([1, 2]), np.array([0.0, 1.0]), truth)], sigmas=[0.0], taus=[0.3, 0.6]
    )
    assert (found.f1, found.tau) == (1.0, 0.3)


def test_calibration_counts_a_score_equal_to_tau_as_normal() -> None:
    truth = np.array([False, True])
    found = calibrate(
        [(np.array([0, 1]), np.array([1, 2]), np.array([0.5, 0.75]), truth)], sigmas=[0], taus=[0.5, 0.75]
    )
    np.testing.assert_array_equal(found.grid, [[1.0, 0.0]])


def test_one_class_cannot_be_calibrated() -> None:
    one = (np.array([0]), np.array([4]), np.array([0.5]))
    failed = (np.array([0]), np.array([4]), np.array([NAN]), np.ones(4, dtype=bool))
    for data in (
        [],
        [(*one, np.zeros(4, dtype=bool))],
        [(*one, np.ones(4, dtype=bool))],
        [(*one, np.zeros(4, dtype=bool)), failed],
    ):
        with pytest.raises(LabelError, match="one class"):
            calibrate(data)


def test_calibration_refuses_an_empty_grid_and_segments_out_of_order() -> None:
    data = videos(5, 3)
    with pytest.raises(InputError, match="taus"):
        calibrate(data, taus=[])
    start, end, scores, truth = max(data, key=lambda video: len(video[0]))
    with pytest.raises(InputError, match="time order"):
        calibrate([(start[::-1], end[::-1], scores, truth)])
    with pytest.raises(InputError, match="not boolean"):
        calibrate([(start, end, scores, truth.astype(int))])


def test_the_end_of_the_last_frame_can_be_given() -> None:
    (event,) = find_events("v", [0.0, 0.9, 0.9], tau=0.5, times_s=[1.0, 2.0, 4.0, 9.0])
    assert (event.start_s, event.end_s) == (1.0, 8.0)


def calibration_video(scores: list[float], truth: list[int]) -> CalibrationVideo:
    """Segments of one frame each."""
    frames = np.arange(len(scores))
    return frames, frames + 1, np.array(scores), np.array(truth, bool)


def test_a_calibration_that_finds_nothing_says_so() -> None:
    best = calibrate([calibration_video([0.01, 0.02, 0.03], [0, 1, 1])])
    assert best.f1 == 0
    assert len(best.doubts()) == 1
    assert "F1 is 0" in best.doubts()[0]


@pytest.mark.parametrize(
    ("scores", "truth", "says"),
    [
        (
            [0.05, 0.2, 0.95],
            [0, 1, 1],
            "tau, 0.1, is at the edge of those tried (0.1 to 0.9), as good as any up to 0.19",
        ),
        ([0.05, 0.105, 0.95], [0, 1, 1], "tau, 0.1, is at the edge of those tried (0.1 to 0.9), and a better one may"),
        ([0.897, 0.95, 0.98], [0, 1, 1], "tau, 0.9, is at the edge of those tried (0.1 to 0.9), and a better one may"),
        ([0.2, 0.6, 0.7], [0, 1, 1], ""),
    ],
)
def test_a_calibration_at_the_edge_of_what_was_tried_says_so(scores: list[float], truth: list[int], says: str) -> None:
    doubts = calibrate([calibration_video(scores, truth)], sigmas=[0.0]).doubts()
    assert len(doubts) == bool(says)
    assert all(says in doubt for doubt in doubts)


def test_a_smoothing_that_makes_no_difference_is_said_to_be_as_good_as_the_others() -> None:
    doubts = calibrate([calibration_video([0.05] * 20 + [0.95] * 20, [0] * 20 + [1] * 20)]).doubts()
    assert any("sigma, 0.5, is at the edge of those tried (0.5 to 3), as good as any up to 3" in d for d in doubts)
