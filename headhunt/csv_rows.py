"""CSV text as people, programs and spreadsheets write it, to rows of named cells, and back; opens no file.

Read besides plain CSV: a first line `sep=;`, semicolons or tabs between cells, capitals in the names of columns, empty
columns at the end and empty rows, all as spreadsheets save them. What is written is plain CSV.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from headhunt.errors import InputError

SEPARATORS = ",;\t"
_SEP_LINE = re.compile(r'"?sep=([^"\r\n])"?[,;\t]*(?:\r\n|\r|\n|\Z)', re.IGNORECASE)
_NUMBERS = re.compile("[0-9;-]+")  # as events are written
_FORMULA = re.compile(r"[\t\r\n]|[\s\x00-\x1f\x7f-\x9f\u200b-\u200f\u2060\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20']")


@dataclass(frozen=True)
class CsvRows:
    """A CSV text, read as far as its header.

    Attributes:
        line: Line of the header.
        names: Names of the columns; those that are known as in `columns`, whatever their capitals. None for a text of
            nothing but empty rows.
        rows: First line and named cells of each row that is not empty. Going through them raises InputError at
            malformed CSV, and at a row with more or fewer cells than the header.
    """

    line: int
    names: tuple[str, ...]
    rows: Iterator[tuple[int, dict[str, str]]]


def read(text: str, source: object, *, columns: Sequence[str]) -> CsvRows:
    """The rows of a CSV text.

    Args:
        text: The whole text, line ends as they are, without byte order mark.
        source: The file, for messages.
        columns: Names that are known; the header need not have them all.

    Raises:
        InputError: Malformed CSV, or a column that stands twice.
    """
    line, separator = 1, None
    if found := _SEP_LINE.match(text):
        line, separator, text = 2, found[1], text[found.end() :]
    separator = separator or _separator(text, columns)
    records = ((place, cells) for place, cells in _records(text, source, line, separator) if any(cells))
    place, cells = next(records, (line, []))
    header = _header(cells, columns, f"{source}, line {place}")
    return CsvRows(place, tuple(filter(None, header)), _rows(records, header, source, separator))


def _rows(
    records: Iterator[tuple[int, list[str]]], header: Sequence[str], source: object, separator: str
) -> Iterator[tuple[int, dict[str, str]]]:
    named = max((i for i, name in enumerate(header, start=1) if name), default=0)  # the rest is commas at the end
    for place, cells in records:
        if len(cells) == len(header) and not any(cells[named:]):
            cells = cells[:named]
        if len(cells) != named:
            raise InputError(
                f"{source}, line {place}: wrong number of fields",
                got=len(cells),
                expected=named,
                hint=f"put a cell with {separator!r} in it between double quotes",
            )
        yield place, {name: cell for name, cell in zip(header, cells, strict=False) if name}


def write(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells as plain CSV, lines ended by line feeds."""
    return "".join(",".join(map(_quoted, row)) + "\n" for row in rows)


def guarded(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula: where one might, an apostrophe stands before it."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def unguarded(cell: str) -> str:
    """What `guarded` was given; an apostrophe that it would not have put there stays."""
    bare = cell.removeprefix("'")
    return bare if guarded(bare) == cell else cell


def _quoted(cell: str) -> str:
    # Quoted for any control character and any separator: other readers end lines and cells at more than this one does.
    plain = cell == cell.strip() and cell.isprintable() and not any(mark in cell for mark in ',;"')
    return cell if plain or _NUMBERS.fullmatch(cell) else '"' + cell.replace('"', '""') + '"'


def _separator(text: str, columns: Sequence[str]) -> str:
    """What stands between the cells of the header: the one that gives most of the columns."""
    first = next((line for line in re.split("\r\n|\r|\n", text) if line.strip(SEPARATORS + " \"'")), "")

    def known(separator: str) -> int:
        names = {name.strip(' "').casefold() for name in first.split(separator)}
        return len(names & set(columns))

    return max(SEPARATORS, key=known)


def _header(cells: Sequence[str], columns: Sequence[str], where: str) -> list[str]:
    """Names of the columns, "" for one without."""
    names = [name.strip().lstrip("\ufeff") for name in cells]
    names = [name.casefold() if name.casefold() in columns else name for name in names]
    given = [name for name in names if name]
    if len(set(given)) != len(given):
        raise InputError(f"{where}: a column stands twice", got=", ".join(given))
    return names


def _records(text: str, source: object, line: int, separator: str) -> Iterator[tuple[int, list[str]]]:
    """First line and cells of each record."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    place = line
    try:
        for cells in reader:
            yield place, cells
            place = reader.line_num + line
    except csv.Error as error:
        raise InputError(f"{source}, line {place}: malformed CSV", got=error, hint="look for an open quote") from error
