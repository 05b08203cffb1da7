"""Oracles: the JSON module, and what a reader expects to see."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from headhunt.records import Event, Head, HeadSet
from vadkit import console


@dataclass(frozen=True)
class Report:
    store: Path
    value: float
    pairs: tuple[tuple[str, int], ...]
    best: HeadSet


def test_json_is_strict_and_keeps_what_is_given_first(capsys: pytest.CaptureFixture[str]) -> None:
    best = HeadSet((Head(1, 2),), (0.5,), "rss")
    console.print_json("fit", Report(Path("b"), float("nan"), (("é\udcff", 1),), best), store=Path("a"))
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {
        "command": "fit",
        "store": "a",
        "value": None,
        "pairs": [["é\\xff", 1]],
        "best": best.to_json(),
    }


def test_json_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError, match="no JSON for set"):
        console.plain({"a": {1, 2}})


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0, "0:00:00.0"), (59.96, "0:01:00.0"), (61.25, "0:01:01.2"), (3599.94, "0:59:59.9"), (36000.0, "10:00:00.0")],
)
def test_clock(seconds: float, text: str) -> None:
    assert console.clock(seconds) == text


def test_control_characters_of_names_do_not_reach_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("é[bold]\x1b[31m\r.mp4")
    console.table("t\x1b[2J", ["name"], [["[red]\x1b]0;x\x07"]])
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\x07" not in err
    assert "é[bold]\\x1b[31m\\r.mp4" in err
    assert "[red]" in err


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a, b"), (list("abcdefg"), "a, b, c, d, e, and 2 more")],
)
def test_some_names_the_first_five_and_counts_the_rest(names: list[str], text: str) -> None:
    assert console.some(names) == text


def test_without_a_terminal_progress_is_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = iter([0.0, 1.0, 9.9, 10.0, 10.0, 15.0, 20.5, 20.5])
    show = console._lines(lambda: next(now))
    for done in range(1, 6):
        show("segments", done, 9)
    assert capsys.readouterr().err == "segments: 3 of 9\nsegments: 5 of 9\n"


def test_on_a_terminal_progress_is_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", Terminal())
    with console.progress() as progress:
        progress("layers", 1, 2)
        progress("layers", 2, 2)
    assert "layers" in sys.stderr.getvalue()  # type: ignore[attr-defined]
    assert "2/2" in sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_event_lines_show_clock_times_and_the_peak() -> None:
    from vadkit.localize import event_lines

    event = Event("a.mp4", 0, 48, 3661.0, 3662.92, 0.91234, 0.8)
    assert event_lines([event]) == ["1:01:01.0 - 1:01:02.9  peak 0.912"]
    assert event_lines([]) == []
