"""Where videos lie on disk: files with a known suffix and folders of images; decodes nothing."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from headhunt.errors import InputError, VideoError
from headhunt.video.info import IMAGE_SUFFIXES, VIDEO_SUFFIXES


def find_videos(folder: Path | str) -> list[Path]:
    """All videos in and below a folder, sorted by their path relative to it.

    A video is a file with a known suffix (in any case), or a folder that directly holds two numbered images or more and
    no video file; what lies below such a folder is not looked at. A folder named like a video that holds neither is
    returned too, so that it is recorded as one that cannot be read. Names that start with a dot are skipped.

    Raises:
        InputError: Not a folder, or one that may not be read.
    """
    folder = Path(folder)
    if not is_folder(folder):
        raise InputError("there is no folder to look for videos in", got=folder)
    return sorted(_find(folder, frozenset()), key=lambda path: path.relative_to(folder).as_posix())


def size_on_disk(path: Path | str) -> int | None:
    """Bytes of a video's file, or of all images of a folder of frames; None when there is nothing to read."""
    path = Path(path)
    try:
        if path.is_dir():
            return sum(image.stat().st_size for image in images_of(path))
        return path.stat().st_size
    except (OSError, VideoError):
        return None


def is_folder(path: Path) -> bool:
    """Whether a path is a folder; not one where it cannot be looked at."""
    try:
        return path.is_dir()
    except OSError:
        return False  # what is wrong with it is said when it is opened


def file_size(path: Path) -> int:
    """Size of a regular file that is there, may be read and is not empty."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise VideoError(f"{path} is no regular file")
        with path.open("rb"):
            pass
    except FileNotFoundError as error:
        raise VideoError(f"there is no video at {path}", hint="check the path") from error
    except PermissionError as error:
        raise VideoError(f"no permission to read {path}", hint="give this user the right to read it") from error
    except (OSError, ValueError) as error:
        raise VideoError(f"{path} cannot be opened", got=error) from error
    if found.st_size == 0:
        raise VideoError(f"{path} is empty", got="0 bytes", hint="copy it again")
    return found.st_size


def images_of(folder: Path) -> list[Path]:
    """The frames of a folder in natural order: frame_2 before frame_10."""

    def natural(path: Path) -> tuple[list[str | int], str]:
        parts = re.split("([0-9]+)", path.name)
        return [int(part) if place % 2 else part for place, part in enumerate(parts)], path.name

    try:
        images = sorted((entry for entry in folder.iterdir() if _is_image(entry)), key=natural)
    except OSError as error:
        raise VideoError(f"the folder {folder} cannot be read", got=error.strerror) from error
    if not images:
        raise VideoError(
            f"{folder} is a folder without frames",
            expected="images: " + " ".join(sorted(IMAGE_SUFFIXES)),
            hint="name the video file itself, or remove the folder",
        )
    return images


def _find(folder: Path, above: frozenset[Path]) -> list[Path]:
    real = folder.resolve()
    if real in above:  # a link back up
        return []
    try:
        entries = [entry for entry in folder.iterdir() if not entry.name.startswith(".")]
    except OSError as error:
        raise InputError(f"the folder {folder} cannot be read", got=error.strerror) from error
    folders = [entry for entry in entries if entry.is_dir()]
    videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES and not entry.is_dir()]
    images = [entry for entry in entries if _is_image(entry) and re.search("[0-9]", entry.stem)]
    if not videos and len(images) >= 2:
        return [folder]
    for inner in folders:
        below = _find(inner, above | {real})
        videos += below or ([inner] if inner.suffix.lower() in VIDEO_SUFFIXES else [])
    return videos


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
