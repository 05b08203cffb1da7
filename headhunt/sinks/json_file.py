"""Events as one JSON document, format name and version first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, get_type_hints

from headhunt.errors import InputError
from headhunt.records import Event, Json, check_format

FORMAT, VERSION = "headhunt-events", 1
KINDS: dict[str, Any] = get_type_hints(Event)


def render(events: Sequence[Event], settings: Json) -> bytes:
    """The document: format, version, the settings, and `events`."""
    data = {"format": FORMAT, "version": VERSION, **settings, "events": [event.to_json() for event in events]}
    return json.dumps(data, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def read(data: bytes, source: object) -> list[Event]:
    """The events of a document that `render` wrote, with a byte order mark or without.

    Raises:
        InputError: It is something else, or an event is malformed.
    """
    try:
        document: Any = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{source} is not JSON", got=error) from error
    check_format(document, FORMAT, VERSION, source=str(source))
    events = document.get("events")
    if not isinstance(events, list):
        raise InputError(f"{source} has no list of events", got=type(events).__name__, expected="a list")
    return [_event(event, f"{source}, event {i}") for i, event in enumerate(events)]


def _event(data: Any, where: str) -> Event:
    values: dict[str, Any] = {name: data.get(name) if isinstance(data, dict) else None for name in KINDS}
    for name, kind in KINDS.items():
        if type(values[name]) is not kind and not (kind is float and type(values[name]) is int):
            raise InputError(f"{where} is malformed", got=f"{name} {values[name]!r}", expected=kind.__name__)
    try:
        return Event(**values)
    except InputError as error:
        raise InputError(f"{where}: {error.what}", got=error.got, expected=error.expected) from error
