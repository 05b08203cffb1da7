"""Whether a transport stream is whole: its small packets, which carry those of pictures, follow each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headhunt.arrays import Int64
from headhunt.video.packets import Found

_SIZES = (188, 192, 204)  # bytes of a small packet
_SYNC, _SYNC_AT = 0x47, {188: 0, 192: 4, 204: 0}
_TABLES = (b"\x47\x40\0", b"\x47\x40\x11")  # how a packet starts with which a table begins that comes first
_GAP = 1.5  # times the usual time from packet to packet


def is_torn(path: Path, found: Found) -> bool:
    """Whether a stream ends inside one of its small packets."""
    positions = np.asarray(found.positions, dtype=np.int64)
    return bool(positions[-1] >= 0 and (path.stat().st_size - positions[-1]) % _size(positions))


def has_breaks(path: Path, found: Found) -> bool:
    """Whether a piece of a stream is lost.

    Where recordings were joined counters break off, too: only where small packets are not where they should be, or
    time passed without a key frame behind, is something lost.
    """
    positions = np.asarray(found.positions, dtype=np.int64)
    if np.any(positions < 0) or len(positions) < 2:
        return False
    size = _size(positions)
    shifted = np.diff(positions % size) != 0
    with path.open("rb") as file:
        begins = file.read(_SYNC_AT[size] + 3)[_SYNC_AT[size] :] in _TABLES
    shifted[0] |= begins and positions[0] % size != 0
    if not np.any(found.corrupt):
        return bool(np.any(shifted))
    clock = np.asarray([np.nan if stamp is None else stamp for stamp in found.dts], dtype=np.float64)
    steps = np.diff(clock)
    late = steps > _GAP * np.nanmedian(steps) if np.any(~np.isnan(steps)) else np.zeros(len(steps), dtype=np.bool_)
    doubtful = found.corrupt[:-1] | np.append(False, found.corrupt[:-2])  # some demuxers tell it one packet early
    lost = shifted | (doubtful & late & ~found.keys[1:])
    for place in np.flatnonzero(doubtful & ~lost).tolist():
        lost[place] = not _in_step(path, positions[place], positions[place + 1], size)
    return bool(np.any(lost))


def _size(positions: Int64) -> int:
    """How many bytes a small packet has: nearly all are as far from the beginning as others, but for whole ones."""
    return max(_SIZES, key=lambda size: int(np.bincount(positions[positions >= 0] % size, minlength=1).max()))


def _in_step(path: Path, start: int, end: int, size: int) -> bool:
    """Whether there is a small packet wherever one should be from one place in the file to another."""
    with path.open("rb") as file:
        file.seek(start)
        data = file.read(max(0, end - start))
    return not data[_SYNC_AT[size] :: size].strip(bytes([_SYNC]))
