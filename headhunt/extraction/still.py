"""How much two segments differ to look at: pixels in, a number out; it knows no model and no store."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import UInt8
from headhunt.errors import InputError

BLOCK = 8
BOUND = 3.0
"""Grey levels. Empty scenes of the demo's world (sensor noise 2.5, at night 5.0, encoded) stay below 2.7 at the
embedded model's tile of 56 pixels, scenes with people in them begin at 10. Where noisy video is enlarged to the tile,
noise does not average out: enlarged from 192 x 144 to 448 pixels, empty ones reach 9.6, those with people begin at 46.
"""


def difference(one: UInt8, other: UInt8) -> float:
    """How much two segments differ where they differ most.

    For each frame and each block of 8 x 8 pixels the mean absolute difference over the block's pixels and channels is
    taken, and of these the largest: the mean over a whole frame would not notice a small person.

    Args:
        one: uint8 (f, 3, height, width), resized frames.
        other: The corresponding frames of the other segment, of the same shape.

    Returns:
        Grey levels, in [0, 255].

    Raises:
        InputError: The shapes differ.
    """
    if one.shape != other.shape:
        raise InputError("segments of different shapes cannot be compared", got=f"{one.shape} and {other.shape}")
    apart = np.maximum(one, other) - np.minimum(one, other)
    height, width = apart.shape[-2:]
    sums = np.add.reduceat(apart, np.arange(0, height, BLOCK), axis=-2, dtype=np.uint32)
    sums = np.add.reduceat(sums, np.arange(0, width, BLOCK), axis=-1).sum(axis=-3)
    rows = np.diff(np.append(np.arange(0, height, BLOCK), height))
    columns = np.diff(np.append(np.arange(0, width, BLOCK), width))
    return float((sums / (apart.shape[-3] * rows[:, None] * columns)).max())
