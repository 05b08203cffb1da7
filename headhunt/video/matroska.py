"""Whether a Matroska file is whole: its elements fill each other (RFC 8794, RFC 9559); reads no pictures."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

_HEADER, _SEGMENT, _TRACKS, _CLUSTER = 0x1A45DFA3, 0x18538067, 0x1654AE6B, 0x1F43B675
_OF_ALL = frozenset((0xBF, 0xEC))  # checksum, void
_OF_SEGMENT = _OF_ALL | {_TRACKS, _CLUSTER, 0x114D9B74, 0x1549A966, 0x1C53BB6B, 0x1941A469, 0x1043A770, 0x1254C367}
_SIMPLE_BLOCK, _GROUP, _BLOCK = 0xA3, 0xA0, 0xA1
_OF_CLUSTER = _OF_ALL | {_SIMPLE_BLOCK, _GROUP, 0xE7, 0x5854, 0xA7, 0xAB, 0xAF}
_OPEN = 2**62  # the end of what does not say where it ends
_ENTRY, _NUMBER = 0xAE, 0xD7  # of a track


def ends_inside(path: Path) -> bool:
    """Whether the segment, if the file says where it ends, ends inside the file."""
    with path.open("rb") as file:
        head = file.read(512)
    try:
        segment = _segment(head)
        return segment is None or segment[1] < 0 or segment[1] <= path.stat().st_size
    except (_DamagedError, IndexError):
        return True


def is_whole(path: Path) -> bool:
    """Whether the elements of a file follow each other without a break, and its blocks belong to its tracks."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        segment: tuple[int, int] | None = None
        try:
            segment = _segment(data)
            if segment is None:
                return True  # something stands before it, so nothing is known
            _walk(data, segment[0], min(segment[1], len(data)) if segment[1] >= 0 else _OPEN)
        except _DamagedError:
            return False
        except IndexError:  # the end of the file
            return segment is not None and segment[1] < 0  # a recorder that goes on, or was stopped
    return True


class _DamagedError(Exception):
    """An element that is none, or goes beyond the one that it is in."""


def _walk(data: bytes | mmap.mmap, at: int, end: int) -> None:
    """Go over a segment.

    Raises:
        _DamagedError: It is not whole.
    """
    tracks: set[int] = set()
    open_cluster = False  # one that does not say where it ends
    while at < end:
        kind, start, stop = _element(data, at, end)
        if kind == _CLUSTER:
            open_cluster = stop < 0
            if open_cluster:
                at = start
                continue
            _check_blocks(data, _elements(data, start, stop), tracks)
        elif kind == _TRACKS:
            for entry, begin, behind in _elements(data, start, stop):
                if entry == _ENTRY:
                    numbers = [data[a:b] for k, a, b in _elements(data, begin, behind) if k == _NUMBER]
                    tracks.update(int.from_bytes(number, "big") for number in numbers)
        elif kind not in _OF_SEGMENT:
            if not open_cluster:
                raise _DamagedError
            _check_blocks(data, [(kind, start, stop)], tracks)
        if stop < 0:
            raise _DamagedError
        at = stop


def _check_blocks(
    data: bytes | mmap.mmap, elements: Iterator[tuple[int, int, int]] | list[tuple[int, int, int]], tracks: set[int]
) -> None:
    for kind, start, stop in elements:
        if kind == _GROUP:
            start = next((a for k, a, _ in _elements(data, start, stop) if k == _BLOCK), -1)
            kind = _SIMPLE_BLOCK
        if kind not in _OF_CLUSTER or start < 0:
            raise _DamagedError
        if kind == _SIMPLE_BLOCK and tracks and _number(data, start)[0] not in tracks:
            raise _DamagedError


def _elements(data: bytes | mmap.mmap, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    while at < end:
        kind, start, stop = _element(data, at, end)
        if stop < 0:
            raise _DamagedError
        yield kind, start, stop
        at = stop


def _element(data: bytes | mmap.mmap, at: int, end: int) -> tuple[int, int, int]:
    """The kind of an element, where its content begins and where it ends, -1 where it does not say."""
    first = data[at]
    if first >= 0x80:  # most are blocks of one byte
        kind, at = first, at + 1
    else:
        width = 9 - first.bit_length()
        if width > 4 or at + width >= end:
            raise _DamagedError
        kind, at = int.from_bytes(data[at : at + width], "big"), at + width
    size, start = _number(data, at)
    if start > end or (size >= 0 and start + size > end):
        raise _DamagedError
    return kind, start, start + size if size >= 0 else -1


def _number(data: bytes | mmap.mmap, at: int) -> tuple[int, int]:
    """A number, -1 for the largest, which stands for unknown, and where it ends."""
    if not (first := data[at]):
        raise _DamagedError
    width = 9 - first.bit_length()
    number = int.from_bytes(data[at : at + width], "big") & ((1 << 7 * width) - 1)
    return -1 if number + 1 == 1 << 7 * width else number, at + width


def _segment(data: bytes | mmap.mmap) -> tuple[int, int] | None:
    """Where the segment of a file begins and ends, -1 where it does not say; None where none is found."""
    if len(data) < 64 or data[:4] != _HEADER.to_bytes(4, "big"):
        return None
    length, at = _number(data, 4)
    at += length
    if length < 0 or at + 12 > len(data) or data[at : at + 4] != _SEGMENT.to_bytes(4, "big"):
        return None
    length, at = _number(data, at + 4)
    return at, at + length if length >= 0 else -1
