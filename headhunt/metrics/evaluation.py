"""Frame-, video- and event-level metrics with bootstrap intervals; knows no store, no model and no file.

Every metric is a function of how often each video is drawn: once for the estimate, a random number of times for a
bootstrap replicate.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching

from headhunt import labels
from headhunt.arrays import Bool, Float64, Int64
from headhunt.errors import InputError, LabelError
from headhunt.frames import FrameCounts, count_runs, frame_truth, pool_frames, score_runs
from headhunt.metrics.areas import VARIANTS, AreaTable, Numbers, frame_metrics
from headhunt.records import Event, Interval, Json

IOUS = (0.1, 0.3, 0.5)


@dataclass(frozen=True, eq=False)
class VideoResult:
    """What was predicted and annotated for one video.

    Attributes:
        video: Id.
        start_frame: (n,) integers, first native frame of each segment.
        end_frame: (n,) integers, one past its last frame.
        score: (n,) float, the smoothed score of each segment, NaN where it failed.
        n_frames: Decoded native frames.
        fps: Mean frames per second, > 0.
        abnormal: The video-level label.
        events: Annotated events in native frames, () for a normal video; None when only the label is known, which keeps
            an abnormal video out of every frame and event metric.
        category: Class of the anomaly, several with a semicolon between them; "" when not known.
        predicted: Detected events.
    """

    video: str
    start_frame: Int64
    end_frame: Int64
    score: Float64
    n_frames: int
    fps: float
    abnormal: bool
    events: tuple[Interval, ...] | None = ()
    category: str = ""
    predicted: tuple[Event, ...] = ()

    def __post_init__(self) -> None:
        score_runs(self.start_frame, self.end_frame, self.score, self.n_frames)
        if not (math.isfinite(self.fps) and self.fps > 0):
            raise InputError(f"{self.video!r} has no frame rate", got=self.fps, expected="fps > 0")
        if bool(self.events) and not self.abnormal:
            raise LabelError(f"{self.video!r} is normal but has events", got=self.events, expected="none")
        if self.abnormal and self.events == ():
            raise LabelError(
                f"{self.video!r} is abnormal but has no event", expected="its events, or None where they are not known"
            )
        for event in self.predicted:
            if event.video != self.video or event.end_frame > self.n_frames:
                raise InputError(
                    f"a detected event does not belong to {self.video!r}",
                    got=f"{event.video!r} [{event.start_frame}, {event.end_frame})",
                    expected=f"inside [0, {self.n_frames})",
                )


def temporal_iou(predicted: Sequence[Interval | Event], truth: Sequence[Interval | Event]) -> Float64:
    """Intersection over union in frames of every predicted with every true event: (len(predicted), len(truth))."""
    (start, end), (true_start, true_end) = _bounds(predicted), _bounds(truth)
    shared = np.minimum(end[:, None], true_end) - np.maximum(start[:, None], true_start)
    shared = np.maximum(shared, 0)
    iou: Float64 = shared / ((end - start)[:, None] + (true_end - true_start) - shared)
    return iou


def count_matches(iou: Float64, *, threshold: float) -> int:
    """Number of true positives: the largest one-to-one matching of pairs whose IoU reaches the threshold.

    The optimum, where greedy matching can find fewer, depending on the order of events.

    Args:
        iou: (predicted, truth) of `temporal_iou`.
        threshold: In (0, 1].
    """
    if iou.size == 0:
        return 0
    return int((maximum_bipartite_matching(csr_array(iou >= threshold), perm_type="column") >= 0).sum())


def evaluate(
    videos: Sequence[VideoResult],
    *,
    tau: float,
    protocol: str = "native",
    inclusive: bool = False,
    seed: int = 0,
    n_bootstrap: int = 1000,
) -> Json:
    """Every metric of a set of videos as plain JSON.

    Frames without a score are left out of frame metrics and counted. Event metrics always count native frames. A false
    alarm is a detected event that touches no annotated one; its hours are those of normal frames with a score. The
    delay of an annotated event runs from its start to the first detected frame inside it, over the events detected at
    all. Intervals are 95 % percentile intervals of a bootstrap over videos; replicates in which a metric is not defined
    are left out of its interval and counted.

    Args:
        videos: Test videos, each once.
        tau: Threshold of the gated and binary variants (score > tau).
        protocol: Which frames count, a key of `protocols.PROTOCOLS`.
        inclusive: The end frame of an annotated event is abnormal too.
        seed: Of the bootstrap.
        n_bootstrap: Replicates; 0 for no intervals.

    Returns:
        settings and counts; frame.{continuous, gated, binary}.{frame_auc, frame_ap_step, frame_ap_trapezoid};
        frame.at_threshold.{frame_precision, frame_recall, frame_f1}, F1 being what calibration maximises; the first
        three under abnormal_videos and category.<name> (a category is pooled with all normal videos); per_video.
        frame_auc_macro (over the videos that hold both classes); video.{video_auc, ...} (highest score of each video);
        event.iou_<threshold>.{event_precision, event_recall, event_f1}; event.{false_alarms_per_hour, detection_rate,
        detection_delay_mean_s, detection_delay_median_s}; intervals_95 {"group/name": {low, high, n_undefined}}; and
        undefined {"group/name": reason} for each metric that is null.

    Raises:
        InputError: No video, a video twice, unknown protocol, or an option out of range.
    """
    names = [v.video for v in videos]
    if not names or len(set(names)) != len(names):
        raise InputError("an evaluation needs videos, each once", got=f"{len(names)}, {len(set(names))} distinct")
    if not math.isfinite(tau) or n_bootstrap < 0:
        raise InputError("an option is out of range", got=f"tau {tau}, n_bootstrap {n_bootstrap}")
    truths = [
        None
        if v.events is None and v.abnormal
        else frame_truth(v.n_frames, v.events or (), protocol=protocol, inclusive=inclusive)
        for v in videos
    ]
    frames = pool_frames(
        (v.start_frame, v.end_frame, v.score, v.n_frames, truth) for v, truth in zip(videos, truths, strict=True)
    )
    per_video = _per_video_auc(frames, len(videos))
    tallies = [_tally(v, inclusive=inclusive) for v in videos]
    draws = np.ones((1, len(videos)))
    replicates = np.random.default_rng(seed).multinomial(
        len(videos), np.full(len(videos), 1 / len(videos)), size=n_bootstrap
    )
    settings = {
        "tau": float(tau),
        "protocol": protocol,
        "inclusive": inclusive,
        "seed": seed,
        "n_bootstrap": n_bootstrap,
    }
    counts = {**_video_counts(videos), **_frame_counts(frames, truths), **_event_counts(tallies)}
    counts["n_videos_macro"] = int(np.isfinite(per_video).sum())
    result: Json = {"settings": settings, "counts": counts, "category": {}}
    intervals: Json = {}
    undefined: dict[str, str] = {}
    metrics = (
        *_area_metrics(videos, frames, per_video, tau),
        *_threshold_metrics(frames, len(videos), tau),
        *_event_metrics(tallies),
    )
    for metric in metrics:
        estimates = metric.values(draws)[:, 0]
        wanted = metric.interval and n_bootstrap > 0 and len(videos) > 1
        spread = metric.values(replicates.astype(np.float64)) if wanted else None
        group = result
        for part in metric.path:
            group = group.setdefault(part, {})
        for i, (name, estimate) in enumerate(zip(metric.names, estimates, strict=True)):
            key = "/".join((*metric.path, name))
            group[name] = float(estimate) if np.isfinite(estimate) else None
            if group[name] is None:
                undefined[key] = metric.undefined
            elif spread is not None:
                intervals[key] = _interval(spread[i])
    if n_bootstrap and len(videos) < 2:
        undefined["intervals_95"] = "one video: there is nothing to resample"
    return {**result, "intervals_95": intervals, "undefined": undefined}


@dataclass(frozen=True)
class _Tally:
    """Events of one video; everything 0 where the truth is not known.

    matched holds the true positives at each of IOUS, delays_s one number for each annotated event that was detected.
    """

    matched: tuple[int, ...] = (0,) * len(IOUS)
    n_predicted: int = 0
    n_truth: int = 0
    n_outside: int = 0
    n_false_alarms: int = 0
    delays_s: tuple[float, ...] = ()
    normal_hours: float = 0.0


def _tally(v: VideoResult, *, inclusive: bool) -> _Tally:
    if v.events is None and v.abnormal:
        return _Tally()
    events = v.events or ()
    inside = [e for e in events if e.start_frame < v.n_frames]
    truth = [Interval(e.start_frame, min(e.end_frame + inclusive, v.n_frames)) for e in inside]
    iou = temporal_iou(v.predicted, truth)
    (start, _), (true_start, _) = _bounds(v.predicted), _bounds(truth)
    waited = np.where(iou > 0, np.maximum(start[:, None] - true_start, 0), np.inf)
    first = waited.min(axis=0, initial=np.inf)
    edges, score = score_runs(v.start_frame, v.end_frame, v.score, v.n_frames)
    _, negatives = count_runs(edges, frame_truth(v.n_frames, truth))
    return _Tally(
        matched=tuple(count_matches(iou, threshold=t) for t in IOUS),
        n_predicted=len(v.predicted),
        n_truth=len(truth),
        n_outside=len(events) - len(inside),
        n_false_alarms=int((~(iou > 0).any(axis=1)).sum()),
        delays_s=tuple((first[np.isfinite(first)] / v.fps).tolist()),
        normal_hours=float(negatives[np.isfinite(score)].sum()) / v.fps / 3600,
    )


@dataclass(frozen=True, eq=False)
class _Metric:
    """Metrics computed together: where they stand in the result, and their values (names, b) for draws (b, v)."""

    path: tuple[str, ...]
    names: tuple[str, ...]
    values: Callable[[Float64], Float64]
    undefined: str
    interval: bool = True


def _area_metrics(
    videos: Sequence[VideoResult], frames: FrameCounts, per_video: Float64, tau: float
) -> Iterator[_Metric]:
    """Everything that ranks frames or videos; per_video is the AUC of each, NaN where not defined."""
    n = len(videos)
    abnormal = np.array([v.abnormal for v in videos])
    classes = [labels.classes(v.category) for v in videos]

    def areas(path: str, table: AreaTable, kept: Bool, *, of: str = "frame", interval: bool = True) -> _Metric:
        weight = kept.astype(np.float64)
        n_positive, n_negative = (float((weight @ side).sum()) for side in (table.positives, table.negatives))
        return _Metric(
            tuple(path.split("/", 1)),
            (f"{of}_auc", f"{of}_ap_step", f"{of}_ap_trapezoid"),
            lambda draws: table.areas(draws * weight),
            f"needs both classes: {n_positive:.0f} abnormal and {n_negative:.0f} normal {of}s have a score",
            interval,
        )

    def frame_table(score: Float64) -> AreaTable:
        return AreaTable.of(frames.video, score, frames.positives, frames.negatives, n_videos=n)

    every = np.ones(n, dtype=np.bool_)
    for name, transform in VARIANTS.items():
        yield areas(f"frame/{name}", frame_table(transform(frames.score, tau)), every)
    continuous = frame_table(frames.score)
    yield areas("abnormal_videos", continuous, abnormal)
    for name in sorted({one for own, is_abnormal in zip(classes, abnormal, strict=True) if is_abnormal for one in own}):
        of_it = np.array([name in own for own in classes])
        yield areas(f"category/{name}", continuous, ~abnormal | of_it, interval=False)
    defined = np.isfinite(per_video)
    reason = "no video holds both classes among its frames with a score"
    yield _ratio("per_video", "frame_auc_macro", np.where(defined, per_video, 0.0), defined, reason)
    peak = np.array([np.max(v.score, initial=-np.inf, where=np.isfinite(v.score)) for v in videos])
    scored = np.flatnonzero(np.isfinite(peak))
    by_video = AreaTable.of(scored, peak[scored], abnormal[scored], ~abnormal[scored], n_videos=n)
    yield areas("video", by_video, every, of="video")


def _threshold_metrics(frames: FrameCounts, n_videos: int, tau: float) -> Iterator[_Metric]:
    above = frames.score > tau

    def a_video(count: Int64) -> Float64:
        return np.bincount(frames.video, count, minlength=n_videos).astype(np.float64)

    hit, n_true = a_video(frames.positives * above), a_video(frames.positives)
    n_above = hit + a_video(frames.negatives * above)
    no_truth = "no abnormal frame has a score"
    yield _ratio("frame/at_threshold", "frame_precision", hit, n_above, "no frame is above the threshold")
    yield _ratio("frame/at_threshold", "frame_recall", hit, n_true, no_truth)
    yield _ratio("frame/at_threshold", "frame_f1", 2 * hit, (n_above + n_true) * n_true.any(), no_truth)


def _per_video_auc(frames: FrameCounts, n_videos: int) -> Float64:
    """(n_videos,), NaN where a video does not hold both classes."""
    auc = np.full(n_videos, np.nan)
    bounds = np.searchsorted(frames.video, np.arange(n_videos + 1))
    for v, (first, last) in enumerate(pairwise(bounds)):
        positives, negatives = frames.positives[first:last], frames.negatives[first:last]
        if positives.any() and negatives.any():
            auc[v] = frame_metrics(frames.score[first:last], positives, negatives)["auc"]
    return auc


def _event_metrics(tallies: Sequence[_Tally]) -> Iterator[_Metric]:
    n_predicted = np.array([t.n_predicted for t in tallies])
    n_truth = np.array([t.n_truth for t in tallies])
    n_either = (n_predicted + n_truth) * n_truth.any()  # without any annotated event F1 says nothing
    n_detected = np.array([len(t.delays_s) for t in tallies])
    no_truth, no_detection = "no annotated event", "no annotated event was detected"
    for matched, iou in zip(np.array([t.matched for t in tallies]).T, IOUS, strict=True):
        yield _ratio(f"event/iou_{iou}", "event_precision", matched, n_predicted, "no detected event")
        yield _ratio(f"event/iou_{iou}", "event_recall", matched, n_truth, no_truth)
        yield _ratio(f"event/iou_{iou}", "event_f1", 2 * matched, n_either, no_truth)
    n_false = np.array([t.n_false_alarms for t in tallies])
    hours = np.array([t.normal_hours for t in tallies])
    yield _ratio("event", "false_alarms_per_hour", n_false, hours, "no normal frame has a score")
    yield _ratio("event", "detection_rate", n_detected, n_truth, no_truth)
    delay_s = np.array([sum(t.delays_s) for t in tallies])
    yield _ratio("event", "detection_delay_mean_s", delay_s, n_detected, no_detection)
    delays_s = [d for t in tallies for d in t.delays_s]
    median_s = np.array([[np.median(delays_s) if delays_s else np.nan]])
    yield _Metric(("event",), ("detection_delay_median_s",), lambda _draws: median_s, no_detection, interval=False)


def _ratio(path: str, name: str, part: Numbers, whole: Numbers, undefined: str) -> _Metric:
    """A sum over videos divided by another; NaN where the other is 0."""
    numerator, denominator = part.astype(np.float64), whole.astype(np.float64)

    def values(draws: Float64) -> Float64:
        over = draws @ denominator
        ratio: Float64 = np.divide(draws @ numerator, over, out=np.full(len(draws), np.nan), where=over > 0)
        return ratio[None]

    return _Metric(tuple(path.split("/", 1)), (name,), values, undefined)


def _video_counts(videos: Sequence[VideoResult]) -> Json:
    return {
        "n_videos": len(videos),
        "n_abnormal_videos": sum(bool(v.abnormal) for v in videos),
        "n_normal_videos": sum(not v.abnormal for v in videos),
        "n_videos_without_score": sum(bool(np.isnan(v.score).all()) for v in videos),
        "n_videos_without_frame_truth": sum(bool(v.abnormal) and v.events is None for v in videos),
        "n_segments": sum(v.score.size for v in videos),
        "n_failed_segments": sum(int(np.isnan(v.score).sum()) for v in videos),
    }


def _frame_counts(frames: FrameCounts, truths: Sequence[Bool | None]) -> Json:
    n_frames = sum(truth.size for truth in truths if truth is not None)
    n_positive = sum(int(truth.sum()) for truth in truths if truth is not None)
    n_scored_positive, n_scored_negative = int(frames.positives.sum()), int(frames.negatives.sum())
    return {
        "n_frames": n_frames,
        "n_positive_frames": n_positive,
        "n_excluded_frames": n_frames - n_scored_positive - n_scored_negative,
        "n_excluded_positive_frames": n_positive - n_scored_positive,
    }


def _event_counts(tallies: Sequence[_Tally]) -> Json:
    return {
        "n_truth_events": sum(t.n_truth for t in tallies),
        "n_truth_events_outside_video": sum(t.n_outside for t in tallies),
        "n_predicted_events": sum(t.n_predicted for t in tallies),
        "n_detected_truth_events": sum(len(t.delays_s) for t in tallies),
        "n_false_alarms": sum(t.n_false_alarms for t in tallies),
        "normal_hours": math.fsum(t.normal_hours for t in tallies),
    }


def _interval(values: Float64) -> Json:
    """The 95 % percentile interval of the replicates in which the metric is defined."""
    finite = values[np.isfinite(values)]
    low, high = np.quantile(finite, [0.025, 0.975]).tolist() if finite.size else (None, None)
    return {"low": low, "high": high, "n_undefined": values.size - finite.size}


def _bounds(intervals: Sequence[Interval | Event]) -> tuple[Int64, Int64]:
    start = np.array([i.start_frame for i in intervals], dtype=np.int64)
    return start, np.array([i.end_frame for i in intervals], dtype=np.int64)
