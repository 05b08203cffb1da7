"""Which file a video is: its size, its time, and a digest of its head and tail; decodes nothing.

The time alone says nothing, for copying a file changes it; it only makes the digest be looked at.
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from headhunt.errors import VideoError
from headhunt.finding import is_folder
from headhunt.video.files import images_of

_PART = 1 << 16  # bytes at either end


class Change(Enum):
    """What became of a file."""

    NONE = "it is the same"
    GONE = "it cannot be looked at"
    GROWN = "more was added to its end"
    LARGER = "it is larger and does not begin as it did, or nobody knows how it began"
    OTHER = "it is another file"


@dataclass(frozen=True)
class Identity:
    """Which file a video was.

    Attributes:
        bytes: Size of the file, or of all images of a folder.
        modified_ns: When it was last written to, nanoseconds since 1970; 0 when not known.
        digest: Of its head and tail, as `digest_of` gives it; "" when not known.
    """

    bytes: int
    modified_ns: int = 0
    digest: str = ""


def identify(path: Path, n_bytes: int | None = None) -> Identity | None:
    """Which file there is now; None where it cannot be read.

    Args:
        path: A file or a folder of frames.
        n_bytes: Its size where that is known, so that what is added meanwhile does not count.
    """
    seen = _look(path)
    if seen is None:
        return None
    size, modified_ns = (seen[0] if n_bytes is None else n_bytes), seen[1]
    digest = digest_of(path, size)
    return None if digest is None else Identity(size, modified_ns, digest)


def is_begun_by(path: Path, then: Identity) -> bool:
    """Whether a file is the one it was, or that with more at its end; where no digest is known, its size decides."""
    if then.digest:
        return digest_of(path, then.bytes) == then.digest
    seen = _look(path)
    return seen is not None and seen[0] == then.bytes


def compare(path: Path, then: Identity) -> tuple[Change, Identity]:
    """What became of a file, and what is to be known of it from now on."""
    seen = _look(path)
    if seen is None:
        return Change.GONE, then
    size, modified_ns = seen
    if size > then.bytes:
        return (Change.GROWN if is_begun_by(path, then) else Change.LARGER), then
    if size < then.bytes:
        return Change.OTHER, then
    if then.digest and modified_ns == then.modified_ns:
        return Change.NONE, then
    digest = digest_of(path, size)
    if digest is None:
        return Change.GONE, then
    if then.digest and digest != then.digest:
        return Change.OTHER, then
    return Change.NONE, Identity(size, modified_ns, digest)


def digest_of(path: Path, n_bytes: int) -> str | None:
    """Digest of the head and the tail of a file's first bytes; None where they cannot be read.

    Of a folder of frames it is that of its first and last image, and of the names and sizes of all that make up so many
    bytes.
    """
    digest = hashlib.sha256(f"{n_bytes}\n".encode())
    try:
        if not is_folder(path):
            _add(digest, path, n_bytes)
        else:
            images = images_of(path)
            sizes = [image.stat().st_size for image in images]
            ends = list(itertools.accumulate(sizes))
            if n_bytes not in ends:
                return None
            images = images[: ends.index(n_bytes) + 1]
            for image, size in zip(images, sizes, strict=False):
                digest.update(f"{size} ".encode() + image.name.encode("utf-8", "surrogateescape") + b"\n")
            for place in (0, -1):
                _add(digest, images[place], sizes[: len(images)][place])
    except (OSError, VideoError, ValueError):
        return None
    return f"sha256:{digest.hexdigest()}"


def _add(digest: hashlib._Hash, path: Path, n_bytes: int) -> None:
    with path.open("rb") as file:
        digest.update(file.read(min(_PART, n_bytes)))
        file.seek(max(0, n_bytes - _PART))
        digest.update(file.read(min(_PART, n_bytes)))


def _look(path: Path) -> tuple[int, int] | None:
    """Bytes, and when they were last written to; None where there is nothing."""
    try:
        found = [image.stat() for image in images_of(path)] if is_folder(path) else [path.stat()]
    except (OSError, VideoError, ValueError):
        return None
    return sum(one.st_size for one in found), max(one.st_mtime_ns for one in found)
