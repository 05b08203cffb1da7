"""Scores of a store, video by video, checked to be those of the rows as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.errors import StaleError
from headhunt.store import Artefact, SegmentTable, Store


@dataclass(frozen=True)
class VideoScores:
    """The segments of one video in time order with their scores.

    Attributes:
        index: Row in /videos.
        table: Its segments (n,).
        score: float64 (n,), NaN where a segment failed.
    """

    index: int
    table: SegmentTable
    score: Float64

    @property
    def start_frame(self) -> Int64:
        """First frame of each segment (n,)."""
        return self.table.start_frame

    @property
    def end_frame(self) -> Int64:
        """One past the last frame of each segment (n,)."""
        return self.table.end_frame


def load(store: Store, name: str | None) -> Artefact:
    """An artefact of kind "scores", fresh.

    Raises:
        StaleError: There is none, or rows or scorer changed since it was made.
    """
    artefact = store.artefact("scores", name)
    store.check_fresh(artefact)
    if artefact.made_by["inputs"].get("rows") != store.rows_digest(store.segments().of_unit("segment")):
        raise StaleError(
            f"scores/{artefact.name} was made before rows of {store.path} were added or finished",
            hint="run `vadkit score` again",
        )
    return artefact


def by_video(store: Store, artefact: Artefact, column: str = "score") -> Iterator[VideoScores]:
    """The scores of every video that has segments, in the order of /videos."""
    table = store.segments().of_unit("segment")
    assert np.array_equal(table.row, artefact.arrays["row"])
    values = artefact.arrays[column]
    for index in np.unique(table.video):
        mine = np.flatnonzero(table.video == index)
        mine = mine[np.argsort(table.start_frame[mine], kind="stable")]
        yield VideoScores(int(index), table.take(mine), values[mine])
