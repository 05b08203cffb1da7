"""Events as one JSON document, format name and version first."""

from __future__ import annotations

import json
from collections.abc import Sequence

from headhunt.records import Event, Json

FORMAT, VERSION = "headhunt-events", 1


def render(events: Sequence[Event], settings: Json) -> bytes:
    """The document: format, version, the settings, and `events`."""
    data = {"format": FORMAT, "version": VERSION, **settings, "events": [event.to_json() for event in events]}
    return json.dumps(data, indent=1, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
