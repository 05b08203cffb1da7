"""Rows of a store as tasks for the decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from headhunt import segments
from headhunt.extraction.decoders import Task
from headhunt.extraction.masks import Mask
from headhunt.records import Interval
from headhunt.store import Store
from headhunt.video import Identity


def tasks_of(
    store: Store, chosen: Sequence[int], wanted: Mapping[str, Path], masks: Mapping[str, Mask], n_frames: int
) -> list[Task]:
    """The chosen rows of the wanted videos, video by video.

    Args:
        store: The store.
        chosen: Rows.
        wanted: Video id -> its file.
        masks: Video id -> the areas to ignore in it.
        n_frames: Frames sampled from a row.
    """
    table, rows = store.videos(), store.segments()
    place = {int(row): i for i, row in enumerate(rows.row)}
    by_video: dict[int, list[int]] = {}
    for row in chosen:
        by_video.setdefault(int(rows.video[place[row]]), []).append(row)

    def frames(row: int) -> tuple[int, ...]:
        i = place[row]
        interval = Interval(int(rows.start_frame[i]), int(rows.end_frame[i]))
        return tuple(segments.sample_frames(interval, n_frames).tolist())

    def step_s(row: int) -> float:
        i = place[row]  # to the microsecond: what rounding leaves beyond must not make two rows unlike
        seconds = float(rows.end_s[i] - rows.start_s[i]) / n_frames
        return round(seconds, 6) if 0 < seconds < float("inf") else 0.0

    def task(index: int, mine: Sequence[int]) -> Task:
        file = Identity(int(table.bytes[index]), int(table.modified_ns[index]), table.digest[index])
        name, groups = table.path[index], tuple(frames(row) for row in mine)
        steps = tuple(step_s(row) for row in mine)
        return Task(wanted[name], int(table.frames[index]), tuple(mine), groups, file, masks.get(name), steps)

    return [task(index, mine) for index, mine in sorted(by_video.items()) if table.path[index] in wanted]
