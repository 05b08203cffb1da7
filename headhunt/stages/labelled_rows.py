"""Which rows of a store may be learnt from, and their labels. The one place where labels meet features.

Rows of videos in the split `test` are never among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Bool
from headhunt.artefacts import learnt
from headhunt.artefacts.learnt import row_labels
from headhunt.datasets import sampling
from headhunt.errors import LabelError, UsageError
from headhunt.records import TEST, ManifestRow
from headhunt.store import SegmentTable, Store, VideoTable
from headhunt.store.groups import Arrays

UNITS = ("auto", "segment", "video", "both")


@dataclass(frozen=True)
class LabelledRows:
    """Labelled rows of a store.

    Attributes:
        table: The rows, all done.
        y: (n,) bool, true for abnormal.
        unit: "segment", "video" or "both".
        videos: How many videos they come from.
        digest: Digest of what rows they are and of their labels.
        notes: What was left out, and why.
    """

    table: SegmentTable
    y: Bool
    unit: str
    videos: int
    digest: str
    notes: tuple[str, ...]

    @property
    def arrays(self) -> Arrays:
        """What an artefact that learns from them keeps of them."""
        return learnt.rows_arrays(self.table, self.y)


def pick_split(videos: VideoTable, split: str | None) -> str:
    """The split to learn from: the one asked for, else "train", else "" when no video has a split.

    Raises:
        UsageError: It is the test split, or there is no such video.
    """
    have = sorted(set(videos.split))
    if split == TEST:
        raise UsageError("labels of test videos are not for selecting or fitting", hint="name another --split")
    chosen = split if split is not None else "train" if "train" in have else ""
    if chosen not in have:
        raise UsageError(
            f"no video of the store is in the split {chosen!r}" if chosen else "no video is in a split to learn from",
            got=f"splits {have}",
            hint="name one with --split, or set splits with `vadkit label MANIFEST`",
        )
    return chosen


def labelled_rows(
    store: Store, *, split: str | None = None, units: str = "auto", fraction: float | None = None, seed: int = 0
) -> LabelledRows:
    """Rows with labels, for selecting heads and fitting scorers.

    Args:
        store: The store.
        split: Split to learn from; None for "train" (or for videos without any split).
        units: "segment", "video", "both", or "auto": segments when the events of every abnormal video are known, else
            whole videos when there are such rows, else segments.
        fraction: Only this share of the labelled videos, stratified and seeded.
        seed: Seed of that choice.

    Raises:
        LabelError: No labelled rows, or of one class only.
        UsageError: An option does not fit.
    """
    if units not in UNITS:
        raise UsageError("unknown units", got=units, expected=" or ".join(UNITS))
    videos = store.videos()
    split = pick_split(videos, split)
    chosen = [i for i in range(len(videos)) if videos.split[i] == split]
    labelled = [i for i in chosen if videos.abnormal[i] is not None]
    notes = [f"{len(chosen) - len(labelled)} videos without a label left out"] if len(labelled) < len(chosen) else []
    if fraction is not None:
        rows = [ManifestRow(videos.path[i], split, videos.label[i], None, videos.category[i]) for i in labelled]
        kept = {row.video for row in sampling.sample(rows, fraction=fraction, seed=seed)}
        labelled = [i for i in labelled if videos.path[i] in kept]
    table = store.segments()
    mine = table.where(np.isin(table.video, labelled))
    lost = len(mine) - len(mine.done())
    if lost:
        notes.append(f"{lost} rows without features left out")
    mine = mine.done()
    units = _unit(units, videos, labelled, mine)
    if units != "both":
        mine = mine.of_unit(units)
    y = row_labels(mine, videos)
    if not len(mine) or y.all() or not y.any():
        raise LabelError(
            "labelled rows of both classes are needed" + (f" in the split {split!r}" if split else ""),
            got=f"{int(y.sum())} abnormal and {int((~y).sum())} normal rows from {len(labelled)} labelled videos",
            expected="some of each",
            hint="give labels with `vadkit label MANIFEST`, or another --split or --units",
        )
    digest = learnt.digest(store, mine, y)
    return LabelledRows(mine, y, units, len(np.unique(mine.video)), digest, tuple(notes))


def _unit(units: str, videos: VideoTable, labelled: list[int], table: SegmentTable) -> str:
    if units != "auto":
        return units
    abnormal = [i for i in labelled if videos.abnormal[i]]
    if len(table.of_unit("segment")) and all(videos.events[i] is not None for i in abnormal):
        return "segment"
    return "video" if len(table.of_unit("video")) else "segment"
