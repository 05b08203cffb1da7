"""A file is known again by its size and by a digest of its head and tail; its time alone says nothing."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from headhunt.video import Change, Identity, compare, identify

BIG = 300_000


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a.mp4"
    path.write_bytes(os.urandom(BIG))
    return path


def touched(path: Path) -> Path:
    os.utime(path, ns=(1, 1))
    return path


def test_a_file_that_was_not_touched_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    then = identify(file)
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("it was read"))
    assert compare(file, then) == (Change.NONE, then)


def test_a_copy_with_another_time_is_the_same_file(file: Path) -> None:
    then = identify(file)
    change, now = compare(touched(file), then)
    assert change == Change.NONE
    assert (now.bytes, now.digest, now.modified_ns) == (then.bytes, then.digest, 1)


@pytest.mark.parametrize("place", [0, 65_535, BIG - 65_536, BIG - 1])
def test_another_file_of_the_same_size_is_noticed(file: Path, place: int) -> None:
    then = identify(file)
    data = bytearray(file.read_bytes())
    data[place] ^= 1
    file.write_bytes(data)
    assert compare(touched(file), then)[0] == Change.OTHER


@pytest.mark.parametrize("size", [1, 2, 65_536, 65_537, 131_072])
def test_small_files_have_digests_too(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"a" * size)
    then = identify(path)
    path.write_bytes(b"a" * (size - 1) + b"b")
    assert compare(touched(path), then)[0] == Change.OTHER


def test_a_file_that_grew_still_begins_as_it_did(file: Path) -> None:
    then = identify(file)
    with file.open("ab") as stream:
        stream.write(b"more")
    assert compare(file, then)[0] == Change.GROWN
    file.write_bytes(os.urandom(BIG + 4))
    assert compare(file, then)[0] == Change.LARGER
    file.write_bytes(os.urandom(BIG - 1))
    assert compare(file, then)[0] == Change.OTHER
    file.unlink()
    assert compare(file, then) == (Change.GONE, then)


def test_without_a_digest_the_size_decides_and_the_digest_is_added(file: Path) -> None:
    known = identify(file)
    assert compare(file, Identity(BIG)) == (Change.NONE, known)
    assert compare(file, Identity(BIG - 1))[0] == Change.LARGER
    assert compare(file, Identity(BIG + 1))[0] == Change.OTHER


def test_what_is_added_while_it_is_planned_does_not_count(file: Path) -> None:
    before = identify(file)
    with file.open("ab") as stream:
        stream.write(b"more")
    assert identify(file, BIG).digest == before.digest


def test_folders_of_frames_are_known_by_their_images(tmp_path: Path) -> None:
    folder = tmp_path / "cam"
    folder.mkdir()
    for number in (1, 2, 10):
        (folder / f"{number}.jpg").write_bytes(bytes([number]) * 100)
    then = identify(folder)
    assert (then.bytes, compare(folder, then)[0]) == (300, Change.NONE)
    (folder / "11.jpg").write_bytes(b"x" * 100)
    assert compare(folder, then)[0] == Change.GROWN
    (folder / "11.jpg").unlink()
    shutil.move(folder / "2.jpg", folder / "3.jpg")
    touched(folder / "1.jpg")
    touched(folder / "10.jpg")
    touched(folder / "3.jpg")
    assert compare(folder, then)[0] == Change.OTHER
