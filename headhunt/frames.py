"""From segments and annotated events to frames: which frames count, which are abnormal, what score each carries.

Events and metrics both stand on this; it knows no threshold and no metric. Segment scores are constant over many
frames, so they are kept as runs of one score and expanded only where someone asks for frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool, Float64, Int64
from headhunt.errors import ComputeError, InputError
from headhunt.records import Interval


def _native(n_frames: int) -> int:
    return n_frames


def _clip16(n_frames: int) -> int:
    return -(-n_frames // 16) * 16


def _xd_trunc(n_frames: int) -> int:
    return max(n_frames - 1, 0) // 16 * 16


PROTOCOLS: dict[str, Callable[[int], int]] = {"native": _native, "clip16": _clip16, "xd-trunc": _xd_trunc}
"""Name -> number of frames that count, from the start, for a video of so many decoded frames.

native: every decoded frame. clip16: rounded up to a multiple of 16, as in the usual UCF-Crime ground-truth files (RTFM,
VadCLIP: 1,114,144 frames). xd-trunc: the last frame dropped, then the (n_frames - 1) mod 16 frames left over
(XDVioDet's XD-Violence ground truth: 2,330,384 frames)."""


def counted_frames(n_frames: int, *, protocol: str = "native") -> int:
    """Number of frames that count: frames 0 to this, less one.

    Args:
        n_frames: Decoded native frames of the video, >= 0.
        protocol: A key of PROTOCOLS.

    Raises:
        InputError: Unknown protocol or negative n_frames.
    """
    if protocol not in PROTOCOLS:
        raise InputError("there is no such protocol", got=protocol, expected=f"one of {', '.join(PROTOCOLS)}")
    if n_frames < 0:
        raise InputError("a video has a negative number of frames", got=n_frames, expected=">= 0")
    return PROTOCOLS[protocol](n_frames)


def frame_truth(
    n_frames: int, events: Iterable[Interval], *, protocol: str = "native", inclusive: bool = False
) -> Bool:
    """Ground truth of each frame that counts.

    Events are cut at the last frame that counts. Under clip16 an event that ends past the video therefore goes on into
    the padding, as in the public ground-truth files.

    Args:
        n_frames: Decoded native frames of the video.
        events: Abnormal intervals [start, end) in native frames; they may overlap and reach past the video.
        protocol: A key of PROTOCOLS.
        inclusive: The end frame is abnormal too: [start, end] (RTFM, LAVAD).

    Returns:
        (counted_frames,) bool.

    Raises:
        InputError: Unknown protocol or negative n_frames.
    """
    truth = np.zeros(counted_frames(n_frames, protocol=protocol), dtype=np.bool_)
    for event in events:
        truth[event.start_frame : event.end_frame + inclusive] = True
    return truth


def score_runs(
    start_frame: npt.ArrayLike, end_frame: npt.ArrayLike, scores: npt.ArrayLike, n_frames: int
) -> tuple[Int64, Float64]:
    """Cut a video into runs of frames that carry one score.

    Args:
        start_frame: (n,) integers, first native frame of each segment.
        end_frame: (n,) integers, one past its last frame.
        scores: (n,) float, NaN where the segment failed.
        n_frames: Decoded native frames of the video.

    Returns:
        edges (r + 1,) int64, strictly increasing from 0 to n_frames (just [0] for an empty video), and scores (r,)
        float64: run i is [edges[i], edges[i + 1]). Its score is the mean of the segments that cover it and did not
        fail; NaN where there is none.

    Raises:
        InputError: Shapes differ, or a segment is empty or reaches outside the video.
        ComputeError: A score is infinite.
    """
    counted_frames(n_frames)
    start, end, score = np.asarray(start_frame), np.asarray(end_frame), np.asarray(scores, dtype=np.float64)
    if score.ndim != 1 or not start.shape == end.shape == score.shape:
        raise InputError(
            "segments need one start, one end and one score each",
            got=f"shapes {start.shape}, {end.shape}, {score.shape}",
            expected="three times (n,)",
        )
    if score.size and not (np.issubdtype(start.dtype, np.integer) and np.issubdtype(end.dtype, np.integer)):
        raise InputError(
            "segments start and end at whole frames", got=f"{start.dtype}, {end.dtype}", expected="integers"
        )
    bad = np.flatnonzero((start < 0) | (start >= end) | (end > n_frames))
    if bad.size:
        raise InputError(
            f"segment {bad[0]} is empty or reaches outside the video",
            got=f"[{start[bad[0]]}, {end[bad[0]]})",
            expected=f"inside [0, {n_frames})",
            hint="extract the video again: its length changed",
        )
    if np.isinf(score).any():
        raise ComputeError(f"the score of segment {np.flatnonzero(np.isinf(score))[0]} is infinite")
    start, end = start.astype(np.int64), end.astype(np.int64)
    edges = np.unique(np.concatenate([start, end, np.array([0, n_frames], dtype=np.int64)]))
    n_runs = edges.size - 1
    kept = np.isfinite(score)
    first = np.searchsorted(edges, start[kept])
    n_covered = np.searchsorted(edges, end[kept]) - first
    # One row for every (segment, run it covers): sums of few terms, so that disjoint segments keep their exact scores.
    offset = np.arange(n_covered.sum()) - np.repeat(np.cumsum(n_covered) - n_covered, n_covered)
    run = np.repeat(first, n_covered) + offset
    total = np.bincount(run, weights=np.repeat(score[kept], n_covered), minlength=n_runs)
    count = np.bincount(run, minlength=n_runs)
    return edges, np.divide(total, count, out=np.full(n_runs, np.nan), where=count > 0)


def count_runs(edges: Int64, truth: Bool) -> tuple[Int64, Int64]:
    """Abnormal and normal frames of each run, over the frames that count.

    Where more frames count than the video has (clip16), the last run goes on: the last score is held. Where fewer
    count, the runs are cut.

    Args:
        edges: (r + 1,) int64 of `score_runs`.
        truth: (m,) bool of `frame_truth`.

    Returns:
        positives (r,) and negatives (r,), int64.
    """
    if edges.size < 2:
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    cut = np.minimum(edges, truth.size)
    cut[-1] = truth.size
    positives = np.diff(np.concatenate([[0], np.cumsum(truth, dtype=np.int64)])[cut])
    return positives, np.diff(cut) - positives


@dataclass(frozen=True, eq=False)
class FrameCounts:
    """Frames that have a score, counted by run, over several videos.

    Attributes:
        video: (r,) int64, index of the video, ascending.
        score: (r,) float64, finite.
        positives: (r,) int64, abnormal frames of the run.
        negatives: (r,) int64, normal frames of the run.
    """

    video: Int64
    score: Float64
    positives: Int64
    negatives: Int64


def pool_frames(
    videos: Iterable[tuple[npt.ArrayLike, npt.ArrayLike, npt.ArrayLike, int, Bool | None]],
) -> FrameCounts:
    """Count the frames of several videos by run.

    Args:
        videos: start_frame (n,), end_frame (n,), scores (n,), n_frames and truth (m,) of each video, as in `score_runs`
            and `frame_truth`; a video whose truth is not known (None) has no runs.

    Raises:
        InputError: Shapes differ, or a segment is empty or reaches outside its video.
        ComputeError: A score is infinite.
    """
    none = np.zeros(0, np.int64)
    video, pooled, positives, negatives = [none], [np.zeros(0)], [none], [none]
    for i, (start, end, scores, n_frames, truth) in enumerate(videos):
        if truth is None:
            continue
        edges, score = score_runs(start, end, scores, n_frames)
        n_positive, n_negative = count_runs(edges, truth)
        kept = np.isfinite(score) & (n_positive + n_negative > 0)
        video.append(np.full(kept.sum(), i))
        pooled.append(score[kept])
        positives.append(n_positive[kept])
        negatives.append(n_negative[kept])
    return FrameCounts(
        np.concatenate(video), np.concatenate(pooled), np.concatenate(positives), np.concatenate(negatives)
    )
