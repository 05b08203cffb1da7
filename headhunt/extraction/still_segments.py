"""Which segments of a shard need no pass because nothing moved since the last one that was computed.

Each segment is compared with the last computed segment of the same video in the same shard, never with a reused one, so
slow changes add up and are noticed. The first segment of a video in a shard is always computed, and so are whole-video
rows: a shard's rows depend on no other shard, whoever computes it and in whatever order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from headhunt.arrays import UInt8
from headhunt.extraction import still
from headhunt.store import RowStatus, SegmentTable


class StillSegments:
    """Finds the row whose features a segment can take.

    Args:
        bound: Largest `still.difference` at which a segment is taken for still, grey levels; None computes everything.
        table: The rows of one shard.
        pending: Those of them that are to be had.
    """

    def __init__(self, bound: float | None, table: SegmentTable, pending: Sequence[int]) -> None:
        self.bound = bound
        self._video: Mapping[int, int] = {}
        self.references: frozenset[int] = frozenset()
        if bound is not None:
            parts = table.of_unit("segment")
            self._video = dict(zip(parts.row.tolist(), parts.video.tolist(), strict=True))
            self.references = _references(parts, set(pending))
        self._last: tuple[int, int, UInt8] | None = None

    def refer(self, row: int, pixels: UInt8 | str) -> None:
        """Take a row that was computed in an earlier run as the last one; or none, where it cannot be decoded again."""
        self._last = None if isinstance(pixels, str) else (self._video[row], row, pixels)

    def source(self, row: int, pixels: UInt8) -> int | None:
        """The row that this one can take its features from, or None when it has to be computed."""
        video = self._video.get(row)
        if self.bound is None or video is None:
            return None
        if self._last is not None:
            seen, source, shown = self._last
            if seen == video and still.difference(pixels, shown) <= self.bound:
                return source
        self._last = (video, row, pixels)
        return None


def _references(parts: SegmentTable, pending: set[int]) -> frozenset[int]:
    """Rows of earlier runs that a pending row is compared with: the last computed one, no pending one after it."""
    found = set()
    for place, row in enumerate(parts.row.tolist()):
        if row not in pending:
            continue
        for before in range(place - 1, -1, -1):
            if parts.video[before] != parts.video[place] or int(parts.row[before]) in pending:
                break
            if parts.status[before] == RowStatus.DONE and parts.source[before] < 0:
                found.add(int(parts.row[before]))
                break
    return frozenset(found)
