"""How stored pictures are brought upright: one of eight ways, from a display matrix; knows no file."""

from __future__ import annotations

import math
from typing import Any, NamedTuple, cast

import numpy as np
from av.video.frame import VideoFrame

from headhunt.arrays import UInt8


class Orientation(NamedTuple):
    """What brings a stored picture upright: it is mirrored left to right, and then turned.

    Attributes:
        quarters: Quarter turns counter-clockwise, 0 to 3.
        mirrored: Whether it is mirrored first.
        off_by: Degrees that the quarter turns leave.
    """

    quarters: int = 0
    mirrored: bool = False
    off_by: float = 0.0

    @property
    def code(self) -> int:
        """A number from 0 to 7."""
        return self.quarters + 4 * self.mirrored

    def apply(self, pixels: UInt8) -> UInt8:
        """Bring (H, W, 3) upright."""
        return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.quarters))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of a picture that is stored with these, upright."""
        return (height, width) if self.quarters % 2 else (width, height)


def from_code(code: int) -> Orientation:
    """The orientation that a code stands for."""
    return Orientation(code % 4, code >= 4)


def told(frame: VideoFrame) -> Orientation | None:
    """The orientation that a decoded frame carries, None where it carries none."""
    try:
        data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:  # PyAV knows no name for a kind of side data that is there too
        return Orientation(round(frame.rotation / 90) % 4) if frame.rotation else None
    if data is None:
        return None
    return from_matrix(np.frombuffer(bytes(cast(Any, data)), np.int32).tolist())


def from_matrix(matrix: list[int]) -> Orientation:
    """The orientation of a display matrix (9 values, row after row, as in ISO 14496-12).

    A stored point (x, y), y downwards, is shown at (a x + c y, b x + d y) of the matrix a b . c d . : where its
    determinant is negative the picture is mirrored.
    """
    a, b, _, c, d = matrix[:5]
    if not (a or b) or not (c or d):
        return Orientation()  # it would leave nothing of the picture
    mirrored = a * d - b * c < 0
    angle = -math.degrees(math.atan2(-b, -a) if mirrored else math.atan2(b, a))
    quarters = round(angle / 90)
    return Orientation(quarters % 4, mirrored, round(angle - 90 * quarters, 1))
