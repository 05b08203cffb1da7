"""The reader that takes labels from the names of folders."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from headhunt import labels, splits
from headhunt.datasets.reading import Reading, look
from headhunt.errors import ManifestError, UsageError
from headhunt.records import ManifestRow

_NORMAL = re.compile(r"normal[-_ ].*", re.IGNORECASE)


def folder(
    root: Path,
    *,
    annotations: Path | None = None,
    normal: Sequence[str] | None = None,
    class_folder: Literal["top", "parent"] = "top",
) -> Reading:
    """Read `root/[split/]class/.../video`: the label is the name of a folder.

    A first folder named train, val or test (or training, valid, validation, testing, tests, in any case) is the split.
    Folders of two or more frames count as videos. Normal videos get no events; of abnormal ones the events are not
    known, and the folder's name is their category (but for a folder called "abnormal"). Videos in a folder called
    "unknown", "nan" or the like have no label.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: Not used by this reader; must be None.
        normal: Names of the normal classes' folders, any case; () says that there are none. None takes every folder
            called "normal", or "normal" followed by `_`, `-` or a space and more ("Normal_Videos"), in any case, and
            what else `headhunt.labels` knows as normal ("NormalVideos", "Testing_Normal_Videos_Anomaly").
        class_folder: "top" takes the first folder below root and split, "parent" the folder the video lies in.

    Raises:
        UsageError: `annotations` is given.
        ManifestError: There is no video or class folder, or a normal class has no folder: the reader does not guess
            that all videos are abnormal. Or a folder's name holds "normal" but is none of the above and `normal` is not
            given, or a first folder is nearly called train, val or test.
    """
    if annotations is not None:
        raise UsageError("the folder reader takes no annotations", got=annotations, hint="write a manifest instead")
    found: list[tuple[str, str, str]] = []  # video, split, class
    unlabelled: list[str] = []
    videos, passed_over = look(root, frame_folders=True)
    for video in videos:
        folders = video.split("/")[:-1]
        split = _split(folders[0]) if folders else ""
        classes = folders[1:] if split else folders
        name = classes[0 if class_folder == "top" else -1] if classes else ""
        if labels.not_known(name):
            unlabelled.append(video)
        else:
            found.append((video, split, name))
    counts = Counter(name for _, _, name in found)
    if not counts:
        raise ManifestError(
            f"no folder under {root} names a class",
            expected="root/[split/]class/video",
            hint="write a manifest instead",
        )
    normals = _normal_names(counts, normal, root)
    rows = []
    for video, split, name in found:
        if name in normals:
            rows.append(ManifestRow(video, split, "normal", ()))
        else:
            category = "" if labels.stored(name) == labels.ABNORMAL else name
            rows.append(ManifestRow(video, split, "abnormal", None, category))
    notes = [
        f"folder {name!r}: {counts[name]} videos, {'normal' if name in normals else 'abnormal'}" for name in counts
    ]
    if unlabelled:
        notes.append(f"{len(unlabelled)} videos lie in no class folder and have no label")
    return Reading(tuple(rows), (), tuple(unlabelled), (*notes, *passed_over))


def _split(name: str) -> str:
    """The split that a first folder stands for; "" for a class.

    Raises:
        ManifestError: It is nearly called train, val or test.
    """
    meant = splits.stored(name)
    if meant in (splits.TRAIN, splits.VAL, splits.TEST):
        return meant
    if (nearly := splits.doubtful(meant)) is not None:
        raise ManifestError(
            f"the folder {name!r} is nearly called {nearly!r}", hint=f"call it {nearly!r}, or write a manifest instead"
        )
    return ""


def _normal_names(names: Iterable[str], normal: Sequence[str] | None, root: Path) -> set[str]:
    """Those of the names that are normal classes."""
    names = list(names)
    if normal is None:
        found = {name for name in names if labels.stored(name) == labels.NORMAL or _NORMAL.fullmatch(name)}
        doubtful = sorted(name for name in set(names) - found if labels.holds_normal(name))
        if doubtful and found:
            raise ManifestError(
                f"folders under {root} whose names hold 'normal' may be either",
                got=", ".join(doubtful),
                hint="say with --normal which folders hold normal videos, each of them",
            )
        if not found:
            raise ManifestError(
                f"no class folder under {root} is called normal",
                got=", ".join(sorted(names)),
                hint="say which folders hold normal videos, or that none does",
            )
        return found
    wanted = {name.casefold() for name in normal}
    missing = wanted - {name.casefold() for name in names}
    if missing:
        raise ManifestError(
            f"no class folder under {root} is called {', '.join(sorted(missing))}", got=", ".join(sorted(names))
        )
    return {name for name in names if name.casefold() in wanted}
