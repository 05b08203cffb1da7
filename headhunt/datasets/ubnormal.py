"""UBnormal (Acsintoae et al., CVPR 2022): rendered scenes, split by its lists, events from its tracks; opens no video.

`Scene1/abnormal_scene_1_scenario_1.mp4` is abnormal and `normal_scene_1_scenario_1.mp4` normal by their names. A line
`object_id,start,end` of `NAME_annotations/NAME_tracks.txt` says in which frames an object is abnormal, counted from 0,
both ends included; a frame is abnormal where any object is.
`abnormal_training_video_names.txt` and five more files give the split, a name a line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from headhunt.datasets.reading import Reading, find_file, find_files, join, lines, look, some, stem
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

LISTS = {
    f"{label}_{part}_video_names.txt": (label, split)
    for label in ("normal", "abnormal")
    for part, split in (("training", "train"), ("validation", "val"), ("test", "test"))
}
_NAME = re.compile(r"(abnormal|normal)_scene_\S+")
_TRACK = re.compile(r"[0-9]+(?:\.0*)?[,\s]+([0-9]{1,15})(?:\.0*)?[,\s]+([0-9]{1,15})(?:\.0*)?")
_TRACKS = "_tracks.txt"


def ubnormal(root: Path, *, annotations: Path | None = None) -> Reading:
    """Read UBnormal: 268 training, 64 validation and 211 test videos.

    Args:
        root: Folder of the videos; ids are relative to it.
        annotations: Folder in which the six lists and the tracks are looked for before the root.

    Returns:
        Rows by the lists; without any list, by the names of the videos, and no split is said.

    Raises:
        ManifestError: A file is malformed or contradicts another; videos are missing altogether or ambiguous.
    """
    videos, passed_over = look(root)
    places = [root] if annotations is None else [annotations, root]
    notes = ["events are the frames in which an object of the tracks is abnormal"]
    rows: dict[str, ManifestRow] = {}
    missing = []
    for name, (label, split) in LISTS.items():
        path = find_file(name, places)
        if path is None:
            missing.append(name)
            continue
        for where, key in lines(path, notes):
            if not key.startswith(f"{label}_scene_") or not _NAME.fullmatch(key):
                raise ManifestError(
                    f"{where}: not the name of a video", got=key, expected=f"{label}_scene_1_scenario_1"
                )
            if key in rows:
                raise ManifestError(f"{where}: listed twice", got=key, expected="one line, in one list")
            rows[key] = _row(key, split)
    if not rows:
        notes.append("no list of UBnormal: labels are by the videos' names, and no split is said")
        rows = {stem(video): _row(stem(video), "") for video in videos if _NAME.fullmatch(stem(video))}
    elif missing:
        notes.append(f"no {', no '.join(missing)}: their videos have no row")
    _add_events(rows, places)
    bare = [key for key, row in rows.items() if row.events is None]
    if bare:
        notes.append(f"abnormal videos without tracks, whose events are not known: {some(bare)}")
    return join(rows, videos, (*notes, *passed_over))


def _row(key: str, split: str) -> ManifestRow:
    abnormal = key.startswith("abnormal")
    return ManifestRow(key, split, "abnormal" if abnormal else "normal", None if abnormal else ())


def _add_events(rows: dict[str, ManifestRow], places: Iterable[Path]) -> None:
    """Add the events of the tracks below the places; what an earlier place says goes before."""
    for place in places:
        done: dict[str, Path] = {}
        for path in find_files(rf"(?:.*/)?[^/]*{_TRACKS}", place):
            key = path.name.removesuffix(_TRACKS)
            row = rows.get(key)
            events = _read_tracks(path) if row is not None else ()
            if row is None or not events:
                continue
            if row.label == "normal":
                raise ManifestError(f"a normal video has tracks of abnormal objects: {path}", got=key)
            if done.setdefault(key, path) != path and row.events != events:
                raise ManifestError(f"two files of tracks of {key} differ", got=f"{done[key]}, {path}")
            rows[key] = replace(row, events=events) if row.events is None else row


def _read_tracks(path: Path) -> tuple[Interval, ...]:
    """Frames in which any object is abnormal; () of an empty file."""
    if not path.stat().st_size:
        return ()
    pairs = []
    for where, line in lines(path):
        found = _TRACK.fullmatch(line)
        if not found or int(found[1]) > int(found[2]):
            raise ManifestError(f"{where}: malformed track", got=line, expected="object_id,start,end with start <= end")
        pairs.append((int(found[1]), int(found[2]) + 1))
    return union(pairs)


def union(pairs: Iterable[tuple[int, int]]) -> tuple[Interval, ...]:
    """Runs of frames that are in any of the half-open ranges."""
    merged: list[tuple[int, int]] = []
    for start, end in sorted(pairs):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(Interval(start, end) for start, end in merged)
