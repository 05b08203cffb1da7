"""Whether a transport stream is whole: its small packets, which carry those of pictures, follow each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headhunt.video.packets import Found

_SIZES = (188, 192, 204)  # bytes of a small packet
_SYNC, _SYNC_AT = 0x47, {188: 0, 192: 4, 204: 0}
_TABLES = (b"\x47\x40\0", b"\x47\x40\x11")  # how a packet starts with which a table begins that comes first
_GAP = 1.5  # times the usual time from packet to packet


def is_torn(path: Path) -> bool:
    """Whether a stream ends inside one of its small packets."""
    with path.open("rb") as file:
        head = file.read(1024)
    for size in _SIZES:
        marks = head[_SYNC_AT[size] :: size]
        if marks and not marks.strip(bytes([_SYNC])):
            return path.stat().st_size % size != 0
    return False  # it does not begin with a packet, so nothing is known of its end


def count_breaks(path: Path, found: Found) -> int:
    """At how many places a piece of a stream is lost.

    Where recordings were joined counters break off, too: only where small packets are not where they should be, or
    time passed without a key frame behind, is something lost.
    """
    positions = np.asarray(found.positions, dtype=np.int64)
    if np.any(positions < 0) or len(positions) < 2:
        return 0
    size = max(_SIZES, key=lambda size: np.bincount(positions % size).max())
    shifted = np.diff(positions % size) != 0
    with path.open("rb") as file:
        begins = file.read(_SYNC_AT[size] + 3)[_SYNC_AT[size] :] in _TABLES
    shifted[0] |= begins and positions[0] % size != 0
    clock = np.asarray([np.nan if stamp is None else stamp for stamp in found.dts], dtype=np.float64)
    steps = np.diff(clock)
    late = steps > _GAP * np.nanmedian(steps) if np.any(~np.isnan(steps)) else np.zeros(len(steps), dtype=np.bool_)
    doubtful = found.corrupt[:-1] | np.append(False, found.corrupt[:-2])  # some demuxers tell it one packet early
    lost = shifted | (doubtful & late & ~found.keys[1:])
    for place in np.flatnonzero(doubtful & ~lost).tolist():
        lost[place] = not _in_step(path, positions[place], positions[place + 1], size)
    return int(np.sum(lost & ~np.append(False, lost[:-1])))


def _in_step(path: Path, start: int, end: int, size: int) -> bool:
    """Whether there is a small packet wherever one should be from one place in the file to another."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(end - start)
    return not data[0::size].strip(bytes([_SYNC]))
