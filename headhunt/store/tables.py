"""/videos and /segments as columns; opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from headhunt.arrays import Bool, Float64, Int64, UInt8
from headhunt.records import Interval
from headhunt.store.layout import UNITS, RowStatus

SEGMENT_ARRAYS = ("video", "start_frame", "end_frame", "start_s", "end_s", "unit", "status")
"""The numbers of a row of /segments, under the same names in the store and in `SegmentTable`."""
LATER_ARRAYS = ("missing", "source")
"""Those that stores made before they were thought of have not."""


@dataclass(frozen=True)
class VideoTable:
    """/videos as columns, one entry a video; `status` and `reason` are worked out from the rows as they are now."""

    path: tuple[str, ...]
    frames: Int64
    fps: Float64
    duration_s: Float64
    bytes: Int64
    split: tuple[str, ...]
    label: tuple[str, ...]
    category: tuple[str, ...]
    events: tuple[tuple[Interval, ...] | None, ...]
    status: UInt8
    reason: tuple[str, ...]
    modified_ns: Int64
    digest: tuple[str, ...]
    mask: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.path)

    @property
    def abnormal(self) -> tuple[bool | None, ...]:
        """True, False, or None when a video has no label."""
        return tuple(self.abnormal_at(index) for index in range(len(self)))

    def abnormal_at(self, index: int) -> bool | None:
        """The same of one video."""
        return None if self.label[index] == "" else self.label[index] != "normal"


@dataclass(frozen=True)
class SegmentTable:
    """The planned rows of /segments as columns; `row` is their place in the feature arrays.

    `source` is the row that a row's features were taken from because it looks the same, -1 for a row's own; `missing`
    is how many of its frames were replaced by others because they cannot be decoded.
    """

    row: Int64
    video: Int64
    start_frame: Int64
    end_frame: Int64
    start_s: Float64
    end_s: Float64
    unit: UInt8
    status: UInt8
    reason: tuple[str, ...]
    source: Int64
    missing: Int64

    def __len__(self) -> int:
        return len(self.row)

    def where(self, mask: Bool) -> SegmentTable:
        """The rows where `mask` (n,) is true."""
        return self.take(np.flatnonzero(mask))

    def take(self, index: Int64) -> SegmentTable:
        """The rows at these places of the table, in this order."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in ("row", *SEGMENT_ARRAYS, *LATER_ARRAYS)}
        return SegmentTable(**columns, reason=tuple(self.reason[i] for i in index))

    def of_unit(self, unit: str) -> SegmentTable:
        """The rows of one unit, "segment" or "video"."""
        return self.where(self.unit == UNITS.index(unit))

    def done(self) -> SegmentTable:
        """The rows that hold features."""
        return self.where(self.status == RowStatus.DONE)
