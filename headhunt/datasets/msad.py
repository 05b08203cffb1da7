"""MSAD (Zhu et al., NeurIPS 2024): 480 normal and 240 abnormal videos, events from its table; it opens no video.

`anomaly_annotation.csv` has a row for each abnormal video: `name,scenario,total frames,starting frame of anomaly,ending
frame of anomaly`, frames counted from 1, both ends included. The class is the name without its number: that of
`Traffic_accident_3` is `Traffic_accident`. A normal video has a name or a folder that begins with `MSAD_normal`.

The data set has two splits. Protocol ii is a pair of lists, `MSAD_I3D_WS_Train.list` and `MSAD_I3D_WS_Test.list`, with
a path a line. Without them it is protocol i: `MSAD_normal_training...` is the training part, all else the test part.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from headhunt import csv_rows
from headhunt.datasets.manifest import read_text, to_events
from headhunt.datasets.reading import Reading, find_file, join, lines, look, some, stem
from headhunt.errors import InputError, ManifestError
from headhunt.records import Interval, ManifestRow

ANNOTATIONS = "anomaly_annotation.csv"
TRAIN_LIST = "MSAD_I3D_WS_Train.list"
TEST_LIST = "MSAD_I3D_WS_Test.list"
COLUMNS = ("name", "scenario", "total frames", "starting frame of anomaly", "ending frame of anomaly")
_NORMAL = re.compile(r"(?:^|/)MSAD_normal(?P<training>_training)?", re.IGNORECASE)
_FEATURES = re.compile(r"(?:_i3d|_swin)?\.npy$")
_CLASS = re.compile(r"(.+?)_?[0-9]+")


@dataclass(frozen=True)
class _Annotation:
    """What the table says of a video."""

    events: tuple[Interval, ...]
    frames: int


def msad(
    root: Path, *, annotations: Path | None = None, train_list: Path | None = None, test_list: Path | None = None
) -> Reading:
    """Read MSAD.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: `anomaly_annotation.csv`, or a folder that holds it; looked for under the root when None.
        train_list: The list of training videos; looked for with the annotations and under the root when None.
        test_list: The same of the test videos.

    Returns:
        Rows labelled "normal", or "abnormal" with the class as category; events of every abnormal video are known.
        Where lists are used, they are complete: no other video joins.

    Raises:
        ManifestError: The table is not found, a file is malformed or contradicts another, or one list is there without
            the other; videos are missing altogether or ambiguous.
    """
    videos, passed_over = look(root)
    lies_at = {stem(video): video for video in videos}
    places = [root]
    if annotations is None or annotations.is_dir():
        places = [root] if annotations is None else [annotations, root]
        annotations = find_file(ANNOTATIONS, places)
    if annotations is None:
        raise ManifestError(f"no {ANNOTATIONS} under {root}", hint="it comes with the data set: name it")
    notes: list[str] = []
    table = dict(_read_table(annotations))
    train_list, test_list = (
        given or _official(name, annotations, places)
        for given, name in ((train_list, TRAIN_LIST), (test_list, TEST_LIST))
    )
    if train_list is not None and test_list is not None:
        notes.append(f"split by {train_list.name} and {test_list.name} (protocol ii)")
        listed = dict(_read_lists({"train": train_list, "test": test_list}, notes))
    elif train_list is None and test_list is None:
        notes.append(f"split by folders (protocol i): for protocol ii put {TRAIN_LIST} and {TEST_LIST} beside")
        listed = {name: (video, _part(video)) for name, video in lies_at.items()} | {
            name: (name, "test") for name in table if name not in lies_at
        }
    else:
        raise ManifestError("one list of MSAD without the other", got=train_list or test_list, expected="both, or none")
    rows = {}
    for name, (path, split) in listed.items():
        normal = any(_NORMAL.search(place) for place in (path, lies_at.get(name, "")))
        if (row := _row(name, path, split, table.get(name), normal=normal)) is not None:
            rows[name] = row
    unknown = [path for name, (path, _) in listed.items() if name not in rows]
    if unknown:
        notes.append(f"neither in {annotations.name} nor called MSAD_normal, left out: {some(unknown)}")
    unlisted = [name for name in table if name not in listed]
    if unlisted:
        notes.append(f"in {annotations.name} but in no list, left out: {some(unlisted)}")
    reading = join(rows, videos, (*notes, *passed_over))
    frames = {row.video: table[stem(row.video)].frames for row in reading.rows if stem(row.video) in table}
    return replace(reading, frames=frames)


def _official(name: str, annotations: Path, places: list[Path]) -> Path | None:
    beside = annotations.with_name(name)  # its folder alone: it may be a home full of other things
    return beside if beside.is_file() else find_file(name, places)


def _part(video: str) -> str:
    found = _NORMAL.search(video)
    return "train" if found and found["training"] else "test"


def _row(name: str, path: str, split: str, known: _Annotation | None, *, normal: bool) -> ManifestRow | None:
    """The row of a video, None where nothing says whether it is normal."""
    if known is not None:
        if normal:
            raise ManifestError(
                f"{path} is called normal but has an event", got=name, expected=f"none in {ANNOTATIONS}"
            )
        found = _CLASS.fullmatch(name)
        return ManifestRow(path, split, "abnormal", known.events, found[1] if found else name)
    return ManifestRow(path, split, "normal", ()) if normal else None


def _read_table(path: Path) -> Iterator[tuple[str, _Annotation]]:
    """Name and annotation of each abnormal video; several rows of one are several events of it."""
    found: dict[str, tuple[list[tuple[int, int]], int]] = {}
    try:
        table = csv_rows.read(read_text(path), path, columns=COLUMNS)
        if missing := [name for name in COLUMNS if name not in table.names and name != "scenario"]:
            raise ManifestError(f"{path}: missing column {', '.join(missing)}", got=", ".join(table.names))
        for line, cells in table.rows:
            where, name = f"{path}, line {line}", stem(cells["name"].strip())
            texts = [cells[column].strip() for column in COLUMNS[2:]]
            if not name or not all(re.fullmatch("[0-9]{1,15}", text) for text in texts) or int(texts[1]) < 1:
                raise ManifestError(
                    f"{where}: malformed annotation", got=str(cells), expected="Assault_1,shop,426,55,426"
                )
            total, start, end = map(int, texts)
            pairs, known = found.setdefault(name, ([], total))
            if known != total:
                raise ManifestError(f"{where}: another number of frames than before", got=total, expected=known)
            if (start - 1, end) not in pairs:
                pairs.append((start - 1, end))
    except InputError as error:
        raise ManifestError(error.what, got=error.got, expected=error.expected, hint=error.hint) from error
    for name, (pairs, total) in found.items():
        yield name, _Annotation(to_events(pairs, f"{path}, {name}"), total)


def _read_lists(files: dict[str, Path], notes: list[str]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Name, and path and split, of each line; the paths may be those of features."""
    seen: set[str] = set()
    for split, file in files.items():
        for where, line in lines(file, notes):
            path = _FEATURES.sub("", line.replace("\\", "/"))
            name = stem(path)
            if name in seen:
                raise ManifestError(f"{where}: listed twice", got=line, expected="one line, in one list")
            seen.add(name)
            yield name, (path, split)
