"""When frames are shown, and how many of them have a sure number; knows no file and no decoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headhunt.arrays import Bool, Float64, Int64
from headhunt.video.info import FOLDER_FPS

_FARTHEST = 2**61  # ticks; what lies beyond is damage, and must not overflow
_FEW_FRAMES = 4
_LOOK_AHEAD = 4  # packets that must agree that times began anew: one alone may have a damaged time
_LONGEST_REORDER = 17  # packets: what is stored with a time far from those of all of these has a damaged one
_FAR = 8  # frames


def seconds(
    stamps: Sequence[int | None], clock: Sequence[int | None], keys: Bool, tick_s: float, fps: float
) -> tuple[Float64, list[int]]:
    """Times of packets, and where recordings after the first begin.

    Recordings that were joined end to end may each count from their own start: times then go on from the end of the
    one before. That they begin anew is seen at a key frame, which in a sound recording is shown behind all that is
    stored before it, and else at the decode times, which never go back.

    Args:
        stamps: Presentation times in ticks, in stored order.
        clock: Decode times in ticks.
        keys: bool (m,), packets of key frames.
        tick_s: Seconds of a tick.
        fps: Frames a second by the header, 0 where it does not say.

    Returns:
        float64 (m,), seconds from the earliest, NaN where a packet has no time; places of packets.
    """
    times = np.full(len(stamps), np.nan)
    known = np.flatnonzero([stamp is not None for stamp in stamps])
    if not len(known):
        return times, []
    ticks = np.asarray([stamp for stamp in stamps if stamp is not None], dtype=np.int64).clip(-_FARTHEST, _FARTHEST)
    decode = np.asarray([np.nan if c is None else c for c in clock], dtype=np.float64)[known]
    rate = round(1 / (fps * tick_s)) if fps * tick_s > 0 else _FARTHEST
    damaged = _strays(ticks, rate)
    ticks, decode, known = ticks[~damaged], decode[~damaged], known[~damaged]
    # A stream that counts 90,000 ticks a second in 33 bits: what begins anew may have been taken for a new turn.
    leap = 2**32 if abs(tick_s * 90_000 - 1) < 1e-9 else _FARTHEST
    ticks, starts = _joined(ticks, decode, keys[known], known, rate=rate, leap=leap)
    times[known] = (ticks - ticks.min()) * tick_s
    return times, known[starts].tolist()


def _strays(ticks: Int64, rate: int) -> Bool:
    """Bool (k,), times that stray from all around them; the last ones may begin something new."""
    strays, steps = np.zeros(len(ticks), dtype=np.bool_), np.diff(np.unique(ticks))
    far = _FAR * (min(int(np.median(steps)), rate) if len(steps) else rate)
    leaps = np.abs(np.diff(ticks))
    for i in np.flatnonzero(np.minimum(np.append(leaps[:1], leaps), np.append(leaps, 0)) > far).tolist():
        before, behind = ticks[max(0, i - _LONGEST_REORDER) : i], ticks[i + 1 : i + 1 + _LONGEST_REORDER]
        around = np.concatenate([before, behind])
        if len(behind) < _LONGEST_REORDER:
            continue
        in_order = ticks[i] <= np.median(behind) and (not len(before) or ticks[i] >= np.median(before))
        distance = np.abs(around - ticks[i]).min()
        strays[i] = not in_order and distance > max(
            far, np.subtract(*np.percentile(around, [75, 25]))
        )  # others may stray, too
    return strays


def _joined(
    ticks: Int64, decode: Float64, keys: Bool, places: Int64, *, rate: int, leap: int
) -> tuple[Int64, list[int]]:
    """Ticks that do not begin anew, neither back nor by a `leap`, and where they did."""
    highest, gaps = np.maximum.accumulate(ticks), np.diff(places) - 1
    falls = (ticks[1:] < highest[:-1]) & (keys[1:] | (np.diff(decode) < 0))
    if not np.any(falls | (gaps > 0) | (np.diff(highest) > leap)):
        return ticks, []
    steps = np.diff(np.unique(ticks))
    step = min(int(np.median(steps)), rate) if len(steps) else rate % _FARTHEST
    starts = _beginnings(ticks.tolist(), decode.tolist(), keys.tolist(), [0, *gaps.tolist()], step, leap)
    joined, end = ticks.copy(), int(ticks.min())
    for part, last in zip(np.split(joined, starts), [*(start - 1 for start in starts), 0], strict=True):
        part += end - part.min()
        end = int(part.max()) + step * int(places[last + 1] - places[last] if last + 1 < len(places) else 1)
    return joined, starts


def _beginnings(
    ticks: list[int], decode: list[float], keys: list[bool], gaps: list[int], step: int, leap: int
) -> list[int]:
    """Where recordings after the first begin; `gaps` are how many packets without a time lie before each."""
    starts: list[int] = []
    highest, latest, slack = ticks[0], decode[0], 1.5 * step
    for i in range(1, len(ticks)):
        ahead = sorted(ticks[i : i + _LOOK_AHEAD])
        since = step * gaps[i] / 2  # packets without a time take some too
        behind = highest + since
        falls = ticks[i] < behind - slack and (keys[i] or decode[i] < latest - slack)
        if falls:  # not because one before it was damaged
            last = starts[-1] if starts else 0
            before = sorted(ticks[max(last, i - _LOOK_AHEAD) : i])
            falls = before[-2:][0] + since >= min(ahead[0], behind - slack)
            falls = falls and (keys[i] or i - last + sum(gaps[last + 1 : i + 1]) >= _LOOK_AHEAD)
        if (falls and ahead[(len(ahead) - 1) // 2] < behind) or ahead[0] > highest + leap:
            starts.append(i)
            highest, latest = ticks[i], decode[i]
        highest = max(highest, ticks[i])
        latest = latest if decode[i] < latest else decode[i]
    return starts


def spread(times_s: Float64, fps: float) -> Float64:
    """Times (n,) of frames in presentation order, never decreasing, from those of their packets.

    One that is not known (NaN) lies evenly between its neighbours, or goes on at the rate. Where most are not known,
    those that are may belong to a neighbour: all keep to the rate if these do, but for a few frames.
    """
    known, places, step = np.flatnonzero(~np.isnan(times_s)), np.arange(len(times_s)), 1 / (fps or FOLDER_FPS)
    if not len(known):
        return np.asarray(places * step, dtype=np.float64)
    sure = np.sort(times_s[known])
    if fps and len(known) < len(times_s) / 2:
        late = sure - known * step
        if np.ptp(late) <= _FEW_FRAMES * step:
            return np.asarray(late[0] + places * step, dtype=np.float64)
    before, behind = np.minimum(places - known[0], 0), np.maximum(places - known[-1], 0)
    return np.asarray(np.interp(places, known, sure) + step * (before + behind), dtype=np.float64)


def is_even(times_s: Float64, tick_s: float) -> bool:
    """Whether frames come at one rate, but for the rounding of times to ticks."""
    steps = np.diff(times_s)
    if not len(steps):
        return True
    typical = np.median(steps)
    return bool(np.all(np.abs(steps - typical) <= max(0.1 * typical, 1.01 * tick_s)))


def numbered_surely(places: Int64, shown: Int64, times_s: Float64, tick_s: float, *, timed: bool) -> int:
    """How many frames from the start have a sure number in a file that breaks off.

    Its last frames may be shown behind ones that are lost: frames that overtook others in storage are kept there only
    as far as they follow each other at an even rate.
    """
    n = len(places)
    overtakes = np.searchsorted(shown, places) - np.arange(n)
    sure = max(1, n - max(0, int(overtakes.max())))
    if not timed or not is_even(times_s[:sure], tick_s):
        return sure
    steps = np.diff(times_s)
    late = steps > max(1.5 * np.median(steps), np.median(steps) + 1.01 * tick_s) if n > 1 else steps > 0
    gaps = np.flatnonzero(late) + 1
    gaps = gaps[gaps >= sure]
    return int(gaps[0]) if len(gaps) else n
