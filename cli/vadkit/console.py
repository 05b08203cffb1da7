"""How commands speak: one JSON object on stdout; progress, tables and talk on stderr. Knows no command."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.exceptions import TyperException

from headhunt.errors import HeadhuntError, UsageError
from headhunt.names import spelt_out

Progress = Callable[[str, int, int], None]
PLAIN_EVERY_S = 10.0
SHOWN = 5


def plain(value: Any) -> Any:
    """A report as strict JSON: dataclasses become objects, what is not finite becomes null."""
    if hasattr(value, "to_json"):
        return plain(value.to_json())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, (str, Path)):
        return spelt_out(str(value))
    raise TypeError(f"no JSON for {type(value).__name__}")


def print_json(command: str, result: Any, **first: object) -> None:
    """Print the one JSON object of a command that is done.

    Args:
        command: Its name.
        result: A report (a dataclass) or a mapping; its fields become the object's.
        **first: Fields that come before those, such as the store; the report does not overwrite them.
    """
    answer.give({"command": command, **plain(first), **{k: v for k, v in plain(result).items() if k not in first}})


class Answer:
    """The one JSON object of a command: its result or its error, never both."""

    def __init__(self) -> None:
        self.begin(as_json=False)

    def begin(self, *, as_json: bool) -> None:
        """A command begins.

        Args:
            as_json: Whether an object is asked for, as far as can be told.
        """
        self.as_json, self._given = as_json, False

    def give(self, data: Mapping[str, Any]) -> None:
        """Write an object to stdout; ASCII, so that no name of a video and no locale can spoil it."""
        text = json.dumps(plain(data), allow_nan=False) + "\n"
        self._given = True
        sys.stdout.write(text)
        sys.stdout.flush()  # here, so that a reader that has gone is noticed while it can be handled

    def fail(self, data: Mapping[str, Any]) -> None:
        """Write an error, where an object is asked for and none was given."""
        if self.as_json and not self._given:
            self.give(data)


answer = Answer()
"""That of the command which runs."""


def clean(text: object) -> str:
    """Text from outside for a terminal: control characters, escape sequences among them, are spelt out."""
    words = spelt_out(str(text))
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in words)


def say(*lines: object) -> None:
    """Tell something, a line each."""
    for line in lines:
        print(clean(line), file=sys.stderr)  # noqa: T201


def notes(lines: Iterable[str]) -> None:
    """Tell what a stage noted."""
    for line in lines:
        say(f"note: {line}")


def count(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it should be."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def some(names: Sequence[str], *, shown: int = SHOWN) -> str:
    """The first of many names, and how many more there are."""
    more = f", and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


def say_some(names: Sequence[str], noun: str, what: str) -> None:
    """Tell of how many names something is true, and name the first; nothing when there are none."""
    if names:
        say(f"{count(len(names), noun)} {what}: {some(names)}")


def failures(failed: Iterable[Sequence[str]]) -> list[dict[str, str]]:
    """(video, reason) pairs as JSON."""
    return [{"video": video, "reason": reason} for video, reason in failed]


def say_failures(failed: Sequence[Sequence[str]]) -> None:
    """List the videos that failed, with reasons."""
    if failed:
        say(f"{count(len(failed), 'video')} failed, wholly or in part:")
    for video, reason in failed:
        say(f"  {video}: {reason}")


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, left: int = 1) -> None:
    """Print a table.

    Args:
        title: Above it.
        columns: Headings.
        rows: Cells; floats are shown with four digits, None as a dash.
        left: So many columns are text, aligned left; the others are numbers.
    """
    made = Table(title=Text(clean(title)), title_justify="left", title_style="bold")
    for place, name in enumerate(columns):
        made.add_column(name, justify="left" if place < left else "right", overflow="fold")
    for row in rows:
        made.add_row(*(Text(_cell(value)) for value in row))
    # What is piped into a file is not cut to the width of a terminal that is not there.
    console = Console(stderr=True, width=None if sys.stderr.isatty() else 160)
    console.print(made)


def _cell(value: object) -> str:
    return "-" if value is None else f"{value:.4f}" if isinstance(value, float) else clean(value)


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss.s."""
    tenths = round(seconds * 10)
    return f"{tenths // 36000}:{tenths // 600 % 60:02d}:{tenths // 10 % 60:02d}.{tenths % 10}"


@contextmanager
def progress() -> Iterator[Progress]:
    """Show how far a stage is: a bar on a terminal, elsewhere a line at most every ten seconds."""
    if not sys.stderr.isatty():
        yield _lines()
        return
    from rich import progress as bars

    columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn())
    with bars.Progress(*columns, bars.TimeRemainingColumn(), console=Console(stderr=True), transient=True) as shown:
        tasks: dict[str, bars.TaskID] = {}

        def show(what: str, done: int, total: int) -> None:
            if what not in tasks:
                while tasks:  # only what is going on is shown
                    shown.remove_task(tasks.popitem()[1])
                tasks[what] = shown.add_task(what)
            shown.update(tasks[what], completed=done, total=total)

        yield show


def _lines(clock_s: Callable[[], float] = time.monotonic) -> Progress:
    last = clock_s()

    def show(what: str, done: int, total: int) -> None:
        nonlocal last
        if clock_s() - last >= PLAIN_EVERY_S:
            last = clock_s()
            say(f"{what}: {done} of {total}")

    return show


def error_json(error: Exception, exit_code: int) -> dict[str, Any]:
    """An error as the one JSON object of a command that is not done."""
    kind = type(error).__name__
    parts: dict[str, object] = {"what": str(error), "got": None, "expected": None, "next": None}
    if isinstance(error, HeadhuntError):
        parts = {"what": error.what, "got": error.got, "expected": error.expected, "next": error.hint}
    elif isinstance(error, TyperException):
        kind, parts["what"] = UsageError.__name__, error.format_message()
    told = {key: None if value is None else str(value) for key, value in parts.items()}
    return {"error": {"type": kind, **told, "exit_code": exit_code}}
