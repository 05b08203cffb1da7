"""Write a file whole or not at all; knows nothing of what is in it."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from headhunt.errors import HeadhuntError

StrPath = str | os.PathLike[str]
"""A path as programs give it."""


def several(paths: StrPath | Sequence[StrPath]) -> list[Path]:
    """One path or several, as a list."""
    return [Path(paths)] if isinstance(paths, (str, os.PathLike)) else [Path(path) for path in paths]


def check_writable(path: StrPath | None) -> None:
    """Raise, before work is done for it, where a file could not be written: the folder is tried.

    Args:
        path: The file that is going to be written; None for none.

    Raises:
        HeadhuntError: It could not be written.
    """
    if path is None:
        return
    path = Path(path)
    try:
        _check_place(path)
        scratch = _scratch(path)
        scratch.open("xb").close()
        scratch.unlink()
    except (OSError, ValueError) as error:
        raise _refusal(path, error) from error


def _check_place(path: Path) -> None:
    """Raise where something is that is not a file: a folder, or a device, which would be replaced."""
    try:
        regular = stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return
    if not regular:
        raise FileExistsError(errno.EEXIST, "something that is not a file is there")


def _scratch(path: Path) -> Path:
    # Not named like the file: a name of the greatest length has no room for more.
    return path.parent / f".{secrets.token_hex(8)}.partial"


def _refusal(path: Path, error: Exception) -> HeadhuntError:
    return HeadhuntError(
        f"{path} cannot be written",
        got=getattr(error, "strerror", None) or error,
        hint="check that the folder exists, may be written and has room",
    )


def write_atomic(path: StrPath, data: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new, never a part.

    The content is on disk before the name points to it. The file gets the permissions of any new file.

    Raises:
        HeadhuntError: The disk refuses; the old file is as it was, and nothing else is left.
    """
    path = Path(path)
    scratch = _scratch(path)
    try:
        _check_place(path)
        try:
            with scratch.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            scratch.replace(path)
        finally:
            scratch.unlink(missing_ok=True)
    except (OSError, ValueError) as error:  # ValueError: a name that no file can have
        raise _refusal(path, error) from error
