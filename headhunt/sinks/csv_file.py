"""Events as CSV, one line an event.

Text that a spreadsheet would take for a formula has an apostrophe before it, and so has text that begins with one:
`read` takes it off again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import fields
from functools import partial
from typing import Any, get_type_hints

from headhunt import csv_rows
from headhunt.errors import InputError
from headhunt.records import Event, Json

COLUMNS = tuple(field.name for field in fields(Event))
KINDS: dict[str, Any] = get_type_hints(Event)


def render(events: Sequence[Event], _settings: Json) -> bytes:
    """A header, then the events in their order; times and scores have six decimals."""
    rows = [[_cell(value) for value in event.to_json().values()] for event in events]
    return csv_rows.write([COLUMNS, *rows]).encode()


def read(data: bytes, source: object) -> list[Event]:
    """The events of a file that `render` wrote, also where a spreadsheet saved it again.

    Raises:
        InputError: It is something else; file and line are named.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{source} is not UTF-8", got=f"byte 0x{data[error.start]:02x}", hint="save it so") from error
    table = csv_rows.read(text, source, columns=COLUMNS)
    missing = [name for name in COLUMNS if name not in table.names]
    if missing:
        raise InputError(
            f"{source}, line {table.line}: missing column {', '.join(missing)}",
            got=", ".join(table.names) or "nothing",
            expected=", ".join(COLUMNS),
        )
    return [_event(cells, f"{source}, line {line}") for line, cells in table.rows]


def _cell(value: Any) -> str:
    return (
        csv_rows.guarded(value)
        if isinstance(value, str)
        else f"{value:.6f}"
        if isinstance(value, float)
        else str(value)
    )


def _event(cells: dict[str, str], where: str) -> Event:
    values: dict[str, Any] = {}
    for name, kind in KINDS.items():
        try:
            values[name] = _READ[kind](cells[name])
        except ValueError as error:
            hint = "save the file with points in numbers" if "," in cells[name] else None
            raise InputError(f"{where}: {name} is not a number", got=repr(cells[name]), hint=hint) from error
    try:
        return Event(**values)
    except InputError as error:
        raise InputError(f"{where}: {error.what}", got=error.got, expected=error.expected) from error


def _number(text: str, form: str, kind: Callable[[str], Any]) -> Any:
    if not re.fullmatch(form, text):
        raise ValueError(text)
    return kind(text)


_READ: dict[Any, Callable[[str], Any]] = {
    str: csv_rows.unguarded,
    int: partial(_number, form="[0-9]{1,15}", kind=int),
    float: partial(_number, form=r"-?[0-9]{1,15}(\.[0-9]+)?(e-?[0-9]{1,2})?", kind=float),
}
