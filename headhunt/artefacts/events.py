"""Events: as a group of a store, with the calibration they were found with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.artefacts.calibrations import Calibration
from headhunt.records import Event, Json
from headhunt.store import Artefact, Store

FORMAT, VERSION = "headhunt-events", 1
NUMBERS = {
    "start_frame": np.int64,
    "end_frame": np.int64,
    "start_s": np.float64,
    "end_s": np.float64,
    "peak_score": np.float64,
    "mean_score": np.float64,
}
"""Fields of an event that a store keeps as columns, with their types."""


def write(
    store: Store,
    name: str,
    found: Sequence[Event],
    calibration: Calibration,
    *,
    made: Artefact | None,
    scores: Artefact,
    smoothed: Float64,
    video_score: Float64,
    config: Json,
) -> Artefact:
    """Write events as `events/<name>`.

    Args:
        store: The store, writable.
        name: Name of the events.
        found: The events.
        calibration: How they were found.
        made: The same as an artefact of this store, None where it was not made here.
        scores: The scores they were found in.
        smoothed: (segment,): the smoothed score of every row of the scores, NaN where there is none.
        video_score: (video,): the highest smoothed score of every video, NaN where there is none.
        config: Configuration of the stage.
    """
    place = {path: i for i, path in enumerate(store.videos().path)}
    return store.write_artefact(
        "events",
        name,
        stage="localize",
        config=config,
        seed=None,
        inputs={f"{kind.kind}/{kind.name}": kind.digest for kind in (scores, made) if kind is not None},
        facts=calibration.facts | {"scores": scores.name, "format": FORMAT, "version": VERSION},
        arrays={
            "smoothed": (smoothed, ("segment",)),
            "row": (scores.arrays["row"], ("segment",)),
            "video_score": (video_score, ("video",)),
            "video": (np.array([place[e.video] for e in found], np.int64), ("event",)),
            **{key: (np.array([getattr(e, key) for e in found], kind), ("event",)) for key, kind in NUMBERS.items()},
        },
    )


def scores_of(artefact: Artefact) -> str:
    """Name of the scores that events were found in."""
    return str(artefact.facts["scores"])


def by_video(artefact: Artefact, paths: Sequence[str]) -> dict[int, tuple[Event, ...]]:
    """Place of a video in /videos -> its events in time order; videos without events are left out.

    Args:
        artefact: Of the kind "events".
        paths: Ids of the store's videos.
    """
    video: Int64 = artefact.arrays["video"]
    columns = {key: artefact.arrays[key].tolist() for key in NUMBERS}
    found: dict[int, list[Event]] = {}
    for i, index in enumerate(video.tolist()):
        found.setdefault(index, []).append(Event(paths[index], **{key: values[i] for key, values in columns.items()}))
    return {index: tuple(events) for index, events in found.items()}


def smoothed_of(artefact: Artefact) -> Mapping[int, float]:
    """Row of the store -> its smoothed score."""
    return dict(zip(artefact.arrays["row"].tolist(), artefact.arrays["smoothed"].tolist(), strict=True))
