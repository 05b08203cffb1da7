"""XD-Violence (Wu et al., ECCV 2020): labels from its video names, events from its annotations; it opens no video.

A name says the classes: `..._label_A` is normal, `..._label_B1-0-0` or `..._label_G-B2-B6` is violent, each code but 0
being a class of it. Which of a video's events shows which class is not said anywhere.

`annotations.txt` gives `name start end [start end ...]` a line, in native frames and taken as half-open, for the
violent test videos only; a name may carry one `.mp4`. Names hold dots and `#`; the join is exact.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path

from headhunt.datasets.manifest import to_events
from headhunt.datasets.reading import Reading, find_file, join, lines, look, stem
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

ANNOTATIONS = "annotations.txt"
CATEGORIES = {
    "B1": "fighting",
    "B2": "shooting",
    "B4": "riot",
    "B5": "abuse",
    "B6": "car accident",
    "G": "explosion",
}
_CODE = "|".join(CATEGORIES)
_LABEL = re.compile(rf".*_label_(?:A|(?P<codes>(?:{_CODE})(?:-(?:{_CODE}|0))*))", re.DOTALL)
_NUMBER = re.compile("-?[0-9]{1,15}")


def xd_violence(
    root: Path, *, annotations: Path | None = None, train_list: Path | None = None, test_list: Path | None = None
) -> Reading:
    """Read XD-Violence: 3954 training videos (1905 violent) and 800 test videos (500 violent, all annotated).

    A video is a test video when it is annotated, when the test list names it, or when it lies under the root in a
    folder with a word that begins with "test" ("videos_test", "Tests"); otherwise a training video ("1-1004", "train").
    A list that is given is complete: no other video joins its part.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: The annotation file or a folder that holds it; looked for under the root when None.
        train_list: Text file with the name of a training video a line, with or without folder and suffix.
        test_list: The same of the test videos.

    Returns:
        Rows labelled "normal" (no events) or "abnormal" with every class as category; the annotated videos have events.

    Raises:
        ManifestError: The annotation file is not found, a file is malformed or contradicts another, videos are missing
            altogether or ambiguous; or a normal video shares a folder not called test with annotated ones, so that
            nothing says to which part it belongs.
    """
    videos, passed_over = look(root)
    if annotations is None or annotations.is_dir():
        place = root if annotations is None else annotations
        annotations = find_file(ANNOTATIONS, [place])
        if annotations is None:
            raise ManifestError(
                f"no {ANNOTATIONS} under {place}", hint="download it from the data set's page and name it"
            )
    notes = ["events are as annotated, [start, end), not clipped to the length of the video"]
    events = _read_annotations(annotations, notes)
    split_of = dict.fromkeys(events, "test")
    for split, path in (("test", test_list), ("train", train_list)):
        for where, key in _read_list(path, notes) if path is not None else ():
            if split_of.setdefault(key, split) != split:
                raise ManifestError(f"{where}: a test video in the training list", got=key)
    listed = {split for split, path in (("test", test_list), ("train", train_list)) if path is not None}
    mixed = {_place(video) for video in videos if stem(video) in events} if not listed else set()
    for video in videos:
        key = stem(video)
        if key in split_of or not _LABEL.fullmatch(key):
            continue
        split = "test" if _in_test_folder(video) else "train"
        if split == "train" and _place(video) in mixed and key.endswith("_label_A"):
            raise ManifestError(
                f"nothing says whether {video!r} is a training or a test video",
                got="annotated test videos in the same folder",
                expected="test videos in a folder called test",
                hint="give a test list, or name the folder above the test folder as root",
            )
        if split not in listed:  # a given list is complete
            split_of[key] = split
    rows = {key: _row(key, split, events.get(key)) for key, split in split_of.items()}
    bare = sum(row.split == "test" and row.events is None for row in rows.values())
    if bare:
        notes.append(f"{bare} violent test videos are not annotated; their events are not known")
    return join(rows, videos, (*notes, *passed_over))


def _place(video: str) -> str:
    return video.rpartition("/")[0]


def _in_test_folder(video: str) -> bool:
    return any(re.search("(?:^|[^a-z])test", folder.lower()) for folder in _place(video).split("/"))


def _row(key: str, split: str, events: tuple[Interval, ...] | None) -> ManifestRow:
    """The row of a video whose name was found to carry a label."""
    found = _LABEL.fullmatch(key)
    assert found is not None
    if found["codes"] is None:
        return ManifestRow(key, split, "normal", ())
    classes = dict.fromkeys(CATEGORIES[code] for code in found["codes"].split("-") if code != "0")
    return ManifestRow(key, split, "abnormal", events, ";".join(classes))


def _name(text: str, where: str) -> str:
    """A name as joined: without folder and one final `.mp4`."""
    name = text.rpartition("/")[2].removesuffix(".mp4")
    if not _LABEL.fullmatch(name):
        raise ManifestError(
            f"{where}: not the name of an XD-Violence video", got=text, expected="..._label_A or ..._label_B1-0-0"
        )
    return name


def _read_annotations(path: Path, notes: list[str]) -> dict[str, tuple[Interval, ...]]:
    """Events by name."""
    events: dict[str, tuple[Interval, ...]] = {}
    for where, text in lines(path, notes):
        count = sum(1 for _ in takewhile(_NUMBER.fullmatch, reversed(text.split())))
        name_text, *frames = text.rsplit(None, count)
        if not frames or len(frames) % 2:
            raise ManifestError(f"{where}: malformed annotation", got=text, expected="name start end [start end ...]")
        numbers = [int(frame) for frame in frames]
        name = _name(name_text, where)
        if name in events:
            raise ManifestError(f"{where}: annotated twice", got=name)
        if name.endswith("_label_A"):
            raise ManifestError(f"{where}: a normal video with events", got=text, expected="a violent video")
        events[name] = to_events(zip(numbers[::2], numbers[1::2], strict=True), where)
    return events


def _read_list(path: Path, notes: list[str]) -> Iterator[tuple[str, str]]:
    """Place and name of each line."""
    seen: set[str] = set()
    for where, text in lines(path, notes):
        name = _name(text, where)
        if name in seen:
            raise ManifestError(f"{where}: listed twice", got=name)
        seen.add(name)
        yield where, name
