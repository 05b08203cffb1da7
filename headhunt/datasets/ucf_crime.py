"""UCF-Crime (Sultani et al., CVPR 2018): its lists and temporal annotations joined with the videos; it opens no video.

Three text files of the data set are used, each optional but one of them needed:

- `Anomaly_Train.txt` and `Anomaly_Test.txt`: a path a line, `Abuse/Abuse001_x264.mp4`, where the folder is the class;
  `Training_Normal_Videos_Anomaly` and `Testing_Normal_Videos_Anomaly` are normal.
- `Temporal_Anomaly_Annotation_for_Testing_Videos.txt`: `name class start end start end` a line, -1 -1 where there is no
  event; frames are native and taken as half-open.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from headhunt.datasets.manifest import to_events
from headhunt.datasets.reading import Reading, find_file, join, lines, look, stem
from headhunt.errors import ManifestError
from headhunt.records import ManifestRow

TRAIN_LIST = "Anomaly_Train.txt"
TEST_LIST = "Anomaly_Test.txt"
ANNOTATIONS = "Temporal_Anomaly_Annotation_for_Testing_Videos.txt"
# fmt: off
CLASSES = frozenset((
    "Abuse", "Arrest", "Arson", "Assault", "Burglary", "Explosion", "Fighting", "RoadAccidents", "Robbery", "Shooting",
    "Shoplifting", "Stealing", "Vandalism",
))
# fmt: on
_NORMAL_FOLDERS = {"train": "Training_Normal_Videos_Anomaly", "test": "Testing_Normal_Videos_Anomaly"}
_NORMAL_CLASS = "Normal"


def ucf_crime(
    root: Path, *, annotations: Path | None = None, train_list: Path | None = None, test_list: Path | None = None
) -> Reading:
    """Read UCF-Crime: 1610 training videos (810 abnormal, 800 normal) and 290 test videos (140 and 150).

    Videos are joined by their exact name without its video suffix, wherever under the root they lie, except in the
    folder of another class. Where several have the name, the one in the folder that the list names is taken (the data
    set ships some normal videos twice); where that does not decide, nothing is guessed.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: The temporal annotation file, or a folder in which the three text files are looked for before the
            root. A file's neighbours are looked at for the two lists.
        train_list: The list of training videos, found as above when None.
        test_list: The list of test videos, found as above when None.

    Returns:
        Rows labelled "normal" (no events) or "abnormal" with the class as category; the events of training videos are
        not known. Events are as annotated: a few end 1 or 2 frames past the last frame of their video.

    Raises:
        ManifestError: None of the three files is found, one is malformed, or two contradict each other; videos are
            missing altogether or ambiguous.
    """
    videos, passed_over = look(root)
    train_list = train_list or _official(TRAIN_LIST, annotations, root)
    test_list = test_list or _official(TEST_LIST, annotations, root)
    if annotations is None or annotations.is_dir():
        annotations = _official(ANNOTATIONS, annotations, root)
    if train_list is None and test_list is None and annotations is None:
        raise ManifestError(
            f"no list or annotation of UCF-Crime under {root}",
            expected=f"{ANNOTATIONS}, {TEST_LIST} or {TRAIN_LIST}",
            hint="download them from the data set's page and name their folder",
        )
    notes: list[str] = []
    rows: dict[str, ManifestRow] = {}
    for split, path, absent in (
        ("train", train_list, f"no {TRAIN_LIST}: no training rows"),
        ("test", test_list, f"no {TEST_LIST}: the test videos are those of the annotations"),
    ):
        if path is None:
            notes.append(absent)
            continue
        for where, text in lines(path, notes):
            row = _listed(text, split, where)
            if stem(row.video) in rows:
                raise ManifestError(f"{where}: listed twice", got=text, expected="one line, in one list")
            rows[stem(row.video)] = row
    if annotations is None:
        notes.append(f"no {ANNOTATIONS}: the events of abnormal test videos are not known")
    else:
        notes += _annotate(rows, annotations, listed=test_list is not None)
    return join(rows, videos, (*notes, *passed_over), choose=_choose)


def _official(name: str, annotations: Path | None, root: Path) -> Path | None:
    """Where one of the data set's text files lies."""
    if annotations is None:
        return find_file(name, [root])
    if annotations.is_dir():
        return find_file(name, [annotations, root])
    beside = annotations.with_name(name)  # its folder alone: it may be a home full of other things
    return beside if beside.is_file() else find_file(name, [root])


def _listed(text: str, split: str, where: str) -> ManifestRow:
    """The row of one line of a list."""
    name, slash, file = text.rpartition("/")
    if slash and file and name == _NORMAL_FOLDERS[split]:
        return ManifestRow(text, split, "normal", ())
    if slash and file and name in CLASSES:
        return ManifestRow(text, split, "abnormal", None, name)
    raise ManifestError(
        f"{where}: not a path of UCF-Crime's {split} list", got=text, expected="Abuse/Abuse001_x264.mp4"
    )


def _annotate(rows: dict[str, ManifestRow], path: Path, *, listed: bool) -> list[str]:
    """Add the annotated events to the rows; returns notes."""
    done: set[str] = set()
    notes = ["events are as annotated, [start, end); 5 of the official ones end 1 or 2 frames past their video"]
    unlisted = 0
    for where, text in lines(path, notes):
        row = _annotated(text, where)
        key = stem(row.video)
        if key in done:
            raise ManifestError(f"{where}: annotated twice", got=text)
        done.add(key)
        known = rows.get(key)
        if known is None:
            unlisted += 1
        elif (known.split, known.label, known.category) != ("test", row.label, row.category):
            raise ManifestError(f"{where}: contradicts the lists", got=text, expected=f"{known.video} ({known.split})")
        rows[key] = row if known is None else replace(row, video=known.video)
    if listed and unlisted:
        notes.append(f"{unlisted} annotated videos are not in the test list; they are test videos all the same")
    bare = sum(row.split == "test" and key not in done for key, row in rows.items())
    if bare:
        notes.append(f"{bare} videos of the test list are not annotated; where abnormal, their events are not known")
    return notes


def _annotated(text: str, where: str) -> ManifestRow:
    """The test row of one line of the temporal annotations."""
    parts = text.rsplit(None, 5)
    if len(parts) != 6 or not all(re.fullmatch(r"-1|[0-9]{1,15}", part) for part in parts[2:]):
        raise ManifestError(
            f"{where}: malformed annotation", got=text, expected="name class start end start end, -1 -1 for no event"
        )
    name, kind, *numbers = parts
    start, end, second_start, second_end = map(int, numbers)
    pairs = [pair for pair in ((start, end), (second_start, second_end)) if pair != (-1, -1)]
    events = to_events(pairs, where)
    if kind == _NORMAL_CLASS and not events:
        return ManifestRow(f"{_NORMAL_FOLDERS['test']}/{name}", "test", "normal", ())
    if kind in CLASSES and events:
        return ManifestRow(f"{kind}/{name}", "test", "abnormal", events, kind)
    raise ManifestError(
        f"{where}: class and events do not fit",
        got=text,
        expected="Normal without events or one of the 13 classes with",
    )


def _choose(row: ManifestRow, candidates: list[str]) -> list[str]:
    """Those in the folder the list names, else those in no other class's folder."""
    home = row.video.split("/")[0]
    others = (CLASSES | set(_NORMAL_FOLDERS.values())) - {home}
    if row.label == "normal":
        others -= set(_NORMAL_FOLDERS.values())
    folders = {video: video.split("/")[:-1] for video in candidates}
    at_home = [video for video in candidates if folders[video][-1:] == [home]]
    return at_home or [video for video in candidates if others.isdisjoint(folders[video])]
