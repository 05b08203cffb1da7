"""Tables that are read again and again are read from disk once, as long as their files stay as they are."""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
Signature = tuple[tuple[str, int, int, int], ...]

KEPT = 8  # tables
SETTLED_NS = 100_000_000
"""A file that was written so recently may be written again without its time changing: what it holds is not kept."""

_known: OrderedDict[Hashable, tuple[Signature, Any]] = OrderedDict()


def unchanged(key: Hashable, folders: Sequence[Path], read: Callable[[], T]) -> T:
    """What `read` gives, or gave before if no file in some folders was written, made or removed since.

    Args:
        key: What is asked for; all who ask with it get the same.
        folders: Where it is read from, absolute; one that is not there holds no files.
        read: Reads it. What it gives is shared, so it must not be changed.
    """
    signature, newest = _signature(folders)
    known = _known.get(key)
    if known is not None and known[0] == signature:
        _known.move_to_end(key)
        value: T = known[1]
        return value
    value = read()
    # Only what lay still while it was read, and a while before, can be told from what will be written.
    if newest < time.time_ns() - SETTLED_NS and _signature(folders)[0] == signature:
        _known[key] = signature, value
        while len(_known) > KEPT:
            _known.popitem(last=False)
    else:
        _known.pop(key, None)
    return value


def _signature(folders: Sequence[Path]) -> tuple[Signature, int]:
    """Names, inodes, sizes and times of all files, and the latest of the times, in nanoseconds."""
    found, pending = [], [str(folder) for folder in folders if folder.is_dir()]
    try:
        while pending:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    if entry.is_dir():
                        pending.append(entry.path)
                    else:
                        stat = entry.stat()
                        found.append((entry.path, stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except FileNotFoundError:  # replaced meanwhile: another signature than any that is kept
        now = time.time_ns()
        return (("", 0, 0, now),), now
    return tuple(sorted(found)), max((time_ns for *_, time_ns in found), default=0)
