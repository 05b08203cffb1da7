"""What a video is on disk: a file, or a folder of images in their order; decodes nothing."""

from __future__ import annotations

import re
import stat
from pathlib import Path

from headhunt.errors import VideoError
from headhunt.finding import find
from headhunt.names import IMAGE_SUFFIXES


def find_videos(folder: Path | str) -> list[Path]:
    """All videos in and below a folder, sorted by their path relative to it.

    As `headhunt.finding.find` says; a folder that is only named like a video is returned too, so that it is recorded as
    one that cannot be read.

    Raises:
        InputError: Not a folder, or one that may not be read.
    """
    found = find(folder)
    return sorted({*found.videos, *found.hollow}, key=lambda path: path.relative_to(found.folder).as_posix())


def size_on_disk(path: Path | str) -> int | None:
    """Bytes of a video's file, or of all images of a folder of frames; None when there is nothing to read."""
    path = Path(path)
    try:
        if path.is_dir():
            return sum(image.stat().st_size for image in images_of(path))
        return path.stat().st_size
    except (OSError, VideoError):
        return None


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


def _is_image(path: Path) -> bool:
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".") and path.is_file()
