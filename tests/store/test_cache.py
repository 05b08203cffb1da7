"""Tables kept in memory are given again only as long as nothing they were read from has changed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from headhunt.records import ManifestRow
from headhunt.store import RowStatus, Store, cache, write_labels
from tests.stages.synthetic import make_store


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_known", type(cache._known)())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a" / "c" / "0"
    path.parent.mkdir(parents=True)
    path.write_text("one")
    old(path)
    return path


def old(path: Path, seconds: float = 60.0) -> None:
    then = time.time_ns() - int(seconds * 1e9)
    os.utime(path, ns=(then, then))


def counting(file: Path) -> tuple[Callable[[], str], list[str]]:
    seen: list[str] = []

    def read() -> str:
        seen.append(file.read_text() if file.exists() else "")
        return seen[-1]

    return read, seen


def test_what_lies_still_is_read_once(file: Path) -> None:
    read, seen = counting(file)
    assert [cache.unchanged("k", [file.parents[1]], read) for _ in range(3)] == ["one"] * 3
    assert seen == ["one"]
    assert cache.unchanged("other", [file.parents[1]], read) == "one"
    assert len(seen) == 2


@pytest.mark.parametrize("change", ["written", "replaced", "removed", "another"])
def test_every_change_is_seen(file: Path, change: str) -> None:
    read, seen = counting(file)
    folders = [file.parents[1], file.parents[2] / "not there"]
    cache.unchanged("k", folders, read)
    if change == "written":
        file.write_text("two")
    elif change == "replaced":  # same size, same time: only the inode tells
        stat = file.stat()
        new = file.with_name("new")
        new.write_text("two")
        os.utime(new, ns=(stat.st_mtime_ns, stat.st_mtime_ns))
        new.replace(file)
    elif change == "removed":
        file.unlink()
    else:
        (file.parents[1] / "c2").write_text("more")
    want = {"written": "two", "replaced": "two", "removed": "", "another": "one"}[change]
    assert cache.unchanged("k", folders, read) == want
    assert len(seen) == 2


def test_what_was_just_written_is_not_kept(file: Path) -> None:
    read, seen = counting(file)
    old(file, 0.0)
    for _ in range(2):
        cache.unchanged("k", [file.parent], read)
    assert len(seen) == 2


def test_what_is_written_while_it_is_read_is_not_kept(file: Path) -> None:
    def read() -> str:
        found = file.read_text()
        file.write_text(found + "+")
        old(file)
        return found

    assert [cache.unchanged("k", [file.parent], read) for _ in range(2)] == ["one", "one+"]


def test_only_so_many_are_kept(file: Path) -> None:
    for i in range(3 * cache.KEPT):
        cache.unchanged(i, [file.parent], lambda: "x")
    assert len(cache._known) == cache.KEPT


def test_tables_follow_the_store_and_cannot_be_written_to(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s.zarr")
    for path in (tmp_path / "s.zarr").rglob("*"):
        if path.is_file():
            old(path)
    first, again = store.segments(), Store(store.path).segments()
    assert again is first
    assert store.videos() is Store(store.path).videos()
    with pytest.raises(ValueError, match="read-only"):
        first.status[0] = RowStatus.FAILED
    assert np.array_equal(first.where(first.video == 0).row, np.flatnonzero(first.video == 0))
    before = store.videos()
    write_labels(store, {path: ManifestRow(path, "test", "normal", ()) for path in before.path})
    assert set(store.videos().label) == {"normal"}
    assert set(before.label) != {"normal"}
