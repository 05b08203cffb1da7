"""Which labelled rows or videos something learnt from: kept with it, so that a changed label is noticed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from headhunt import segments
from headhunt.arrays import Bool, Int64
from headhunt.records import Interval, canonical_json
from headhunt.store import Artefact, RowStatus, SegmentTable, Store, VideoTable
from headhunt.store.groups import Arrays
from headhunt.store.layout import UNITS

ROW, ABNORMAL = "learnt_row", "learnt_abnormal"
VIDEO, TRUTH = "learnt_video", "learnt_truth"
ROWS_INPUT, TRUTH_INPUT = "calibration", "truth"
"""What digests of learnt rows, and of learnt videos' events, are called among the inputs of an artefact."""


@dataclass(frozen=True)
class Changes:
    """How what was learnt from differs now.

    Attributes:
        videos: Ids of the videos whose labels, events or rows changed, sorted.
        added: Videos of the same split that have labels now and were not learnt from.
    """

    videos: tuple[str, ...]
    added: int = 0


def row_labels(table: SegmentTable, videos: VideoTable) -> Bool:
    """Which rows are abnormal, (n,): all of their videos have labels.

    A whole-video row takes the video's label. A segment of a video with known events is abnormal when events cover at
    least half of it; a segment of a video with only a label takes that label.
    """
    y = np.zeros(len(table), bool)
    for index, rows in _by_video(table):
        label, events = videos.abnormal_at(index), videos.events[index]
        assert label is not None
        y[rows] = label
        if label and events is not None:
            parts = rows[table.unit[rows] == UNITS.index("segment")]
            y[parts] = segments.overlap_labels(table.start_frame[parts], table.end_frame[parts], events)
    return y


def _by_video(table: SegmentTable) -> Iterator[tuple[int, Int64]]:
    order = np.argsort(table.video, kind="stable")
    found, first = np.unique(table.video[order], return_index=True)
    if len(found):
        yield from zip(found.tolist(), np.split(order, first[1:]), strict=True)


def digest(store: Store, table: SegmentTable, y: Bool) -> str:
    """Digest of what rows were learnt from and of their labels."""
    return _digest([store.rows_digest(table), y.tolist()])


def rows_arrays(table: SegmentTable, y: Bool) -> Arrays:
    """What an artefact keeps of the rows it learnt from."""
    return {ROW: (table.row, ("learnt",)), ABNORMAL: (y, ("learnt",))}


def truth_arrays(videos: VideoTable, index: Sequence[int]) -> Arrays:
    """What an artefact keeps of the videos whose events it learnt from."""
    return {
        VIDEO: (np.array(index, np.int64), ("learnt",)),
        TRUTH: (np.array([_truth(videos, i) for i in index], dtype=object), ("learnt",)),
    }


def truth_digest(videos: VideoTable, index: Sequence[int]) -> str:
    """Digest of the events of the videos that were learnt from."""
    return _digest([[videos.path[i], _truth(videos, i)] for i in index])


def _truth(videos: VideoTable, index: int) -> str:
    known: tuple[Interval, ...] | None = videos.events[index]
    events = None if known is None else [[e.start_frame, e.end_frame] for e in known]
    return _digest([int(videos.frames[index]), videos.abnormal_at(index), events])


def _digest(plain: object) -> str:
    return f"sha256:{hashlib.sha256(canonical_json(plain).encode()).hexdigest()}"


def changed_rows(store: Store, artefact: Artefact) -> Changes | None:
    """How the rows that an artefact learnt from changed; None where it does not say which they are."""
    if ROW not in artefact.arrays:
        return None
    videos, table = store.videos(), store.segments()
    then, labels = artefact.arrays[ROW].astype(np.int64), artefact.arrays[ABNORMAL].astype(bool)
    place = np.minimum(np.searchsorted(table.row, then), max(0, len(table) - 1))
    there = table.row[place] == then if len(table) else np.zeros(len(then), bool)
    used = table.take(place[there])
    named = np.array([videos.abnormal_at(i) is not None for i in range(len(videos))], bool)
    known = named[used.video]
    y = np.zeros(len(used), bool)
    y[known] = row_labels(used.where(known), videos)
    wrong = ~known | (y != labels[there]) | (used.status != RowStatus.DONE)
    different = sorted({videos.path[i] for i in used.video[wrong].tolist()})
    if not there.all() or (not different and digest(store, used, y) != artefact.made_by["inputs"].get(ROWS_INPUT)):
        different = different or sorted({videos.path[i] for i in used.video.tolist()})
    return Changes(tuple(different), _added(artefact, videos, table, set(used.video.tolist()), named))


def _added(artefact: Artefact, videos: VideoTable, table: SegmentTable, used: set[int], named: Bool) -> int:
    if artefact.made_by["config"].get("fraction") is not None:  # a part was wanted
        return 0
    splits = {videos.split[i] for i in used}
    have = set(table.done().video.tolist()) - used
    return sum(bool(named[i]) and videos.split[i] in splits for i in have)


def changed_truth(store: Store, artefact: Artefact) -> Changes:
    """How the events of the videos that an artefact learnt from changed."""
    videos = store.videos()
    then = list(zip(artefact.arrays[VIDEO].tolist(), artefact.arrays[TRUTH].tolist(), strict=True))
    different = [i for i, truth in then if i >= len(videos) or _truth(videos, i) != str(truth)]
    return Changes(tuple(sorted(videos.path[i] for i in different if i < len(videos)) or ["?"] * bool(different)))
