"""Stores and files whose names are not UTF-8 go through every command, and what is written and printed is."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Call = Callable[..., Any]


@pytest.fixture
def odd(tmp_path: Path) -> Callable[[str], Path]:
    """A path in this test's folder with a byte that is not UTF-8 before its suffix."""

    def made(name: str) -> Path:
        path = tmp_path / name
        return Path(os.fsdecode(os.fsencode(path.with_suffix("")) + b"\xe9" + path.suffix.encode()))

    return made


def test_names_that_are_not_utf8_go_all_the_way(vadkit: Call, store: Path, odd: Callable[[str], Path]) -> None:
    place = store.rename(odd("store.zarr"))
    other = odd("events.csv")
    for command in (
        ("inspect",),
        ("select-heads", "--k", 1, "-o", odd("heads.json")),
        ("fit", "--heads", odd("heads.json"), "-o", odd("scorer.json")),
        ("score", "--scorer", odd("scorer.json"), "--name", "odd"),
        ("localize", "--tau", 0.5, "-o", odd("events.json")),
        ("localize", "--tau", 0.5, "-o", other),
        ("score", "--from", place),
        ("localize", "--from", place, "-o", odd("from.json")),
        ("evaluate",),
    ):
        answer = vadkit(*command, "--store", place, "--json")
        assert answer.code == 0, answer.err
        json.dumps(answer.json, ensure_ascii=False).encode()
    for written in (odd("heads.json"), odd("scorer.json"), odd("events.json"), odd("from.json"), other):
        assert written.read_bytes().decode()
    for meta in place.rglob("zarr.json"):
        assert "\\ud" not in meta.read_text(), meta.read_text()


def test_an_error_spells_them_out(vadkit: Call, odd: Callable[[str], Path]) -> None:
    answer = vadkit("inspect", "--store", odd("nothing.zarr"), "--json")
    assert answer.code == 4
    assert "nothing\\xe9.zarr" in answer.json["error"]["what"]
    assert "nothing\\xe9.zarr" in answer.err
