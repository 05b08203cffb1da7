"""Locks keep writers apart and die with them; a disk that refuses is told with a next step."""

from __future__ import annotations

import errno
import multiprocessing
import os
from pathlib import Path

import pytest

from headhunt import store as stores
from headhunt.errors import StoreBusyError
from headhunt.store import Store
from headhunt.store.locks import disk_error, lock
from tests.made_stores import make, planned


def _hold(path: str, ready, end) -> None:
    with lock(Path(path), "plan"):
        ready.set()
        end.wait(30)


def test_a_lock_dies_with_its_process(tmp_path: Path) -> None:
    make(tmp_path / "s")
    context = multiprocessing.get_context("spawn")
    ready, end = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(str(tmp_path / "s"), ready, end))
    process.start()
    assert ready.wait(60)
    with stores.claim_shard(Store(tmp_path / "s"), 0) as free:
        assert free  # another lock is not concerned
    process.kill()
    process.join()
    with lock(tmp_path / "s", "plan"):
        pass


def test_the_busy_planner_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = make(tmp_path / "s")
    ticks = iter([0.0, 30.0, 60.0])
    with lock(tmp_path / "s", "plan"), monkeypatch.context() as patch:
        patch.setattr("headhunt.store.locks.time.monotonic", lambda: next(ticks))
        with pytest.raises(StoreBusyError, match="another process holds plan"):
            stores.plan(store, [planned("a.mp4", 1)])


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO])
def test_a_disk_that_refuses_is_told_with_a_next_step(code: int) -> None:
    error = disk_error(Path("x.zarr"), OSError(code, os.strerror(code)))
    assert (error.got, error.exit_code) == (os.strerror(code), 4)
    assert error.hint
