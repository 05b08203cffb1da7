"""UCSD Ped1 and Ped2 (Mahadevan et al., CVPR 2010): 34 + 36 and 16 + 12 short videos, Ped1's, then Ped2's; opens none.

Videos are folders of frames, or files, called `Train001` and `Test001`. Labels of a test video are the masks in the
folder `Test001_gt`, one a frame; where it has none, its line of `UCSDped1.m` or `UCSDped2.m`, whose n-th line
`TestVideoFile{end+1}.gt_frame = [5:90, 140:200];` names the abnormal frames of `Test00n`, counted from 1.
"""

from __future__ import annotations

import re
from pathlib import Path

from headhunt.datasets import frame_labels, one_class
from headhunt.datasets.frame_labels import FrameLabels
from headhunt.datasets.manifest import to_events
from headhunt.datasets.reading import Reading, find_files, find_folders, lines, look, stem
from headhunt.errors import ManifestError
from headhunt.names import text_of

_VIDEO = re.compile("(Train|Test)([0-9]{3})", re.IGNORECASE)
_LINE = re.compile(r"TestVideoFile\{end\s*\+\s*1\}\.gt_frame\s*=\s*\[(.*)\]\s*;?")
_RANGE = re.compile("([0-9]{1,9})(?::([0-9]{1,9}))?")
_SET = re.compile("ped[12]", re.IGNORECASE)


def ucsd(root: Path, *, annotations: Path | None = None) -> Reading:
    """Read UCSD Ped1, Ped2, or both below one root.

    Args:
        root: Folder of the videos; ids are relative to it. Ped1 and Ped2 are told apart by a folder with "ped1" or
            "ped2" in its name.
        annotations: Folder of the masks and of `UCSDped1.m`, or one above it; looked for under the root when None.

    Returns:
        Training videos as normal; test videos with the runs of frames whose mask is not empty.

    Raises:
        ManifestError: There is no label or no video, a video or its labels stand twice, or a file is malformed; or
            nothing says whether videos or labels are of Ped1 or Ped2.
    """
    videos, passed_over = look(root, frame_folders=True)
    place = root if annotations is None else annotations
    masks = find_folders(r"(?:.*/)?Test[0-9]{3}_gt", place)
    texts = find_files(r"(?:.*/)?UCSDped[12]\.m", place)
    if not masks and not texts:
        raise ManifestError(
            f"no label of UCSD Ped1 or Ped2 under {place}",
            expected="Test001_gt/ with masks, or UCSDped1.m or UCSDped2.m",
            hint="they come with the data set: name their folder",
        )
    sets = {path: _set_of(path.name if path in texts else _full(path)) for path in (*texts, *masks)}
    named = {one for one in sets.values() if one}
    if len(named) > 1 and (unknown := [path for path, one in sets.items() if not one]):
        raise ManifestError("nothing says whether masks are of Ped1 or Ped2", got=unknown[0], hint="name a folder so")
    only = min(named) if len(named) == 1 else ""  # what nobody names is of it
    by_line: dict[str, FrameLabels] = {}
    for path in texts:
        for number, one in enumerate(_read_lines(path), start=1):
            _add(by_line, f"{sets[path]}Test{number:03d}", one, path)
    by_mask: dict[str, FrameLabels] = {}
    for folder in masks:
        _add(
            by_mask,
            (sets[folder] or only) + folder.name[: -len("_gt")].capitalize(),
            frame_labels.of_masks(folder),
            folder,
        )

    def key(video: str) -> str:
        found = _VIDEO.fullmatch(stem(video))
        of_set = (_set_of(_full(root / video)) or only) if named else ""
        return of_set + found[0].capitalize() if found else ""

    notes = [f"labels from masks: {len(by_mask)}, from lines of .m files: {len(by_line.keys() - by_mask.keys())}"]
    differing = sorted(name for name in by_mask.keys() & by_line.keys() if by_mask[name].events != by_line[name].events)
    if differing:
        notes.append(f"masks and .m file differ, the masks are taken: {', '.join(differing)}")
    return one_class.read(
        videos,
        by_line | by_mask,
        part=lambda video: stem(video)[:-3].lower(),
        key=key,
        masks={text_of(folder.relative_to(root).as_posix()) for folder in masks if folder.is_relative_to(root)},
        notes=(*notes, *passed_over),
    )


def _full(path: Path) -> str:
    return path.absolute().as_posix()


def _set_of(path: str) -> str:
    """Either "ped1/" or "ped2/", or "" where a path says neither."""
    found = _SET.findall(path)
    return f"{found[-1].lower()}/" if found else ""


def _add(labels: dict[str, FrameLabels], name: str, one: FrameLabels, place: Path) -> None:
    if name in labels:
        raise ManifestError(f"labels of {name} stand twice", got=place, hint="say with annotations which to use")
    labels[name] = one


def _read_lines(path: Path) -> list[FrameLabels]:
    """Labels of each line of a .m file, in its order."""
    found = []
    for where, line in lines(path):
        text = line.partition("%")[0].strip()
        if not text or re.fullmatch(r"TestVideoFile\s*=\s*\{\s*\}\s*;?", text):
            continue
        match = _LINE.fullmatch(text)
        ranges = [_RANGE.fullmatch(part) for part in re.split(r"[,\s]+", match[1].strip()) if part] if match else [None]
        if None in ranges:
            expected = "TestVideoFile{end+1}.gt_frame = [61:180];"
            raise ManifestError(f"{where}: not a line of labels", got=line, expected=expected)
        pairs = [(int(r[1]) - 1, int(r[2] or r[1])) for r in ranges if r]
        found.append(FrameLabels(to_events(pairs, where)))
    return found
