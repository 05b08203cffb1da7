"""The packets of a file as its container has them, read once in stored order; decodes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from headhunt.arrays import Bool, Int64
from headhunt.video import claims, pictures
from headhunt.video.decode import read_packets

_INDEXED = frozenset(("avi", "mp4", "matroska"))  # formats whose index tells key frames
_CUT = (pictures.INSIDE, pictures.BROKEN)


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
        corrupt: bool, packets of which the container says that a part is not there.
        discard: bool, packets outside the edit list.
        durations: Ticks, 0 where not known.
        content: int64, what each holds, of `pictures`.
        turned: Whether a packet has a message on its orientation.
        start: How the recording begins, of `pictures`.
        alone: The place of the first packet that leans on no other, -1 where none is known.
        n_read: How many were read, the ones at the end that it cuts included.
        n_lost: How many of them are in the index alone.
    """

    pts: Sequence[int | None]
    dts: Sequence[int | None]
    positions: Sequence[int]
    keys: Bool
    corrupt: Bool
    discard: Bool
    durations: Int64
    content: Int64
    turned: bool
    start: int
    alone: int
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
    alone = -1
    for packet in read_packets(container, video):
        content = pictures.SHOWN if judge is None else judge(packet)
        if start is None and content & ~pictures.TURNED not in (pictures.EMPTY, pictures.HIDDEN):
            start = _start_of(container, video, packet)
        if start and alone < 0 and start in _CUT and pictures.stands_alone(video, packet):
            alone = len(rows)
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
    n_read, n_lost, first = len(rows), 0, rows[alone].position if alone >= 0 else -1
    if container.format.name == "avi":
        rows, n_lost = _with_lost(rows, video)
        n_read += n_lost
        alone = next((place for place, row in enumerate(rows) if alone >= 0 and row.position == first), -1)
    while rows and rows[-1].corrupt:  # a last packet that the end of the file cuts
        rows.pop()
    pts, dts, positions, keys, corrupt, discard, durations, contents = zip(*rows, strict=True) if rows else ((),) * 8
    judged = np.asarray(contents, dtype=np.int64)
    return Found(
        pts=pts,
        dts=dts,
        positions=positions,
        keys=np.asarray(keys, dtype=np.bool_),
        corrupt=np.asarray(corrupt, dtype=np.bool_),
        discard=np.asarray(discard, dtype=np.bool_),
        durations=np.asarray(durations, dtype=np.int64),
        content=judged & ~pictures.TURNED,
        turned=bool(np.any(judged & pictures.TURNED)),
        start=start or pictures.FRESH,
        alone=alone,
        n_read=n_read,
        n_lost=n_lost,
    )


def _start_of(container: InputContainer, video: VideoStream, packet: Packet[VideoStream]) -> int:
    """How a recording begins whose first picture is in this packet, of `pictures`."""
    start = pictures.start_of(video, packet)
    if start == pictures.INSIDE and not packet.is_keyframe:
        aligned = claims.stores_no_times(container)
        if _is_marked(container, video, packet) or not pictures.is_whole(video, packet, aligned=aligned):
            return pictures.BROKEN
    return start


def _is_marked(container: InputContainer, video: VideoStream, packet: Packet[VideoStream]) -> bool:
    """Whether the index of a file has its first packet, or one before it, for a key frame."""
    names, entries = container.format.name, video.index_entries
    stamps = [stamp for stamp in (packet.pts, packet.dts) if stamp is not None]
    if not (_INDEXED & set(names.split(","))) or not len(entries) or not stamps:
        return False
    # An index that has every packet for a key frame was written by one who does not know them.
    tells = "matroska" in names or not all(entry.is_keyframe for entry in entries)
    return tells and entries[0].is_keyframe and entries[0].timestamp <= max(stamps)


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
