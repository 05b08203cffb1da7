"""From segment scores to events: smoothing, frame scores, threshold and calibration; knows no file and no metric."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from headhunt.arrays import Bool, Float64, Int64
from headhunt.errors import ComputeError, InputError, LabelError, UsageError
from headhunt.frames import pool_frames, score_runs
from headhunt.records import Event

MAX_SIGMA = 1000.0
IDENTITY_SIGMA = 0.1  # the next segment's weight, exp(-50), is below double precision

CalibrationVideo = tuple[Int64, Int64, Float64, Bool]
"""start_frame (n,), end_frame (n,), raw scores (n,) with NaN for failed segments, truth (n_frames,)."""


def _none(scores: Float64, _sigma: float) -> Float64:
    return scores.copy()


def _gaussian(scores: Float64, sigma: float) -> Float64:
    finite = np.isfinite(scores)
    total = gaussian_filter1d(np.where(finite, scores, 0.0), sigma, mode="reflect")
    weight = gaussian_filter1d(finite.astype(np.float64), sigma, mode="reflect")
    smoothed = np.divide(total, weight, out=np.full(scores.size, np.nan), where=finite)
    # A weighted mean lies between its terms; rounding alone could put 1.0 above 1.
    clipped: Float64 = np.clip(smoothed, np.nanmin(scores), np.nanmax(scores))
    return clipped


def _gaussian_zero(scores: Float64, sigma: float) -> Float64:
    if scores.size == 1:
        return scores.copy()
    radius = max(min(int(6 * sigma) + 1, scores.size) // 2, 1)
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel /= kernel.sum()
    finite = np.isfinite(scores)
    inside = slice(radius, radius + scores.size)
    total = np.convolve(np.where(finite, scores, 0.0), kernel)[inside]
    lost = np.convolve(~finite, kernel)[inside]
    smoothed: Float64 = np.divide(total, 1.0 - lost, out=np.full(scores.size, np.nan), where=finite)
    return smoothed


SMOOTHERS: dict[str, Callable[[Float64, float], Float64]] = {
    "gaussian": _gaussian,
    "none": _none,
    "gaussian-zero": _gaussian_zero,
}
"""Name -> function of (scores (n >= 1,) not all NaN, sigma > 0).

gaussian: reflect padding (c b a | a b c | c b a), so a constant stays as it is. gaussian-zero: the published code of
HeadHunt-VAD, min(6 sigma + 1, n) taps (made odd) on zero padding, which drops a constant 1.0 to 0.633 at both ends for
sigma 1.5; here with n values for every n. Only for reproducing that code."""


def smooth(scores: npt.ArrayLike, *, sigma: float, mode: str = "gaussian") -> Float64:
    """Smooth the segment scores of one video in time.

    Failed segments are left out of their neighbours' weighted means and stay NaN.

    Args:
        scores: (n,) float, in time order, n >= 0, NaN where the segment failed.
        sigma: Standard deviation in segments, in [0, 1000]; 0 means no smoothing.
        mode: A key of SMOOTHERS.

    Returns:
        (n,) float64, within the range of the scores (and 0, for gaussian-zero).

    Raises:
        InputError: Unknown mode, sigma out of range, or scores not one-dimensional.
        ComputeError: A score is infinite.

    Source: HeadHunt-VAD (AAAI 2026), sigma 1.5; the padding is ours.
    """
    if mode not in SMOOTHERS:
        raise InputError("there is no such smoothing", got=mode, expected=f"one of {', '.join(SMOOTHERS)}")
    if not 0 <= sigma <= MAX_SIGMA:
        raise InputError(
            "sigma is out of range",
            got=sigma,
            expected=f"0 to {MAX_SIGMA:g}",
            hint="give it in segments, not in frames",
        )
    values = _checked(scores)
    if sigma < IDENTITY_SIGMA or np.isnan(values).all():
        return values.copy()
    return SMOOTHERS[mode](values, sigma)


def frame_scores(start_frame: npt.ArrayLike, end_frame: npt.ArrayLike, scores: npt.ArrayLike, n_frames: int) -> Float64:
    """Give every native frame the score of its segment.

    Args:
        start_frame: (n,) integers, first native frame of each segment.
        end_frame: (n,) integers, one past its last frame.
        scores: (n,) float, NaN where the segment failed.
        n_frames: Decoded native frames of the video.

    Returns:
        (n_frames,) float64: the mean over the segments that cover the frame and did not fail, NaN where there is none.

    Raises:
        InputError: Shapes differ, or a segment is empty or reaches outside the video.
        ComputeError: A score is infinite.
    """
    edges, runs = score_runs(start_frame, end_frame, scores, n_frames)
    return np.repeat(runs, np.diff(edges))


def video_score(smoothed: npt.ArrayLike) -> float:
    """Score of a video: the highest smoothed score; NaN if every segment failed or there is none.

    Args:
        smoothed: (n,) float, NaN where the segment failed.

    Raises:
        InputError: Not one-dimensional.
        ComputeError: A score is infinite.
    """
    values = _checked(smoothed)
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else math.nan


def find_events(
    video: str,
    frame_scores: npt.ArrayLike,
    *,
    tau: float,
    times_s: npt.ArrayLike | None = None,
    fps: float | None = None,
    min_frames: int = 1,
    merge_gap_frames: int = 0,
) -> list[Event]:
    """Find the stretches of frames whose score is above the threshold.

    Stretches are merged first, short ones dropped after. A frame without a score is never inside an event, so a gap
    that holds one is not bridged. An event's mean covers the gaps bridged inside it.

    Args:
        video: Id of the video.
        frame_scores: (n,) float, NaN where a frame has no score.
        tau: Threshold; frames with score > tau (strictly) are abnormal.
        times_s: (n,) float, true time of each frame in seconds, not decreasing; needed for a variable frame rate. With
            one more entry, (n + 1,), the last is the end of the last frame.
        fps: Frames per second, > 0; used where times_s is not given, and for the duration of an only frame.
        min_frames: Events shorter than this many frames are dropped, >= 1.
        merge_gap_frames: Gaps of at most this many frames are bridged, >= 0.

    Returns:
        Events in time order, half-open. `end_s` is the time of the frame that follows, and after the last frame of the
        video its time plus the median frame duration.

    Raises:
        UsageError: Neither times_s nor fps is given.
        InputError: An option is out of range, or times_s does not fit the frames.
        ComputeError: A score is infinite.
    """
    values = _checked(frame_scores)
    if not math.isfinite(tau):
        raise InputError("the threshold is not a number", got=tau, expected="a finite tau")
    if min_frames < 1 or merge_gap_frames < 0:
        raise InputError(
            "an event option is out of range",
            got=f"min_frames {min_frames}, merge_gap_frames {merge_gap_frames}",
            expected="min_frames >= 1, merge_gap_frames >= 0",
        )
    edges_s = _frame_edges_s(values.size, times_s, fps)
    above = np.concatenate([[False], values > tau, [False]])
    start, end = np.flatnonzero(np.diff(above.astype(np.int8))).reshape(-1, 2).T
    n_nan = np.concatenate([[0], np.cumsum(np.isnan(values))])
    apart = (start[1:] - end[:-1] > merge_gap_frames) | (n_nan[start[1:]] > n_nan[end[:-1]])
    ends_here = np.ones(start.size, dtype=np.bool_)
    ends_here[:-1] = apart
    starts_here = np.ones(start.size, dtype=np.bool_)
    starts_here[1:] = apart
    return [
        Event(
            video=video,
            start_frame=int(first),
            end_frame=int(last),
            start_s=float(edges_s[first]),
            end_s=float(edges_s[last]),
            peak_score=float(values[first:last].max()),
            mean_score=float(values[first:last].mean()),
        )
        for first, last in zip(start[starts_here], end[ends_here], strict=True)
        if last - first >= min_frames
    ]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The smoothing and threshold with the highest frame-level F1.

    Attributes:
        sigma: Standard deviation of the smoothing in segments.
        tau: Threshold.
        f1: Their pooled frame-level F1, in [0, 1].
        grid: (len(sigmas), len(taus)) float64, the F1 of every pair.
        sigmas: The values of sigma that were tried.
        taus: The values of tau that were tried.
    """

    sigma: float
    tau: float
    f1: float
    grid: Float64
    sigmas: Float64
    taus: Float64

    def doubts(self) -> list[str]:
        """What speaks against trusting the values, in sentences: no event was found, or the best lie at an edge."""
        if self.f1 == 0:
            return [
                "calibration found nothing: F1 is 0, for no sigma and tau that were tried find a single abnormal "
                "frame, and these are the first of them"
            ]
        found = []
        for name, value, tried, best in (
            ("sigma", self.sigma, self.sigmas, self.grid.max(axis=1)),
            ("tau", self.tau, self.taus, self.grid.max(axis=0)),
        ):
            if len(tried) > 1 and value in (tried[0], tried[-1]):
                last = tried[np.flatnonzero(best == self.f1)[-1]]
                what = f"as good as any up to {last:g}" if last > value else "and a better one may lie beyond"
                found.append(
                    f"the calibrated {name}, {value:g}, is at the edge of those tried ({tried[0]:g} to {tried[-1]:g}), "
                    f"{what}"
                )
        return found


def calibrate(
    videos: Sequence[CalibrationVideo],
    *,
    sigmas: npt.ArrayLike | None = None,
    taus: npt.ArrayLike | None = None,
    mode: str = "gaussian",
) -> Calibration:
    """Choose sigma and tau by grid search for the highest frame-level F1, frames of all videos pooled.

    The first best pair is kept, sigma varying slowest. Frames without a score are left out. Use calibration or
    validation videos, never test videos.

    Args:
        videos: (start_frame, end_frame, raw scores, truth) of each video.
        sigmas: Values to try; linspace(0.5, 3.0, 11) if None.
        taus: Values to try; linspace(0.1, 0.9, 81) if None.
        mode: A key of SMOOTHERS.

    Raises:
        LabelError: The scored frames hold one class only.
        InputError: A grid is empty or not finite, a mode unknown, or a video's arrays do not fit each other.
        ComputeError: A score is infinite.

    Source: HeadHunt-VAD (AAAI 2026), temporal localisation.
    """
    sigma_grid = _grid("sigmas", np.linspace(0.5, 3.0, 11) if sigmas is None else sigmas)
    tau_grid = _grid("taus", np.linspace(0.1, 0.9, 81) if taus is None else taus)
    for i, (start, _end, _scores, truth) in enumerate(videos):
        if (np.diff(start) < 0).any() or np.asarray(truth).dtype != np.bool_:
            raise InputError(f"video {i} has segments out of time order, or a truth that is not boolean")
    grid = np.empty((sigma_grid.size, tau_grid.size))
    for row, sigma in zip(grid, sigma_grid, strict=True):
        frames = pool_frames(
            (start, end, smooth(scores, sigma=float(sigma), mode=mode), len(truth), truth)
            for start, end, scores, truth in videos
        )
        n_positive, n_negative = int(frames.positives.sum()), int(frames.negatives.sum())
        if not n_positive or not n_negative:
            raise LabelError(
                "sigma and tau cannot be calibrated on one class",
                got=f"{n_positive} abnormal and {n_negative} normal frames with a score",
                expected="both",
                hint="calibrate on videos with and without events",
            )
        order = np.argsort(frames.score)
        first_above = np.searchsorted(frames.score[order], tau_grid, side="right")
        true_positive = n_positive - np.concatenate([[0], np.cumsum(frames.positives[order])])[first_above]
        false_positive = n_negative - np.concatenate([[0], np.cumsum(frames.negatives[order])])[first_above]
        # F1 = 2 TP / (2 TP + FP + FN), and TP + FN is the number of positives.
        row[:] = 2 * true_positive / (true_positive + false_positive + n_positive)
    best_sigma, best_tau = np.unravel_index(np.argmax(grid), grid.shape)
    return Calibration(
        sigma=float(sigma_grid[best_sigma]),
        tau=float(tau_grid[best_tau]),
        f1=float(grid[best_sigma, best_tau]),
        grid=grid,
        sigmas=sigma_grid,
        taus=tau_grid,
    )


def _checked(scores: npt.ArrayLike) -> Float64:
    values = np.asarray(scores, dtype=np.float64)
    if values.ndim != 1:
        raise InputError("scores are one row", got=f"shape {values.shape}", expected="(n,)")
    if np.isinf(values).any():
        raise ComputeError(f"score {np.flatnonzero(np.isinf(values))[0]} is infinite")
    return values


def _grid(name: str, values: npt.ArrayLike) -> Float64:
    grid = np.asarray(values, dtype=np.float64)
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all():
        raise InputError(f"{name} is no grid to search", got=values, expected="a row of finite numbers")
    return grid


def _frame_edges_s(n_frames: int, times_s: npt.ArrayLike | None, fps: float | None) -> Float64:
    """Time at which each frame starts, from the first one's, and as last entry the end of the last: (n_frames + 1,)."""
    if fps is not None and not (math.isfinite(fps) and fps > 0):
        raise InputError("the frame rate is not positive", got=fps, expected="fps > 0")
    if times_s is None:
        if fps is None:
            raise UsageError("events need the time of each frame", expected="times_s or fps")
        return np.arange(n_frames + 1) / fps
    times = np.asarray(times_s, dtype=np.float64)
    if times.shape not in ((n_frames,), (n_frames + 1,)) or not np.isfinite(times).all() or (np.diff(times) < 0).any():
        raise InputError(
            "the frame times do not fit the frame scores",
            got=f"shape {times.shape}",
            expected=f"({n_frames},) or ({n_frames + 1},) finite seconds that do not decrease",
        )
    if times.size == n_frames + 1:
        edges: Float64 = times - times[0]
        return edges
    if n_frames == 0:
        return np.zeros(1)
    if n_frames == 1:
        if fps is None:
            raise InputError("how long an only frame lasts is not known", got="one time", hint="give fps as well")
        return np.array([0.0, 1.0 / fps])
    last_s = float(np.median(np.diff(times)))
    return np.concatenate([times - times[0], [times[-1] - times[0] + last_s]])
