"""Reading the tables of an opened store: /videos and /segments as columns, /truth as events. Nothing is made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt import labels, splits
from headhunt.arrays import Bool, Int64, UInt8
from headhunt.errors import DamagedError
from headhunt.records import Interval
from headhunt.store import columns, truth
from headhunt.store.damage import reading
from headhunt.store.layout import SEGMENT_COLUMNS, SHARD_ROWS, UNITS, VIDEO_COLUMNS, RowStatus, VideoStatus
from headhunt.store.tables import LATER_ARRAYS, SEGMENT_ARRAYS, SegmentTable, VideoTable


@dataclass(frozen=True)
class Tables:
    """The tables of a store.

    Attributes:
        path: The store's folder.
        present: Its root, in which reading a chunk that is not there raises `MissingChunkError`.
        loose: Its root, in which such a chunk reads as its fill value.
        n_videos: Videos that are planned.
        n_rows: Rows that are planned.
        length: Native frames a segment has at most.
        split_in_use: Gives a split that something in the store was made from, "" for none.
    """

    path: Path
    present: Any
    loose: Any
    n_videos: int
    n_rows: int
    length: int
    split_in_use: Callable[[], str]

    def videos(self, segments: SegmentTable) -> VideoTable:
        """All videos, their status as it follows from the rows."""
        read = self._columns("videos", list(VIDEO_COLUMNS))
        column = read.values
        text = {name: tuple(map(str, column[name])) for name in ("path", "split", "label", "category")}
        text["split"] = tuple(map(splits.stored, text["split"]))
        text["label"] = tuple(map(labels.stored, text["label"]))
        text["category"] = tuple("" if labels.not_known(name) else name for name in text["category"])
        status, reason = _status(segments, [str(r) for r in column["problem"]])
        return VideoTable(
            path=text["path"],
            frames=column["frames"].astype(np.int64),
            fps=column["fps"].astype(np.float64),
            duration_s=column["duration_s"].astype(np.float64),
            bytes=column["bytes"].astype(np.int64),
            split=text["split"],
            label=text["label"],
            category=text["category"],
            events=self._truth(column["events_known"], [k for name, k in read.absent if name == "events_known"]),
            status=status,
            reason=tuple(reason),
            modified_ns=column["modified_ns"],
            digest=tuple(map(str, column["digest"])),
            mask=tuple(map(str, column["mask"])),
        )

    def segments(self) -> SegmentTable:
        """All planned rows, padding left out."""
        column = self._columns("segments", (*SEGMENT_ARRAYS, "reason", *LATER_ARRAYS)).values
        rows = np.flatnonzero(column["status"] != RowStatus.EMPTY).astype(np.int64)
        video, status = column["video"][rows], column["status"][rows]
        if not (
            ((video >= 0) & (video < self.n_videos)).all()
            and (status <= max(RowStatus)).all()
            and (column["unit"][rows] < len(UNITS)).all()
        ):
            raise DamagedError(f"the rows of {self.path} are damaged", got="a video, status or unit that there is not")
        return SegmentTable(
            row=rows,
            video=column["video"][rows].astype(np.int64),
            start_frame=column["start_frame"][rows].astype(np.int64),
            end_frame=column["end_frame"][rows].astype(np.int64),
            start_s=column["start_s"][rows],
            end_s=column["end_s"][rows],
            unit=column["unit"][rows],
            status=column["status"][rows],
            reason=tuple(str(r) for r in column["reason"][rows]),
            source=column["source"][rows],
            missing=column["missing"][rows],
        )

    def files(self) -> tuple[tuple[str, ...], Int64, tuple[str, ...]]:
        """Ids, native frames and problems of all videos; read alone, where the columns of labels may be damaged."""
        column = self._columns("videos", ("path", "frames", "problem")).values
        return tuple(map(str, column["path"])), column["frames"].astype(np.int64), tuple(map(str, column["problem"]))

    def planned_anew(self) -> Int64:
        """Places of the videos some of whose rows were retired."""
        column = self._columns("segments", ("video", "status")).values
        retired: Int64 = np.unique(column["video"][(column["status"] == RowStatus.EMPTY) & (column["video"] >= 0)])
        return retired

    def absent_chunks(self) -> dict[str, tuple[tuple[str, int], ...]]:
        """Table -> (column, place) of its chunks that are not there and count as all fill, as in early stores."""
        return {
            "videos": self._columns("videos", list(VIDEO_COLUMNS)).absent,
            "segments": self._columns("segments", list(SEGMENT_COLUMNS)).absent,
        }

    def _columns(self, table: str, names: Sequence[str]) -> columns.Columns:
        n = self.n_videos if table == "videos" else self.n_rows
        with reading(f"{table} of {self.path}", hint=columns.HINT):
            return columns.read(
                self.present[table],
                self.loose[table],
                self.path,
                names,
                n,
                length=self.length,
                split_in_use=self.split_in_use,
            )

    def _truth(self, known: Bool, absent: Sequence[int]) -> tuple[tuple[Interval, ...] | None, ...]:
        """The events of every video; `absent` are the chunks of `events_known` that are not there."""
        events: list[list[Interval]] = [[] for _ in known]
        for video, start, end in truth.read(self.path, self.present, some_known=bool(known.any())).tolist():
            if video >= len(known):  # of an interrupted plan
                continue
            if video < 0 or video // SHARD_ROWS in absent or not 0 <= start < end:
                raise DamagedError(
                    f"truth or videos/events_known of {self.path} is damaged",
                    got=f"an event at [{start}, {end}) of video {video}",
                    hint=truth.HINT,
                )
            events[video].append(Interval(start, end))
        return tuple(tuple(sorted(e)) if k else None for e, k in zip(events, known, strict=True))


def _status(table: SegmentTable, problem: Sequence[str]) -> tuple[UInt8, list[str]]:
    n = len(problem)
    total = np.bincount(table.video, minlength=n)
    done = np.bincount(table.video[table.status == RowStatus.DONE], minlength=n)
    failed = np.bincount(table.video[table.status == RowStatus.FAILED], minlength=n)
    first = {int(v): r for v, r in zip(table.video[::-1], table.reason[::-1], strict=True) if r}
    status, reason = np.empty(n, np.uint8), list(problem)
    for i in range(n):
        if done[i] + failed[i] < total[i]:
            status[i] = VideoStatus.PLANNED
        elif done[i] == 0:  # also when it has no rows at all: the planner said why
            status[i], reason[i] = VideoStatus.FAILED, first.get(i, problem[i])
        elif failed[i] or problem[i]:
            lost = f"{failed[i]} of {total[i]} segments failed: {first.get(i)}" if failed[i] else ""
            status[i], reason[i] = VideoStatus.PARTIAL, "; ".join(part for part in (problem[i], lost) if part)
        else:
            status[i] = VideoStatus.DONE
    return status, reason
