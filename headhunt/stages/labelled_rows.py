"""Which rows of a store may be learnt from, and their labels. The one place where labels meet features.

Rows of videos in the split `test` are never among them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from headhunt import splits
from headhunt.arrays import Bool
from headhunt.artefacts import learnt, seen
from headhunt.artefacts.learnt import row_labels
from headhunt.artefacts.seen import Seen
from headhunt.datasets import lengths, sampling
from headhunt.errors import LabelError, UsageError
from headhunt.records import ManifestRow
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
        learnt_from: The videos they come from, for what is learnt from them to keep.
        notes: What was left out, and why.
    """

    table: SegmentTable
    y: Bool
    unit: str
    videos: int
    digest: str
    learnt_from: tuple[Seen, ...]
    notes: tuple[str, ...]

    @property
    def arrays(self) -> Arrays:
        """What an artefact that learns from them keeps of them."""
        return learnt.rows_arrays(self.table, self.y)


def pick_split(videos: VideoTable, split: str | None) -> str:
    """The split to learn from: the one asked for, else "train", else "" when no video has a split.

    Raises:
        UsageError: It is a test split, there is no such video, or the store has a split whose name is nearly train, val
            or test, as earlier versions let pass.
    """
    have = sorted(set(videos.split))
    if split is not None and splits.is_test(split):
        got = None if split == splits.TEST else repr(split)
        raise UsageError("labels of test videos are not for selecting or fitting", got=got, hint="name another --split")
    if split is None:
        check_splits(videos)
    else:
        split = splits.canonical(split)
    chosen = split if split is not None else "train" if "train" in have else ""
    if chosen not in have:
        raise UsageError(
            f"no video of the store is in the split {chosen!r}" if chosen else "no video is in a split to learn from",
            got=f"splits {have}",
            hint="name one with --split, or set splits with `vadkit label MANIFEST`",
        )
    return chosen


def check_splits(videos: VideoTable) -> None:
    """Raise when a store has a split whose name is nearly train, val or test: which videos it means is a guess.

    Raises:
        UsageError: It has; such names are refused in manifests, but earlier versions took them.
    """
    for name in sorted(set(videos.split)):
        if (meant := splits.doubtful(name)) is not None:
            raise UsageError(
                "the store has a split whose name is nearly that of another",
                got=repr(name),
                expected=repr(meant),
                hint=f"write {meant!r} in the manifest and take it over with `vadkit label MANIFEST`",
            )


def events_outside(videos: VideoTable, some: Iterable[int]) -> dict[int, lengths.Annotated]:
    """Those of some videos with an event that begins at or past the end: their annotation is of another file."""
    annotated = {i: lengths.Annotated(videos.path[i], videos.events[i], int(videos.frames[i])) for i in some}
    return {i: one for i, one in annotated.items() if one.outside}


def labelled_rows(
    store: Store, *, split: str | None = None, units: str = "auto", fraction: float | None = None, seed: int = 0
) -> LabelledRows:
    """Rows with labels, for selecting heads and fitting scorers.

    What a row's label is, `learnt.row_labels` says. Videos with an event that begins at or past their end are left out:
    the annotation is of another file.

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
    outside = events_outside(videos, labelled)
    if outside:
        notes.append(lengths.left_out(outside.values()))
        labelled = [i for i in labelled if i not in outside]
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
    return LabelledRows(
        table=mine,
        y=y,
        unit=units,
        videos=len(np.unique(mine.video)),
        digest=learnt.digest(store, mine, y),
        learnt_from=seen.seen(videos, mine.video),
        notes=tuple(notes),
    )


def _unit(units: str, videos: VideoTable, labelled: list[int], table: SegmentTable) -> str:
    if units != "auto":
        return units
    abnormal = [i for i in labelled if videos.abnormal[i]]
    if len(table.of_unit("segment")) and all(videos.events[i] is not None for i in abnormal):
        return "segment"
    return "video" if len(table.of_unit("video")) else "segment"
