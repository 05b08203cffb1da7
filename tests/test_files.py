"""A file is written whole or not at all, and nothing else is left in its folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from headhunt.errors import HeadhuntError
from headhunt.files import check_writable, write_atomic


@pytest.mark.parametrize("size", [0, 1, 2, 3_000_000])
def test_what_is_written_is_there_and_nothing_else(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    write_atomic(tmp_path / "a.json", data)
    assert (tmp_path / "a.json").read_bytes() == data
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]


def test_an_old_file_is_replaced_and_who_reads_it_keeps_the_old_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"the old one")
    with (tmp_path / "a").open("rb") as reader:
        assert reader.read(4) == b"the "
        write_atomic(str(tmp_path / "a"), b"new")
        assert reader.read() == b"old one"
    assert (tmp_path / "a").read_bytes() == b"new"


@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "a", b"")
        (tmp_path / "b").touch()
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o666 & ~umask
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_the_longest_name_a_file_can_have_is_written(tmp_path: Path) -> None:
    path = tmp_path / ("a" * os.pathconf(tmp_path, "PC_NAME_MAX"))
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


@pytest.mark.parametrize("name", ["missing/a", "folder", "file/a", "null\0", "a" * 300])
def test_a_place_that_cannot_be_written_says_so_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(HeadhuntError, match="cannot be written") as caught:
        write_atomic(tmp_path / name, b"x")
    assert caught.value.hint is not None
    assert ".partial" not in str(caught.value)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["file", "folder"]


def test_a_full_disk_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits on file size are a POSIX matter")
    write_atomic(tmp_path / "a", b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(HeadhuntError, match="has room"):
            write_atomic(tmp_path / "a", bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["a"]


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_could_not_be_written_is_refused_before_and_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    os.mkfifo(tmp_path / "pipe")
    for name in ("none/a", "file/a", "folder", "pipe", "x" * 300, "a\0b"):
        with pytest.raises(HeadhuntError, match="cannot be written"):
            check_writable(tmp_path / name)
    for name in ("file", "new", "folder/new"):
        check_writable(tmp_path / name)
    check_writable(None)
    assert sorted(file.name for file in tmp_path.rglob("*")) == ["file", "folder", "pipe"]


def test_what_is_not_a_file_is_not_replaced_by_one(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(HeadhuntError, match="not a file"):
        write_atomic(tmp_path / "pipe", b"x")
    assert (tmp_path / "pipe").is_fifo()
