"""Scores and events of a store as tables: columns of equal length, and a pandas frame where pandas is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_type_hints

import numpy as np
import numpy.typing as npt

from headhunt.artefacts import events, scores
from headhunt.errors import InputError
from headhunt.files import StrPath
from headhunt.records import Event
from headhunt.store import Store

Column = npt.NDArray[Any]
DTYPES = {str: np.object_, int: np.int64, float: np.float64}


class Table(Mapping[str, Column]):
    """Named columns of one length.

    Args:
        columns: Name -> values (n,).
    """

    def __init__(self, columns: Mapping[str, Column]) -> None:
        self._columns = dict(columns)
        lengths = {name: len(values) for name, values in self._columns.items()}
        if len(set(lengths.values())) > 1:
            raise InputError("the columns of a table differ in length", got=lengths)

    def __getitem__(self, name: str) -> Column:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self._columns.values()), ()))

    def __repr__(self) -> str:
        return f"<Table of {self.n_rows} rows: {', '.join(self._columns)}; to_pandas() gives a frame>"

    def to_pandas(self) -> Any:
        """The table as a pandas DataFrame.

        Raises:
            InputError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise InputError(
                "pandas is not installed", hint="pip install pandas, or use the columns as they are"
            ) from error
        return pd.DataFrame(self._columns)


def scores_table(store: StrPath | Store, name: str | None = None) -> Table:
    """The scores of a store, a row a segment: where it lies, its score, and its smoothed score where there are events.

    Args:
        store: The store, or its folder.
        name: Name of the scores; None for those made last.

    Returns:
        video, split, label, start_frame, end_frame, start_s, end_s, score (NaN where a segment failed), smoothed and
        event (whether it overlaps a detected event); the last two only where events were made from these scores.

    Raises:
        StaleError: There are no such scores, or what they were made from changed.
    """
    opened = store if isinstance(store, Store) else Store(store)
    artefact, _ = scores.load(opened, name)
    videos, table = opened.videos(), scores.rows_of(opened, artefact)
    columns: dict[str, Column] = {
        "video": _text(videos.path, table.video),
        "split": _text(videos.split, table.video),
        "label": _text(videos.label, table.video),
        **{key: getattr(table, key) for key in ("start_frame", "end_frame", "start_s", "end_s")},
        "score": artefact.arrays["score"],
    }
    if artefact.name in opened.names("events"):
        found = opened.artefact("events", artefact.name)
        if found.made_by["inputs"].get(f"scores/{artefact.name}") == artefact.digest:
            smoothed = events.smoothed_of(found)
            columns["smoothed"] = np.array([smoothed[int(row)] for row in table.row], np.float64)
            columns["event"] = np.zeros(len(table), np.bool_)
            for index, some in events.by_video(found, videos.path).items():
                for event in some:
                    overlaps = (table.start_frame < event.end_frame) & (table.end_frame > event.start_frame)
                    columns["event"] |= (table.video == index) & overlaps
    return Table(columns)


def events_table(store: StrPath | Store, name: str | None = None) -> Table:
    """The events of a store, a row an event, in the order of videos and time.

    Args:
        store: The store, or its folder.
        name: Name of the events; None for those made last.

    Returns:
        video, start_frame, end_frame, start_s, end_s, peak_score, mean_score.

    Raises:
        StaleError: There are no such events.
    """
    opened = store if isinstance(store, Store) else Store(store)
    found = opened.artefact("events", name)
    every = [event for some in events.by_video(found, opened.videos().path).values() for event in some]
    kinds = get_type_hints(Event).items()
    return Table({key: np.array([getattr(event, key) for event in every], DTYPES[kind]) for key, kind in kinds})


def _text(values: tuple[str, ...], index: npt.NDArray[np.int64]) -> Column:
    return np.array(values, dtype=object)[index] if len(index) else np.empty(0, dtype=object)
