"""Scores: as a group of a store, and video by video, checked to be those of the rows as they are now."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.artefacts import freshness, seen
from headhunt.artefacts.seen import Seen
from headhunt.records import Json
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


def load(store: Store, name: str | None) -> tuple[Artefact, tuple[str, ...]]:
    """An artefact of kind "scores", fresh, and what the user should know of it.

    Raises:
        StaleError: There is none, or rows or scorer changed since it was made.
    """
    artefact = store.artefact("scores", name)
    return artefact, freshness.check(store, artefact)


def fitted_on(artefact: Artefact) -> tuple[str, ...]:
    """Ids of the videos that the scorer of these scores was fitted on."""
    return tuple(artefact.facts["fitted_on"])


def learnt_from(artefact: Artefact) -> tuple[Seen, ...]:
    """All videos that the scorer of these scores owes something to; earlier versions kept ids of the fit alone."""
    return seen.of_json(artefact.facts.get("learnt_from")) or tuple((name, "") for name in fitted_on(artefact))


def rows_of(store: Store, artefact: Artefact) -> SegmentTable:
    """The segments that fresh scores are of, (n,), in their order; segments that came later are not among them."""
    table = store.segments().of_unit("segment")
    table = table.where(np.isin(table.row, artefact.arrays["row"]))
    assert np.array_equal(table.row, artefact.arrays["row"])
    return table


def by_video(store: Store, artefact: Artefact, column: str = "score") -> Iterator[VideoScores]:
    """The scores of every video that was scored, in the order of /videos."""
    table = rows_of(store, artefact)
    values = artefact.arrays[column]
    for index in np.unique(table.video):
        mine = np.flatnonzero(table.video == index)
        mine = mine[np.argsort(table.start_frame[mine], kind="stable")]
        yield VideoScores(int(index), table.take(mine), values[mine])


def write(
    store: Store,
    name: str,
    table: SegmentTable,
    score: Float64,
    *,
    scorer: str,
    method: str,
    prompt: str,
    fitted_on: tuple[str, ...],
    learnt_from: tuple[Seen, ...],
    config: Json,
    inputs: dict[str, str],
) -> Artefact:
    """Write scores as `scores/<name>`: `row`, `video`, `start_frame`, `end_frame` and `score` of every segment.

    Args:
        store: The store, writable.
        name: Name of the scores.
        table: The segments (n,).
        score: (n,), NaN where a segment has no score.
        scorer: Name of the scorer.
        method: Its method.
        prompt: Id of the prompt it read.
        fitted_on: The videos it was fitted on.
        learnt_from: All videos it owes something to.
        config: Configuration of the stage.
        inputs: What the scores were made from: name -> digest.
    """
    columns = {
        "row": table.row,
        "video": table.video,
        "start_frame": table.start_frame,
        "end_frame": table.end_frame,
        "score": score,
    }
    return store.write_artefact(
        "scores",
        name,
        stage="score",
        config=config,
        seed=None,
        inputs=inputs | {"rows": store.rows_digest(table)},
        facts={
            "scorer": scorer,
            "method": method,
            "prompt": prompt,
            "fitted_on": list(fitted_on),
            **({"learnt_from": [list(pair) for pair in learnt_from]} if learnt_from else {}),
        },
        arrays={key: (values, ("segment",)) for key, values in columns.items()},
    )
