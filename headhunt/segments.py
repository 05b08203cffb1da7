"""Which frames make which segment, and which segments are positive: arithmetic on frame numbers, no pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from headhunt.arrays import Bool, Int64
from headhunt.errors import InputError
from headhunt.records import Interval


def plan_segments(
    n_frames: int, *, length: int = 48, stride: int | None = None, tail: Literal["keep", "drop"] = "keep"
) -> list[Interval]:
    """Cut a video into segments.

    A segment starts every `stride` frames until one reaches the end of the video.

    Args:
        n_frames: Native frames of the video, >= 0.
        length: Frames of a segment, >= 1.
        stride: Frames from one start to the next, >= 1; None is `length`: consecutive, without overlap.
        tail: What becomes of the last segment when fewer than `length` frames are left for it: "keep" keeps it shorter,
            "drop" leaves it out, but a video shorter than `length` is one segment all the same (HeadHunt-VAD's
            published code: max(1, N // 48) segments).

    Returns:
        The segments in order; none for a video of no frames.

    Raises:
        InputError: A number is out of range, or `tail` is another word.
    """
    stride = length if stride is None else stride
    if n_frames < 0 or length < 1 or stride < 1:
        raise InputError(
            "segments cannot be planned",
            got=f"n_frames {n_frames}, length {length}, stride {stride}",
            expected="n_frames >= 0, length >= 1, stride >= 1",
        )
    if tail not in ("keep", "drop"):
        raise InputError("unknown way to treat the tail of a video", got=repr(tail), expected="'keep' or 'drop'")
    if n_frames <= length:
        return [Interval(0, n_frames)] if n_frames else []
    n_whole = (n_frames - length) // stride + 1
    segments = [Interval(i * stride, i * stride + length) for i in range(n_whole)]
    start = n_whole * stride
    if tail == "keep" and start < n_frames and segments[-1].end_frame < n_frames:
        segments.append(Interval(start, n_frames))
    return segments


def sample_frames(interval: Interval, n_samples: int = 16) -> Int64:
    """The frames a segment shows the model: the centres of `n_samples` equal bins.

    Frame i is start + floor(length / n_samples * (i + 1/2)) (HeadHunt-VAD (AAAI 2026): 1, 4, 7, ... 46 of 48), in whole
    numbers, so no rounding error can move it.

    Args:
        interval: The segment.
        n_samples: Frames wanted, >= 1.

    Returns:
        int64 (n_samples,), not decreasing, all inside the segment; frames repeat where it has fewer than `n_samples`.

    Raises:
        InputError: `n_samples` < 1.
    """
    if n_samples < 1:
        raise InputError("a segment must be sampled at one frame at least", got=n_samples, expected=">= 1")
    length = interval.end_frame - interval.start_frame
    bins = np.arange(n_samples, dtype=np.int64)
    return interval.start_frame + length * (2 * bins + 1) // (2 * n_samples)


def overlap_labels(start_frames: Int64, end_frames: Int64, events: Sequence[Interval]) -> Bool:
    """Which segments of one video are positive: those of which events cover at least half.

    Args:
        start_frames: int (n,), first native frame of each segment, >= 0.
        end_frames: int (n,), one past the last, > start.
        events: The video's abnormal intervals in native frames, in any order; frames two of them share count once.

    Returns:
        bool (n,).

    Raises:
        InputError: The arrays differ in length, or a segment is empty or negative.
    """
    starts, ends = np.asarray(start_frames, dtype=np.int64), np.asarray(end_frames, dtype=np.int64)
    if starts.ndim != 1 or starts.shape != ends.shape:
        raise InputError("starts and ends of segments do not match", got=f"shapes {starts.shape} and {ends.shape}")
    if not np.all((starts >= 0) & (starts < ends)):
        raise InputError("a segment is empty or negative", expected="0 <= start < end")
    covered, reached = np.zeros(len(starts), dtype=np.int64), 0
    for event in sorted(events):
        first = max(event.start_frame, reached)
        reached = max(event.end_frame, reached)
        covered += np.clip(np.minimum(ends, reached) - np.maximum(starts, first), 0, None)
    return 2 * covered >= ends - starts
