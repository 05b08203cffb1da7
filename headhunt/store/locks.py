"""Locks between the processes that write to one store, and what to say of a disk that refuses."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headhunt.errors import StoreBusyError, StoreError


@contextmanager
def lock(path: Path, name: str) -> Iterator[None]:
    """An exclusive lock that the system drops when the process dies, however it dies."""
    folder = path / ".locks"
    try:
        folder.mkdir(exist_ok=True)
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        deadline = time.monotonic() + (20 if name == "plan" else 0)
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as error:
                if error.errno not in {errno.EAGAIN, errno.EACCES}:
                    raise disk_error(path, error) from error
                if time.monotonic() >= deadline:
                    raise StoreBusyError(
                        f"another process holds {name} of {path}", hint="wait for it, or write to another store"
                    ) from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def disk_error(path: Path, error: OSError) -> StoreError:
    """What to tell of a disk that refuses; what was finished before stays valid."""
    hints = {
        errno.ENOSPC: "free some space and run the same command again: finished rows are kept",
        errno.EDQUOT: "your quota is full: free some space and run the same command again, finished rows are kept",
        errno.EROFS: "the file system is read-only: name a store elsewhere with --store",
        errno.EACCES: "you may not write there: change the permissions or name a store elsewhere with --store",
        errno.EPERM: "you may not write there: change the permissions or name a store elsewhere with --store",
        errno.ENOLCK: "this file system has no locks: put the store on a local disk",
    }
    return StoreError(
        f"cannot write {path}",
        got=f"{error.strerror or error}",
        hint=hints.get(error.errno or 0, "check the disk and run the same command again: finished rows are kept"),
    )
