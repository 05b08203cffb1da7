"""What the bytes of a packet say of its picture: whether it holds one, all of it, and how it is to be turned.

Nothing is decoded: a look at the first bytes tells the packets that are sure to give one frame each from those of which
only the decoder knows. It knows no file, no times and no numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import av
from av.codec.codec import Properties
from av.packet import Packet
from av.video.stream import VideoStream

from headhunt.video.bits import (
    Sequence,
    mpeg4_is_coded,
    mpeg4_time_bits,
    read_field,
    read_sequence,
    sequences_of,
    turns,
)
from headhunt.video.units import are_whole, is_picture, kind_of, length_bytes, units

SHOWN = 0  # a picture, and so a frame
HIDDEN = 1  # a reference that is never shown
EMPTY = 2  # surely no picture: parameter sets, the end of a sequence, all sound; what is damaged counts as a picture
FIELD = 3  # half a frame, as a rule
UNSURE = 4  # only the decoder knows: it may not be coded
LEADING = 5  # only the decoder knows: it may lean on what came before the key frame that it is shown before
ASKED = (EMPTY, FIELD, UNSURE, LEADING)  # the decoder says what they show
FRESH = 0  # nothing at the start can lean on what came before it
OPEN = 1  # a key frame, but what is shown before it may lean on what came before
INSIDE = 2  # inside a group of pictures: nothing is whole before the decoder says so
BROKEN = 3  # damaged: nothing is whole before the decoder says so, and what came before that is lost, not cut off
TURNED = 8  # added to the others: a message tells the orientation

Judge = Callable[["Packet[VideoStream]"], int]

_INTRA_ONLY = cast(int, Properties.INTRA_ONLY.value)
_KNOW_THEIR_START = frozenset(("av1", "h264", "hevc", "mpeg1video", "mpeg2video", "vp8", "vp9"))
_CLEAN_RANDOM_ACCESS = 21  # a key frame of HEVC whose leading pictures may lean on what came before
_SHORTEST_PICTURE = 8  # bytes
_LONGEST_UNCODED = 19  # bytes of an MPEG-4 picture that is not coded
_MPEG4_LONGEST = {  # bytes of each header, its kind included; a writer's own text is of any length
    **dict.fromkeys(range(0x20), 4),
    **dict.fromkeys(range(0x20, 0x30), 64),
    0xB0: 4,
    0xB3: 6,
    0xB5: 12,
}
_MPEG2_HEADERS = (b"\xb2", b"\xb3", b"\xb5", b"\xb7", b"\xb8")  # ISO 13818-2 table 6-1
_HEAD = 1024  # bytes within which a picture begins as a rule


def judge(video: VideoStream) -> Judge | None:
    """What judges the packets of a stream, in stored order; None where each is one shown picture."""
    codec = video.codec_context.codec
    if codec.properties & _INTRA_ONLY or codec.canonical_name == "av1":
        return None
    name, extradata = codec.canonical_name, video.codec_context.extradata or b""
    if name in _WITH_HEADERS:
        return _WITH_HEADERS[name](extradata)
    return _JUDGES.get(name, _unknown)


def knows_start(codec: av.Codec) -> bool:
    """Whether a decoder itself drops pictures that lean on what came before the first packet."""
    return bool(codec.properties & _INTRA_ONLY) or codec.canonical_name in _KNOW_THEIR_START


def start_of(video: VideoStream, packet: Packet[VideoStream]) -> int:
    """How a recording begins whose first picture is in this packet: FRESH, OPEN or INSIDE."""
    codec = video.codec_context.codec.canonical_name
    if not packet.is_keyframe:
        return INSIDE
    if codec not in {"h264", "hevc"}:
        return OPEN if codec in {"mpeg1video", "mpeg2video", "mpeg4"} else FRESH
    kind = _first_picture(codec, bytes(packet), length_bytes(codec, video.codec_context.extradata or b""))
    return INSIDE if kind == (1 if codec == "h264" else _CLEAN_RANDOM_ACCESS) else FRESH


def stands_alone(video: VideoStream, packet: Packet[VideoStream]) -> bool:
    """Whether a packet holds a picture that surely leans on no other."""
    codec = video.codec_context.codec.canonical_name
    if not packet.is_keyframe or codec not in {"h264", "hevc"}:
        return packet.is_keyframe
    kind = _first_picture(codec, bytes(packet), length_bytes(codec, video.codec_context.extradata or b""))
    return kind == 5 if codec == "h264" else 16 <= kind <= _CLEAN_RANDOM_ACCESS


def is_whole(video: VideoStream, packet: Packet[VideoStream], *, aligned: bool) -> bool:
    """Whether a packet is made of what a sound one is made of, as far as that can be seen.

    Args:
        video: Its stream.
        packet: The packet.
        aligned: Whether it has to begin with a unit.
    """
    codec, data = video.codec_context.codec.canonical_name, bytes(packet)
    if codec not in {"h264", "hevc"}:
        return True
    width = length_bytes(codec, video.codec_context.extradata or b"")
    begin = 0 if aligned or width else max(0, data.find(b"\0\0\1"))
    return are_whole(codec, data[begin:], width, strict=False)


def _first_picture(codec: str, data: bytes, width: int) -> int:
    """The kind of the first unit that holds a picture, -1 where there is none."""
    kinds = (kind_of(codec, data[at]) for at, _ in units(data, width))
    return next((kind for kind in kinds if is_picture(codec, kind)), -1)


def _h264(extradata: bytes) -> Judge:
    width = length_bytes("h264", extradata)
    known: dict[bytes, Sequence | None] = {}
    latest: Sequence | None = None

    def learn(unit: bytes) -> None:
        nonlocal latest
        if unit not in known:
            known[unit] = read_sequence(unit.rstrip(b"\0"))
        latest = known[unit] or latest

    for unit in sequences_of(extradata, width):
        learn(unit)
    first = width or 4  # most often the start code is of four bytes

    def look(data: bytes) -> int:
        turned = 0
        for start, end in units(data, width):
            kind = data[start] & 31
            if 1 <= kind <= 5:
                field = latest and not latest.frames_only and read_field(data[start + 1 : start + 24], latest)
                return (FIELD if field else SHOWN) + turned
            if kind == 7:
                learn(data[start:end])
            elif kind == 6 and turns(data[start + 1 : end]):
                turned = TURNED
            elif not 6 <= kind <= 12:
                return SHOWN
        return EMPTY + turned

    def judge_packet(packet: Packet[VideoStream]) -> int:
        data = memoryview(packet)
        if (
            len(data) > first + 1
            and (width or (data[3] == 1 and data[2] == 0))
            and data[first] & 31 in (1, 5)
            and (latest is None or latest.frames_only)
        ):
            return SHOWN
        return _surely(look, "h264", data, width)

    return judge_packet


def _surely(look: Callable[[bytes], int], codec: str, data: memoryview, width: int) -> int:
    """What the first bytes of a packet show; no picture, only if all of it is sound."""
    found = look(bytes(data[:_HEAD]))
    if found & ~TURNED != EMPTY:
        return found
    whole = bytes(data)
    found = look(whole)
    return found if found & ~TURNED != EMPTY or are_whole(codec, whole, width) else SHOWN + (found & TURNED)


def _hevc(extradata: bytes) -> Judge:
    width = length_bytes("hevc", extradata)
    skipping = begun = False  # whether leading pictures of the last key frame lean on what is not there

    def look(data: bytes) -> int:
        nonlocal skipping, begun
        turned = 0
        for start, end in units(data, width):
            kind = data[start] >> 1 & 63
            if kind < 32:
                if 16 <= kind <= 23:
                    skipping, begun = kind <= 18 or (kind == _CLEAN_RANDOM_ACCESS and not begun), True
                return (LEADING if kind in {8, 9} and skipping else SHOWN) + turned
            if kind == 39 and turns(data[start + 2 : end]):
                turned = TURNED
            if not 32 <= kind <= 40:
                return SHOWN
        return EMPTY + turned

    def judge_packet(packet: Packet[VideoStream]) -> int:
        data = memoryview(packet)
        if width and len(data) > width + 2 and data[width] >> 1 & 63 < 8:
            return SHOWN
        return _surely(look, "hevc", data, width)

    return judge_packet


def _mpeg4(extradata: bytes) -> Judge:
    time_bits = mpeg4_time_bits(extradata)

    def judge_packet(packet: Packet[VideoStream]) -> int:
        nonlocal time_bits
        data = memoryview(packet)
        size = len(data)
        if size > 64 and data[3] == 0xB6 and data[2] == 1:
            return SHOWN
        whole = bytes(data)
        time_bits = mpeg4_time_bits(whole) or time_bits
        start = whole.find(b"\0\0\1\xb6")
        if start >= 0:
            return UNSURE if size <= _LONGEST_UNCODED and not mpeg4_is_coded(whole[start + 4 :], time_bits) else SHOWN
        # A placeholder behind a packet that holds two pictures, or headers alone: ISO 14496-2 section 6.2.1.
        return UNSURE if size < _SHORTEST_PICTURE or _mpeg4_headers(whole) else SHOWN

    return judge_packet


def _mpeg4_headers(data: bytes) -> bool:
    """Whether a packet is headers of MPEG-4 and nothing else; what a writer says of itself is text."""
    before, *parts = data.split(b"\0\0\1")
    return not before and all(
        part[:1] and (part[1:].isascii() if part[0] == 0xB2 else len(part) <= _MPEG4_LONGEST.get(part[0], 0))
        for part in parts
    )


def _mpeg2(packet: Packet[VideoStream]) -> int:
    data = bytes(packet)
    start = data.find(b"\0\0\1\0")
    if start < 0:
        parts = data.split(b"\0\0\1")
        return EMPTY if not parts[0].strip(b"\0") and all(p[:1] in _MPEG2_HEADERS for p in parts[1:]) else SHOWN
    coding = data.find(b"\0\0\1\xb5", start)
    while coding >= 0 and coding + 6 < len(data) and data[coding + 4] >> 4 != 8:
        coding = data.find(b"\0\0\1\xb5", coding + 4)
    # Picture structure, ISO 13818-2 section 6.2.3.1: 3 is a frame. MPEG-1 has no such extension.
    return SHOWN if coding < 0 or coding + 6 >= len(data) or data[coding + 6] & 3 == 3 else FIELD


def _vp8(packet: Packet[VideoStream]) -> int:
    return SHOWN if memoryview(packet)[0] & 0x10 else HIDDEN  # show_frame, RFC 6386 section 9.1


def _vp9(packet: Packet[VideoStream]) -> int:
    data = memoryview(packet)
    if data[-1] & 0xE0 == 0xC0:
        return SHOWN  # a superframe, which ends with the picture that is shown
    bits = int.from_bytes(bytes(data[:2]).ljust(2, b"\0"), "big")
    at = 11 - (bits >> 12 & 3 == 3)  # marker 2, profile 2, a reserved bit in profile 3
    exists, shown = bits >> at & 1, bits >> (at - 2) & 1
    return SHOWN if exists or shown else HIDDEN


def _unknown(_packet: Packet[VideoStream]) -> int:
    return UNSURE


_JUDGES: dict[str, Judge] = {
    "mpeg1video": _mpeg2,
    "mpeg2video": _mpeg2,
    "vp8": _vp8,
    "vp9": _vp9,
}
_WITH_HEADERS: dict[str, Callable[[bytes], Judge]] = {"h264": _h264, "hevc": _hevc, "mpeg4": _mpeg4}
