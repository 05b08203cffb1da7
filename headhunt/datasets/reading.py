"""What readers of data sets share: what they make of one, and the videos and lines they find; it opens no video."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from headhunt.datasets.manifest import read_text, repeats
from headhunt.errors import InputError, ManifestError
from headhunt.finding import find
from headhunt.names import VIDEO_SUFFIXES, of_the_system, text_of
from headhunt.records import ManifestRow

_SHOWN = 8


@dataclass(frozen=True)
class Reading:
    """What a reader made of a data set's files; nothing is lost.

    Attributes:
        rows: One row for each video that is there and labelled, sorted by id; ids are relative to the root.
        unmatched_rows: Rows the data set's own lists promise but whose video is not there; ids as in those lists.
        unmatched_videos: Videos under the root of which nothing speaks, sorted.
        notes: What the user should know, a sentence each.
        frames: How many frames the annotation of a video speaks of, for those of the rows where it says.
    """

    rows: tuple[ManifestRow, ...]
    unmatched_rows: tuple[ManifestRow, ...]
    unmatched_videos: tuple[str, ...]
    notes: tuple[str, ...]
    frames: Mapping[str, int] = field(default_factory=dict)


def find_videos(root: Path, *, frame_folders: bool = False) -> list[str]:
    """Ids of the videos under a folder: paths relative to it with `/` between their parts, as text, sorted.

    As `headhunt.finding.find` says.

    Args:
        root: The folder.
        frame_folders: Count a folder below it that holds two or more numbered images and no video as a video.

    Raises:
        ManifestError: There is no video, or the folder cannot be read.
    """
    return list(look(root, frame_folders=frame_folders)[0])


def look(root: Path, *, frame_folders: bool = False) -> tuple[list[str], list[str]]:
    """What `find_videos` gives, and what was passed over on the way, in sentences.

    Raises:
        ManifestError: There is no video, or the folder cannot be read.
    """
    _check_folder(root)
    try:
        found = find(root, frame_folders=frame_folders)
    except InputError as error:
        raise ManifestError(error.what, got=error.got, hint=error.hint) from error
    videos = sorted(text_of(path.relative_to(root).as_posix()) for path in found.videos if path != root)
    if not videos:
        got = "; ".join(found.notes()) or None
        expected = f"files ending in {' '.join(sorted(VIDEO_SUFFIXES))}"
        raise ManifestError(f"no video under {root}", got=got, expected=expected)
    return videos, found.notes()


def find_file(name: str, places: Iterable[Path]) -> Path | None:
    """The file of this name under the first of the places that has one.

    Raises:
        ManifestError: A place has two such files that differ.
    """
    for root in places:
        found = sorted(root / (place + name) for place, _, files in _walk(root) if name in files)
        texts = {read_text(path).replace("\r\n", "\n") for path in found} if len(found) > 1 else set()
        if len(texts) > 1:
            raise ManifestError(
                f"two files called {name} differ", got=", ".join(map(str, found)), hint="say which one to use"
            )
        if found:
            return found[0]
    return None


def find_files(pattern: str, root: Path) -> list[Path]:
    """Files below a folder whose path matches a pattern as a whole, sorted.

    Args:
        pattern: Of the path relative to the folder, with `/` between its parts; in any case.
        root: The folder.

    Raises:
        ManifestError: It is no folder.
    """
    matches = re.compile(pattern, re.IGNORECASE).fullmatch
    return sorted(root / (place + name) for place, _, files in _walk(root) for name in files if matches(place + name))


def find_folders(pattern: str, root: Path) -> list[Path]:
    """The same of the folders below one.

    Raises:
        ManifestError: It is no folder.
    """
    matches = re.compile(pattern, re.IGNORECASE).fullmatch
    return sorted(
        root / (place + name) for place, folders, _ in _walk(root) for name in folders if matches(place + name)
    )


def _check_folder(root: Path) -> None:
    if not root.is_dir():
        raise ManifestError(f"{root} is not a folder", expected="the folder of the data set")


def _walk(root: Path) -> Iterator[tuple[str, list[str], list[str]]]:
    """Path relative to root ("" or ending in "/"), folders and files of every folder, sorted, hidden ones left out.

    A folder taken out of the yielded list is not walked, nor is one that cannot be read or that a system keeps.
    """
    _check_folder(root)
    above: dict[str, set[str]] = {}  # real paths of each folder and those it was reached through
    for path, folders, files in os.walk(root, followlinks=True):
        reached = above.setdefault(path, set()) | {os.path.realpath(path)}
        inner = {name: os.path.join(path, name) for name in sorted(folders)}  # noqa: PTH118 (os.walk gives text)
        inner = {n: p for n, p in inner.items() if not (n.startswith(".") or of_the_system(n))}
        folders[:] = [n for n, p in inner.items() if os.path.realpath(p) not in reached]
        above.update((inner[name], reached) for name in folders)
        place = Path(path).relative_to(root).as_posix()
        yield "" if place == "." else place + "/", folders, sorted(name for name in files if not name.startswith("."))


def stem(name: str) -> str:
    """A file's name without folders and one final video suffix; every other dot stays.

    >>> stem("test/A.Beautiful.Mind.2001__#00-01-45_00-02-50_label_A.mp4")
    'A.Beautiful.Mind.2001__#00-01-45_00-02-50_label_A'
    """
    name = name.rsplit("/", 1)[-1]
    suffix = Path(name).suffix
    return name.removesuffix(suffix) if suffix.lower() in VIDEO_SUFFIXES else name


def lines(path: Path, notes: list[str] | None = None) -> Iterator[tuple[str, str]]:
    """Place ("file, line n") and text of every line that is not blank, spaces around it removed.

    Args:
        path: The file.
        notes: Where it is given, a line that repeats an earlier one is left out, and a sentence on that is added here
            once all are read.

    Raises:
        ManifestError: The file cannot be read, is not text, or holds nothing.
    """
    text = read_text(path)
    if not text.strip():
        raise ManifestError(f"{path} is empty")
    seen: set[str] = set()
    repeated: list[int] = []
    for number, content in enumerate(re.split("\r\n|\r|\n", text), start=1):
        if notes is not None and content.strip() in seen:
            repeated.append(number)
        elif content.strip():
            seen.add(content.strip())
            yield f"{path}, line {number}", content.strip()
    if notes is not None:
        notes += repeats(repeated, path)


def some(names: Sequence[str]) -> str:
    """How many names, and the first of them, for a note."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{len(names)} ({', '.join(names[:_SHOWN])}{more})"


def join(
    rows: Mapping[str, ManifestRow],
    videos: Iterable[str],
    notes: Iterable[str],
    *,
    choose: Callable[[ManifestRow, list[str]], list[str]] = lambda row, candidates: candidates,
) -> Reading:
    """Join a data set's rows with videos of the same stem.

    Args:
        rows: Row by the stem of its video.
        videos: Ids of the videos that are there.
        notes: Handed on.
        choose: Which of the videos of a row's stem may be its video.

    Raises:
        ManifestError: A row has more than one video left; taking either would be a guess.
    """
    videos = list(videos)
    by_stem: dict[str, list[str]] = {}
    for video in videos:
        by_stem.setdefault(stem(video), []).append(video)
    matched, unmatched = [], []
    for key, row in rows.items():
        left = choose(row, by_stem.get(key, []))
        if len(left) > 1:
            raise ManifestError(
                f"{len(left)} videos could be {row.video!r}", got=", ".join(left), hint="move or remove all but one"
            )
        if left:
            matched.append(replace(row, video=left[0]))
        else:
            unmatched.append(row)
    taken = {row.video for row in matched}
    return Reading(
        rows=tuple(sorted(matched, key=lambda row: row.video)),
        unmatched_rows=tuple(unmatched),
        unmatched_videos=tuple(video for video in videos if video not in taken),
        notes=tuple(notes),
    )
