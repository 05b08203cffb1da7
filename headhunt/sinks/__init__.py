"""Where events go outside the store: one function a format, chosen by the ending of the file's name.

A sink is a function of (events, settings) that gives the bytes of a file: `settings` are sigma, tau, smoothing, source
and f1, as plain JSON. Where a format says all of an event, a reader gives the events back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from headhunt.errors import InputError, UsageError
from headhunt.files import StrPath
from headhunt.records import Event, Json
from headhunt.registry import Registry

T = TypeVar("T")
Sink = Callable[[Sequence[Event], Json], bytes]
Reader = Callable[[bytes, object], list[Event]]

SINKS: Registry[Sink] = Registry(
    {
        "json": "headhunt.sinks.json_file:render",
        "csv": "headhunt.sinks.csv_file:render",
    }
)
"""Ending of a file's name -> how events are written there."""

EVENT_READERS: Registry[Reader] = Registry(
    {
        "json": "headhunt.sinks.json_file:read",
        "csv": "headhunt.sinks.csv_file:read",
    }
)
"""Ending of a file's name -> how its bytes become events again; the second argument names the file in messages."""


def sink_for(path: StrPath) -> Sink:
    """The sink for a file.

    Raises:
        UsageError: Events are not written in files of this ending.
    """
    return _of_ending(path, SINKS, "events cannot be written in this format")


def read_events(path: StrPath) -> list[Event]:
    """The events of a file that `localize` or `run` wrote.

    Raises:
        UsageError: Events are not read from files of this ending.
        InputError: The file cannot be read, or is something else.
    """
    reader = _of_ending(path, EVENT_READERS, "events cannot be read from this format")
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read", got=error.strerror, expected="a file of events") from error
    return reader(data, path)


def _of_ending(path: StrPath, formats: Registry[T], refusal: str) -> T:
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in formats:
        raise UsageError(refusal, got=str(path), expected=" or ".join(f".{name}" for name in formats))
    return formats[ending]
