"""Events as CSV, one line an event."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import fields

from headhunt.records import Event, Json

WHOLE = ("video", "start_frame", "end_frame")  # the other columns have six decimals


def render(events: Sequence[Event], _settings: Json) -> bytes:
    """A header, then the events in their order."""
    out = io.StringIO()
    writer = csv.DictWriter(out, [field.name for field in fields(Event)], lineterminator="\n")
    writer.writeheader()
    for event in events:
        writer.writerow({key: value if key in WHOLE else f"{value:.6f}" for key, value in event.to_json().items()})
    return out.getvalue().encode()
