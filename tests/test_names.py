"""A path becomes text that UTF-8 can hold, and comes back."""

from __future__ import annotations

import os
import random

import pytest

from headhunt.errors import VideoError
from headhunt.names import of_the_system, path_of, spelt_out, text_of
from headhunt.records import canonical_json

PIECES = ["\\", "x", "5", "c", "f", "u", "d8", "0", "\udcff", "\udce9", "\ud800", "é", "視", "a.mp4", "\\x5c", "\\xe9"]


def test_every_path_has_a_text_of_its_own_and_comes_back() -> None:
    generator = random.Random(0)
    for _ in range(5000):
        path = "".join(generator.choices(PIECES, k=generator.randint(1, 8)))
        text = text_of(path)
        text.encode()
        assert path_of(text) == path


def test_every_name_on_disk_does() -> None:
    generator = random.Random(0)
    for _ in range(2000):
        path = os.fsdecode(generator.randbytes(generator.randint(1, 12)))
        assert path_of(text_of(path)) == path


@pytest.mark.parametrize("name", ["a.mp4", "b # 1.x264.mp4", "ü 視.mp4", "back\\slash.mp4", "C:\\videos\\a.mp4"])
def test_names_that_are_text_stay_as_they_are(name: str) -> None:
    assert text_of(name) == path_of(name) == spelt_out(name) == name


def test_the_two_that_could_be_taken_for_each_other_are_not() -> None:
    assert text_of("caf\udce9.mp4") == "caf\\xe9.mp4"
    assert text_of("caf\\xe9.mp4") == "caf\\x5cxe9.mp4"


def test_what_an_error_says_can_be_stored() -> None:
    error = VideoError("caf\udce9.mp4 cannot be opened", got="\udcff", hint="rename \udc80")
    assert str(error).encode().decode() == "caf\\xe9.mp4 cannot be opened\n  got: \\xff\n  next: rename \\x80"
    assert error.line.encode()
    assert f"{error.what}{error.args[0]}".encode()
    assert canonical_json({"path": "caf\udce9.mp4"}).encode()


def test_folders_of_network_drives_are_known_in_any_case() -> None:
    assert all(map(of_the_system, ("@eaDir", ".@__thumb", "#recycle", "#Recycle", "$RECYCLE.BIN", "lost+found")))
    assert not any(map(of_the_system, ("eaDir", "recycle", "cam1", "@home")))
