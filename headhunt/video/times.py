"""When frames are shown, and how many of them have a sure number; knows no file and no decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.video.info import FOLDER_FPS


def presentation_times(
    stamps: Sequence[int | None], places: Int64, tick_s: float, header_fps: float
) -> tuple[Float64, bool]:
    """Times (n,) of frames in presentation order, seconds from the first, and whether the file stores any."""
    known = [stamp for place in places if (stamp := stamps[place]) is not None]
    if len(known) < len(places):
        return np.arange(len(places)) / (header_fps or FOLDER_FPS), False
    first = min(known)
    return np.sort(np.asarray([float(stamp - first) for stamp in known])) * tick_s, True


def is_even(times_s: Float64, tick_s: float) -> bool:
    """Whether frames come at one rate, but for the rounding of times to ticks."""
    steps = np.diff(times_s)
    if not len(steps):
        return True
    typical = np.median(steps)
    return bool(np.all(np.abs(steps - typical) <= max(0.1 * typical, 1.01 * tick_s)))


def numbered_surely(
    places: Int64, shown: Int64, times_s: Float64, tick_s: float, *, timed: bool, ends_early: bool
) -> int:
    """How many frames from the start have a sure number.

    Where a file breaks off, its last frames may be shown behind ones that are lost: frames that overtook others in
    storage are kept there only as far as they follow each other at an even rate.
    """
    n = len(places)
    overtakes = np.searchsorted(shown, places) - np.arange(n)
    sure = max(1, n - max(0, int(overtakes.max())))
    if not timed or not is_even(times_s[:sure], tick_s):
        return sure if ends_early else n
    steps = np.diff(times_s)
    late = steps > max(1.5 * np.median(steps), np.median(steps) + 1.01 * tick_s) if n > 1 else steps > 0
    gaps = np.flatnonzero(late) + 1
    gaps = gaps[gaps >= sure]
    return int(gaps[0]) if len(gaps) else n
