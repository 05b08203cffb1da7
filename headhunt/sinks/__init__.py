"""Where events go outside the store: one function a format, chosen by the ending of the file's name.

A sink is a function of (events, settings) that gives the bytes of a file: `settings` are sigma, tau, smoothing, source
and f1, as plain JSON.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from headhunt.errors import UsageError
from headhunt.files import StrPath
from headhunt.records import Event, Json
from headhunt.registry import Registry

Sink = Callable[[Sequence[Event], Json], bytes]

SINKS: Registry[Sink] = Registry(
    {
        "json": "headhunt.sinks.json_file:render",
        "csv": "headhunt.sinks.csv_file:render",
    }
)
"""Ending of a file's name -> how events are written there."""


def sink_for(path: StrPath) -> Sink:
    """The sink for a file.

    Raises:
        UsageError: Events are not written in files of this ending.
    """
    ending = Path(path).suffix.lower().removeprefix(".")
    if ending not in SINKS:
        expected = " or ".join(f".{name}" for name in SINKS)
        raise UsageError("events cannot be written in this format", got=str(path), expected=expected)
    return SINKS[ending]
