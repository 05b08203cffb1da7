"""Which videos lie below a folder, and what was passed over and why; looks at names alone and opens no file."""

from __future__ import annotations

import contextlib
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from headhunt.errors import InputError
from headhunt.names import IMAGE_SUFFIXES, VIDEO_SUFFIXES, of_the_system, text_of

_SHOWN = 8
_STORE_FILE = "zarr.json"


class Why(StrEnum):
    """Why something was passed over; the words follow "1 file" or "3 folders" in a note."""

    OTHER = "no videos by their suffix"
    HIDDEN = "hidden, with a dot before the name"
    SYSTEM = "kept by a network drive or a system for itself"
    STORE = "a Zarr store"
    BELOW_FRAMES = "below a folder of frames"
    LOOP = "a link back up"
    UNREADABLE = "cannot be read"


@dataclass(frozen=True)
class Passed:
    """Something that was passed over.

    Attributes:
        path: The file or folder.
        why: Why.
        got: What the system said, "" when it was not asked.
    """

    path: Path
    why: Why
    got: str = ""


@dataclass(frozen=True)
class Found:
    """What lies below a folder.

    Attributes:
        folder: The folder.
        videos: Files with a known suffix, and folders of frames, sorted by their path.
        hollow: Folders named like a video that hold none, or that cannot be read, sorted.
        passed: All else.
    """

    folder: Path
    videos: tuple[Path, ...]
    hollow: tuple[Path, ...]
    passed: tuple[Passed, ...]

    def notes(self) -> list[str]:
        """What was passed over, a sentence for each reason."""
        where, told = text_of(self.folder), []
        for why in Why:
            of_it = [one for one in self.passed if one.why == why]
            if of_it:
                told.append(f"passed over in {where}, {why.value}: {_named(why, of_it, self.folder)}")
        return told


def find(folder: Path | str, *, frame_folders: bool = True) -> Found:
    """Look for videos in and below a folder.

    A video is a file with a known suffix (in any case), or a folder that directly holds two numbered images or more and
    no video file; what lies below such a folder is not looked at. Links are followed, but not back up. What a network
    drive keeps for itself (thumbnails, deleted files) is no video, nor is what has a dot before its name.

    Args:
        folder: The folder.
        frame_folders: Whether folders of frames are videos.

    Raises:
        InputError: Not a folder, or one that may not be read. A folder below it that may not is passed over.
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise InputError("there is no folder to look for videos in", got=folder)
    search = _Search(frame_folders)
    try:
        search.look(folder, frozenset())
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read", got=error.strerror) from error

    def place(path: Path) -> str:
        return path.relative_to(folder).as_posix()

    passed = sorted(search.passed, key=lambda one: place(one.path))
    return Found(
        folder, tuple(sorted(search.videos, key=place)), tuple(sorted(search.hollow, key=place)), tuple(passed)
    )


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; not one where it cannot be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False  # what is wrong with it is said when it is opened


class _Search:
    def __init__(self, frame_folders: bool) -> None:
        self._frame_folders = frame_folders
        self.videos: list[Path] = []
        self.hollow: list[Path] = []
        self.passed: list[Passed] = []

    def look(self, folder: Path, above: frozenset[Path]) -> None:
        real = folder.resolve()
        if real in above:
            self.passed.append(Passed(folder, Why.LOOP))
            return
        inner, files = self._entries(folder)
        if any(path.name == _STORE_FILE for path in files):
            self.passed.append(Passed(folder, Why.STORE))
            return
        videos = [path for path in files if path.suffix.lower() in VIDEO_SUFFIXES]
        images = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES]
        numbered = [path for path in images if re.search("[0-9]", path.stem) and path.is_file()]
        if self._frame_folders and not videos and len(numbered) >= 2:
            self.videos.append(folder)
            self._pass(inner, Why.BELOW_FRAMES)
            self._pass(sorted({*files} - {*images}), Why.OTHER)
            return
        self.videos += videos
        self._pass(sorted({*files} - {*videos}), Why.OTHER)
        for path in inner:
            self._look_below(path, above | {real})

    def _look_below(self, folder: Path, above: frozenset[Path]) -> None:
        named_like_a_video = folder.suffix.lower() in VIDEO_SUFFIXES
        before = len(self.videos) + len(self.hollow)
        try:
            self.look(folder, above)
        except OSError as error:
            if not named_like_a_video:
                self.passed.append(Passed(folder, Why.UNREADABLE, error.strerror or str(error)))
        if named_like_a_video and len(self.videos) + len(self.hollow) == before:
            self.hollow.append(folder)

    def _entries(self, folder: Path) -> tuple[list[Path], list[Path]]:
        """Folders and files that are looked at."""
        inner: list[Path] = []
        files: list[Path] = []
        with os.scandir(folder) as entries:
            for entry in entries:
                path, is_folder = folder / entry.name, False
                with contextlib.suppress(OSError):  # a link that cannot be followed is found out when it is opened
                    is_folder = entry.is_dir()
                if is_folder and of_the_system(entry.name):
                    self.passed.append(Passed(path, Why.SYSTEM))
                elif entry.name.startswith("."):
                    self.passed.append(Passed(path, Why.HIDDEN))
                else:
                    (inner if is_folder else files).append(path)
        return sorted(inner), sorted(files)

    def _pass(self, paths: Sequence[Path], why: Why) -> None:
        self.passed += [Passed(path, why) for path in paths]


def _named(why: Why, passed: Sequence[Passed], folder: Path) -> str:
    """How many, and which: files by their suffix, all else by name."""
    if why == Why.OTHER:
        kinds = Counter(one.path.suffix.lower() or "without a suffix" for one in passed)
        shown = ", ".join(f"{n} {text_of(kind)}" for kind, n in kinds.most_common(_SHOWN))
        more = f" and {len(kinds) - _SHOWN} more kinds" if len(kinds) > _SHOWN else ""
        return f"{_count(len(passed), 'file')} ({shown}{more})"
    names = [text_of(one.path.relative_to(folder).as_posix()) + (f" ({one.got})" if one.got else "") for one in passed]
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    noun = "name" if why == Why.HIDDEN else "folder"
    return f"{_count(len(names), noun)} ({', '.join(names[:_SHOWN])}{more})"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"
