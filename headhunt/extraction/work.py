"""What is to be had of each video, and the rows of a shard as tasks for the decoders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headhunt import segments
from headhunt.extraction.decoders import Task
from headhunt.extraction.masks import Mask
from headhunt.records import Interval
from headhunt.store import Store


@dataclass(frozen=True)
class Wanted:
    """What is to be had of a video.

    Attributes:
        path: Its file or folder.
        mask: The areas to ignore.
        longer: Whether it has more frames by now than were planned.
        barred: Why none of its rows may be computed; "" when they may.
    """

    path: Path
    mask: Mask | None
    longer: bool
    barred: str


def barred_rows(store: Store, rows: Sequence[int], wanted: Mapping[str, Wanted]) -> list[tuple[int, str]]:
    """Those of the rows that may not be computed, and why."""
    table, paths = store.segments(), store.videos().path
    video_of = dict(zip(table.row.tolist(), table.video.tolist(), strict=True))
    found = ((row, wanted.get(paths[video_of[row]])) for row in rows)
    return [(row, one.barred) for row, one in found if one is not None and one.barred]


def tasks_of(store: Store, chosen: Sequence[int], wanted: Mapping[str, Wanted], n_frames: int) -> list[Task]:
    """The chosen rows, video by video."""
    table, rows = store.videos(), store.segments()
    place = {int(row): i for i, row in enumerate(rows.row)}
    by_video: dict[int, list[int]] = {}
    for row in chosen:
        by_video.setdefault(int(rows.video[place[row]]), []).append(row)

    def frames(row: int) -> tuple[int, ...]:
        i = place[row]
        interval = Interval(int(rows.start_frame[i]), int(rows.end_frame[i]))
        return tuple(segments.sample_frames(interval, n_frames).tolist())

    tasks = []
    for index, mine in sorted(by_video.items()):
        one = wanted.get(table.path[index])
        if one is not None and not one.barred:
            groups = tuple(frames(row) for row in mine)
            tasks.append(Task(one.path, int(table.frames[index]), tuple(mine), groups, one.longer, one.mask))
    return tasks
