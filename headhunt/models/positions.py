"""Rotary positions of text and visual tokens on three axes, time, rows and columns, as Qwen2-VL has them.

transformers 5 numbers text after a video wrongly (it leaves the time axis out), so this is our own: text goes on at one
more than the largest position on any axis, as the model was trained.
"""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Bool, Int64
from headhunt.models.grid import Grid


def three_axes(visual: Bool, grid: Grid | None) -> Int64:
    """Positions of a whole input.

    Args:
        visual: bool (t,), which tokens are visual. Each run of them is one video, or one image.
        grid: How they lie, None where there are none. A run of all units is at the grid's times; in a run of fewer, as
            images are, time is counted from 0.

    Returns:
        int64 (3, t).
    """
    out = np.empty((3, len(visual)), np.int64)
    edges = np.flatnonzero(np.diff(visual)) + 1
    position = 0
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), len(visual)], strict=True):
        if start == end:
            continue
        if visual[start]:
            assert grid is not None
            units = (end - start) // (grid.rows * grid.columns)
            times = grid.times if units == grid.units else range(units)
            axes = np.meshgrid(list(times), range(grid.rows), range(grid.columns), indexing="ij")
            out[:, start:end] = position + np.stack(axes).reshape(3, -1)
        else:
            out[:, start:end] = position + np.arange(end - start)
        position = int(out[:, start:end].max()) + 1
    return out
