"""The units that a packet of H.264 or HEVC is made of, and whether they are what a sound recording has.

A damaged picture must not pass for a packet without one, nor a damaged start for one that was cut off: what counts as
empty or as cut off has to be whole in every unit. It knows no other codec and no stream.
"""

from __future__ import annotations

from collections.abc import Iterator

from headhunt.video.bits import is_hevc_sequence, is_message, read_sequence

_LONGEST_SET = 512  # bytes of a parameter set
_H264_LONGEST = {8: 64, 9: 2, 10: 1, 11: 1}  # picture parameter set, delimiter, ends of sequence and stream
_HEVC_LONGEST = {34: 128, 35: 3, 36: 2, 37: 2}


def length_bytes(codec: str, extradata: bytes) -> int:
    """How many bytes the length before each unit has; 0 where units stand behind start codes."""
    at = 4 if codec == "h264" else 21
    return (extradata[at] & 3) + 1 if extradata[:1] == b"\1" and len(extradata) > at + 1 else 0


def units(data: bytes, width: int) -> Iterator[tuple[int, int]]:
    """Where the units of a packet lie, each behind its length or a start code."""
    at = 0 if width else data.find(b"\0\0\1") + 3
    while width and at + width < len(data):
        size = int.from_bytes(data[at : at + width], "big")
        yield at + width, min(len(data), at + width + size)
        at += width + max(1, size)
    while not width and 3 <= at < len(data):
        behind = data.find(b"\0\0\1", at)
        yield at, len(data) if behind < 0 else behind
        at = behind + 3


def kind_of(codec: str, first_byte: int) -> int:
    """The kind of a unit."""
    return first_byte & 31 if codec == "h264" else first_byte >> 1 & 63


def are_whole(codec: str, data: bytes, width: int, *, strict: bool = True) -> bool:
    """Whether units fill a packet and each that is no picture is sound; of a picture little can be said.

    Args:
        codec: "h264" or "hevc".
        data: The packet.
        width: Of `length_bytes`.
        strict: Whether messages have to end as they should, which those of some cameras do not.
    """
    places = list(units(data, width))
    if not places:
        return False
    if width:
        sizes = [int.from_bytes(data[start - width : start], "big") for start, _ in places]
        fills = sum(sizes) + width * len(sizes) == len(data)
    else:
        fills = not data[: places[0][0] - 3].strip(b"\0")
    delimited = False  # a delimiter comes first, so a second one has a picture before it
    for start, end in places:
        unit = data[start:end].rstrip(b"\0")
        if not unit or unit[0] & 128:
            return False
        kind = kind_of(codec, unit[0])
        delimits = kind == (9 if codec == "h264" else 35)
        if (delimits and delimited) or not _is_whole(codec, kind, unit, strict=strict):
            return False
        delimited = delimits or (delimited and not is_picture(codec, kind))
    return fills


def is_picture(codec: str, kind: int) -> bool:
    """Whether a unit of this kind holds (a part of) a picture."""
    return 1 <= kind <= 5 if codec == "h264" else kind < 32


def _is_whole(codec: str, kind: int, unit: bytes, *, strict: bool) -> bool:
    if kind in ({6} if codec == "h264" else {39, 40}):
        return is_message(unit[1 if codec == "h264" else 2 :], ended=strict)
    # Nothing inside looks like what stands between units.
    apart = b"\0\0\0" not in unit and b"\0\0\2" not in unit
    return apart and (_h264_is_whole(kind, unit) if codec == "h264" else _hevc_is_whole(kind, unit))


def _h264_is_whole(kind: int, unit: bytes) -> bool:
    if kind == 7:
        return len(unit) <= _LONGEST_SET and read_sequence(unit) is not None
    if kind == 12:
        return unit[1:].strip(b"\xff") == b"\x80"
    if kind in _H264_LONGEST:
        return len(unit) <= _H264_LONGEST[kind]
    return kind not in {0, 21, 22, 23}  # reserved; recorders have units of their own behind


def _hevc_is_whole(kind: int, unit: bytes) -> bool:
    if len(unit) < 2 or not unit[1] & 7:
        return False
    if kind == 32:
        return len(unit) <= _LONGEST_SET and unit[4:6] == b"\xff\xff"  # reserved bits, ITU-T H.265 section 7.3.2.1
    if kind == 33:
        return len(unit) <= _LONGEST_SET and is_hevc_sequence(unit)
    if kind == 38:
        return unit[2:].strip(b"\xff") == b"\x80"
    if kind in _HEVC_LONGEST:
        return len(unit) <= _HEVC_LONGEST[kind]
    return kind < 10 or 16 <= kind <= 21 or kind >= 48
