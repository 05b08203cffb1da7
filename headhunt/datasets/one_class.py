"""Data sets whose training videos are all normal and whose test videos are labelled by frames; knows none of them.

Such a data set (UCSD, Avenue, ShanghaiTech) is joined here: a video is of the training or of the test part by the data
set's own folder names, a test video has a key under which its labels are found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

from headhunt.datasets.frame_labels import FrameLabels
from headhunt.datasets.reading import Reading, some
from headhunt.errors import ManifestError
from headhunt.records import ManifestRow

TRAIN, TEST = "train", "test"
_PART = re.compile("(train|test)(?:ing)?(?![a-z])", re.IGNORECASE)


def part_of(video: str, root: Path) -> str:
    """The innermost folder called "train" or "test" ("training", "Test", "testing_videos") says; "" where none does.

    The root's own name counts, what stands above it does not.
    """
    for folder in reversed([root.resolve().name, *video.split("/")[:-1]]):
        if found := _PART.match(folder):
            return found[1].lower()
    return ""


def read(
    videos: Iterable[str],
    labels: Mapping[str, FrameLabels],
    *,
    part: Callable[[str], str],
    key: Callable[[str], str],
    masks: Collection[str] = (),
    notes: Iterable[str] = (),
) -> Reading:
    """Read such a data set.

    Args:
        videos: Ids of what is there, files and folders of frames.
        labels: Labels of test videos by their key.
        part: "train" or "test" of a video's id, "" where nothing says.
        key: The key of a video of either part, "" where its name is not one of the data set's.
        masks: Ids of folders that hold masks: no videos.
        notes: Handed on.

    Returns:
        Training videos as normal; test videos as normal or abnormal by their labels. A test video without labels is
        left out and told.

    Raises:
        ManifestError: Two videos could be the same.
    """
    videos = [video for video in videos if video not in masks]
    found: dict[tuple[str, str], str] = {}
    for video in videos:
        place = part(video), key(video)
        if place[1] and (other := found.setdefault(place, video)) != video:
            raise ManifestError(
                f"2 videos could be {place[1]!r} of the {place[0] or 'same'} part",
                got=f"{other}, {video}",
                hint="move or remove all but one",
            )
    rows = [ManifestRow(video, TRAIN, "normal", ()) for (split, _), video in found.items() if split == TRAIN]
    tests = {name: video for (split, name), video in found.items() if split == TEST}
    rows += [_row(video, labels[name]) for name, video in tests.items() if name in labels]
    told = {
        "in no folder called training or testing": [video for (split, _), video in found.items() if not split],
        "of the test part without labels": [video for name, video in tests.items() if name not in labels],
    }
    left_out = [f"left out, {why}: {some(which)}" for why, which in told.items() if which]
    taken = {row.video for row in rows}
    return Reading(
        rows=tuple(sorted(rows, key=lambda row: row.video)),
        unmatched_rows=tuple(_row(name, one) for name, one in labels.items() if name not in tests),
        unmatched_videos=tuple(video for video in videos if video not in taken),
        notes=(*notes, *left_out),
        frames={tests[name]: one.frames for name, one in labels.items() if name in tests and one.frames is not None},
    )


def _row(video: str, labels: FrameLabels) -> ManifestRow:
    return ManifestRow(video, TEST, "abnormal" if labels.events else "normal", labels.events)
