"""Write a file whole or not at all; knows nothing of what is in it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from pathlib import Path

from headhunt.errors import HeadhuntError

StrPath = str | os.PathLike[str]
"""A path as programs give it."""


def several(paths: StrPath | Sequence[StrPath]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]


def write_atomic(path: StrPath, data: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new, never a part.

    The content is on disk before the name points to it. The file gets the permissions of any new file.

    Raises:
        HeadhuntError: The disk refuses; the old file is as it was, and nothing else is left.
    """
    path = Path(path)
    # Not named like the file: a name of the greatest length has no room for more.
    scratch = path.parent / f".{secrets.token_hex(8)}.partial"
    try:
        try:
            with scratch.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise HeadhuntError(
            f"{path} cannot be written",
            got=getattr(error, "strerror", None) or error,
            hint="check that the folder exists, may be written and has room",
        ) from error
