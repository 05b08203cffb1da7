"""The packets of a file as its container has them, read once in stored order; decodes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from av.container import InputContainer
from av.video.stream import VideoStream

from headhunt.arrays import Bool, Int64
from headhunt.video import pictures
from headhunt.video.decode import read_packets


class Row(NamedTuple):
    """One packet as read: a line of `Found`."""

    pts: int | None
    dts: int | None
    position: int
    key: bool
    corrupt: bool
    discard: bool
    duration: int
    content: int


@dataclass(frozen=True, eq=False)
class Found:
    """Packets of a video stream, columns (m,) in stored order.

    Attributes:
        pts: Presentation times in ticks, None where there is none.
        dts: Decode times in ticks, None where there is none.
        positions: Bytes in the file, -1 where not known.
        keys: bool, packets of key frames.
        discard: bool, packets outside the edit list.
        durations: Ticks, 0 where not known.
        content: int64, what each holds, of `pictures`.
        turned: Whether a packet has a message on its orientation.
        start: How the recording begins, of `pictures`.
        n_read: How many were read, the ones at the end that it cuts included.
        n_lost: How many of them are in the index alone.
    """

    pts: Sequence[int | None]
    dts: Sequence[int | None]
    positions: Sequence[int]
    keys: Bool
    discard: Bool
    durations: Int64
    content: Int64
    turned: bool
    start: int
    n_read: int
    n_lost: int

    def __len__(self) -> int:
        return len(self.positions)

    def holds(self, *kinds: int) -> Bool:
        """Bool (m,), packets of these kinds that the edit list leaves in."""
        return np.isin(self.content, kinds) & ~self.discard

    def stamps(self) -> Int64:
        """int64 (m,), a time in ticks to seek each packet by: its own, or of one before it."""
        stamps, last = [], 0
        for pts, dts in zip(self.pts, self.dts, strict=True):
            last = dts if dts is not None else pts if pts is not None else last
            stamps.append(last)
        return np.asarray(stamps, dtype=np.int64)


def read(container: InputContainer, video: VideoStream) -> Found:
    """Read all packets of a stream."""
    judge = pictures.judge(video)
    rows: list[Row] = []
    start: int | None = None
    for packet in read_packets(container, video):
        content = pictures.SHOWN if judge is None else judge(packet)
        if start is None and content & ~pictures.TURNED not in (pictures.EMPTY, pictures.HIDDEN):
            start = pictures.start_of(video, packet)
        at = packet.pos
        rows.append(
            Row(
                packet.pts,
                packet.dts,
                -1 if at is None else at,
                packet.is_keyframe,
                packet.is_corrupt,
                packet.is_discard,
                packet.duration or 0,
                content,
            )
        )
    n_read, n_lost = len(rows), 0
    if container.format.name == "avi":
        rows, n_lost = _with_lost(rows, video)
        n_read += n_lost
    while rows and rows[-1].corrupt:  # a last packet that the end of the file cuts
        rows.pop()
    pts, dts, positions, keys, _, discard, durations, contents = zip(*rows, strict=True) if rows else ((),) * 8
    judged = np.asarray(contents, dtype=np.int64)
    return Found(
        pts=pts,
        dts=dts,
        positions=positions,
        keys=np.asarray(keys, dtype=np.bool_),
        discard=np.asarray(discard, dtype=np.bool_),
        durations=np.asarray(durations, dtype=np.int64),
        content=judged & ~pictures.TURNED,
        turned=bool(np.any(judged & pictures.TURNED)),
        start=start or pictures.FRESH,
        n_read=n_read,
        n_lost=n_lost,
    )


def _with_lost(rows: list[Row], video: VideoStream) -> tuple[list[Row], int]:
    """The packets of an AVI file with those that its index has and reading missed, and how many these are.

    An AVI packet has no time but its place, so one whose header is damaged would shift all behind it.
    """
    index = {entry.pos + 8: entry.timestamp for entry in video.index_entries}  # a chunk's data follow 8 bytes of header
    if not rows or any(row.position not in index for row in rows):
        return rows, 0
    read = {row.position: row for row in rows}
    complete = [
        read.get(position, Row(None, 0, position, False, False, False, 0, pictures.SHOWN))._replace(dts=place)
        for position, place in index.items()
        if position <= rows[-1].position
    ]
    return complete, len(complete) - len(rows)
