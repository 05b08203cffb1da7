"""CSV as spreadsheets save it, and cells that no spreadsheet takes for a formula."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headhunt import csv_rows
from headhunt.errors import InputError

COLUMNS = ("a", "b")
CELL = st.text(st.sampled_from("=+-@'\t\r\n\v\x1c\u2028\x00 ,;\"\\a1") | st.characters(exclude_categories=["Cs"]))


def rows(text: str) -> list[tuple[int, dict[str, str]]]:
    return list(csv_rows.read(text, "x", columns=COLUMNS).rows)


@given(st.lists(st.tuples(CELL, CELL).filter(any), max_size=5))
def test_what_is_written_is_read_back(cells: list[tuple[str, str]]) -> None:
    assert [(row["a"], row["b"]) for _, row in rows(csv_rows.write([COLUMNS, *cells]))] == cells


@given(CELL)
def test_guarding_is_undone_and_a_guarded_cell_is_no_formula(cell: str) -> None:
    assert csv_rows.unguarded(csv_rows.guarded(cell)) == cell
    assert csv_rows.guarded(cell).lstrip()[:1] not in tuple("=+-@\uff1d\uff0b\uff0d\uff20")


def test_an_apostrophe_of_ones_own_stays() -> None:
    assert csv_rows.unguarded("'tis") == "'tis"


def test_lines_are_counted_from_the_first_of_the_file() -> None:
    assert rows('sep=;\n\na;b\n"1\n2";3\n4;5\n') == [(4, {"a": "1\n2", "b": "3"}), (6, {"a": "4", "b": "5"})]
    assert csv_rows.read("sep=;\n\na;b\n", "x", columns=COLUMNS).line == 3


def test_columns_without_a_name_at_the_end_must_be_empty() -> None:
    assert rows("a,b,,\n1,2,,\n3,4\n") == [(2, {"a": "1", "b": "2"}), (3, {"a": "3", "b": "4"})]
    for line in ("1,2,3,", "1,2,", "1", "1,2,,,"):
        with pytest.raises(InputError, match="x, line 2: wrong number of fields"):
            rows(f"a,b,,\n{line}\n")


def test_a_text_of_nothing_has_no_columns() -> None:
    for text in ("", "\n\n", ",,\n", "sep=;"):
        table = csv_rows.read(text, "x", columns=COLUMNS)
        assert (table.names, list(table.rows)) == ((), [])
