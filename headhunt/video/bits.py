"""The few fields of H.264, HEVC and MPEG-4 headers that tell what a picture is and how it is to be turned."""

from __future__ import annotations

from typing import NamedTuple

_HIGH_PROFILES = frozenset((44, 83, 86, 100, 110, 118, 122, 128, 134, 135, 138, 139, 244))
_PROFILES = frozenset((66, 77, 88, *_HIGH_PROFILES))
_ORIENTATION = 47  # display orientation, ITU-T H.264 section D.1.27


class Sequence(NamedTuple):
    """What a sequence parameter set of H.264 says of its pictures.

    Attributes:
        frames_only: No picture is a single field.
        planes: Colour planes are coded apart.
        number_bits: Length of frame_num in a slice header.
    """

    frames_only: bool
    planes: bool
    number_bits: int


class _Bits:
    """Bits of a unit, from the front.

    Raises:
        ValueError: There are no more, or a number has no end.
    """

    def __init__(self, data: bytes) -> None:
        self._value, self.left = int.from_bytes(data, "big"), 8 * len(data)

    def take(self, n: int) -> int:
        self.left -= n
        if self.left < 0:
            raise ValueError("the unit ends early")
        return self._value >> self.left & ((1 << n) - 1)

    def golomb(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 32:
                raise ValueError("no such number")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def _payload(unit: bytes) -> bytes:
    """A unit without emulation prevention, ITU-T H.264 section 7.4.1."""
    return unit.replace(b"\0\0\3", b"\0\0")


def sequences_of(extradata: bytes, width: int) -> list[bytes]:
    """The sequence parameter sets of H.264 in the header of a container: avcC where lengths have a `width`."""
    if not width:
        units = extradata.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")
        return [unit for unit in units if unit and unit[0] & 31 == 7]
    found, at = [], 6
    for _ in range(extradata[5] & 31):
        size = int.from_bytes(extradata[at : at + 2], "big")
        found.append(extradata[at + 2 : at + 2 + size])
        at += 2 + size
    return found


def read_sequence(unit: bytes) -> Sequence | None:
    """Read a sequence parameter set, ITU-T H.264 section 7.3.2.1.1; None where it says what none does."""
    try:
        bits = _Bits(_payload(unit[1:]))
        profile = bits.take(8)
        bits.take(8)
        level = bits.take(8)
        sound = profile in _PROFILES and 9 <= level <= 62 and bits.golomb() < 32
        planes = False
        if profile in _HIGH_PROFILES:
            chroma = bits.golomb()
            planes = chroma == 3 and bool(bits.take(1))
            bits.golomb()
            bits.golomb()
            bits.take(1)
            if bits.take(1):
                _skip_scaling(bits, 12 if chroma == 3 else 8)
        number_bits = bits.golomb() + 4
        order = bits.golomb()
        sound &= number_bits <= 16 and order <= 2
        if order == 0:
            sound &= bits.golomb() <= 12
        elif order == 1:
            bits.take(1)
            bits.golomb()
            bits.golomb()
            for _ in range(min(bits.golomb(), 255)):
                bits.golomb()
        sound &= bits.golomb() <= 16  # reference pictures
        bits.take(1)
        sound &= max(bits.golomb(), bits.golomb()) < 1056  # blocks of 16 pixels
        return Sequence(bool(bits.take(1)), planes, number_bits) if sound else None
    except ValueError:
        return None


def is_hevc_sequence(unit: bytes) -> bool:
    """Whether a unit is the beginning of a sequence parameter set of HEVC, ITU-T H.265 section 7.3.2.2."""
    try:
        bits = _Bits(_payload(unit[2:]))
        bits.take(4)
        layers = bits.take(3)
        bits.take(1)
        space, _, profile = bits.take(2), bits.take(1), bits.take(5)
        compatible = bits.take(32)
        bits.take(48)
        sound = layers < 7 and space == 0 < profile and compatible >> (31 - profile) & 1 and 30 <= bits.take(8) <= 186
        layered = [(bits.take(1), bits.take(1)) for _ in range(layers)]
        sound = sound and (not layers or bits.take(2 * (8 - layers)) == 0)
        for has_profile, has_level in layered:
            bits.take(88 * has_profile + 8 * has_level)
        sound = sound and bits.golomb() < 16
        if (chroma := bits.golomb()) == 3:
            bits.take(1)
        return bool(sound and chroma <= 3 and all(8 <= bits.golomb() <= 16_888 for _ in range(2)))  # width, height
    except ValueError:
        return False


def read_field(header: bytes, sequence: Sequence) -> bool:
    """Whether a slice (what follows the first byte of its unit) belongs to a single field, section 7.3.3."""
    try:
        bits = _Bits(_payload(header))
        for _ in range(3):  # first macroblock, type, picture parameter set
            bits.golomb()
        bits.take(2 * sequence.planes + sequence.number_bits)
        return bool(bits.take(1))
    except ValueError:
        return True


def turns(message: bytes) -> bool:
    """Whether supplemental information (what follows the unit's header) tells the orientation of pictures."""
    at = 0
    while at + 2 < len(message):
        numbers = []
        for _ in range(2):  # type and size, each a sum of bytes that ends with the first below 255
            total = 0
            while at < len(message) and message[at] == 255:
                total, at = total + 255, at + 1
            if at == len(message):
                return False
            numbers.append(total + message[at])
            at += 1
        if numbers[0] == _ORIENTATION:
            return True
        at += numbers[1]
    return False


def is_message(unit: bytes, *, ended: bool = True) -> bool:
    """Whether supplemental information (what follows the unit's header) is whole: its parts fill it to the end.

    That end is a byte of its own, which some cameras forget: it need not be there unless the message has to be `ended`.
    """
    data, at = _payload(unit), 0
    while 0 < at + 2 < len(data):
        for _ in range(2):
            size = 0
            while at < len(data) and data[at] == 255:
                size, at = size + 255, at + 1
            if at == len(data):
                return False
            size, at = size + data[at], at + 1
        at += size
        if data[at:] == b"\x80" or (at == len(data) and not ended):
            return True
    return False


def mpeg4_time_bits(data: bytes) -> int:
    """How long the time of a picture is in MPEG-4, by the header in some bytes; 0 where there is none."""
    at = data.find(b"\0\0\1")
    while at >= 0 and at + 3 < len(data) and data[at + 3] >> 4 != 2:
        at = data.find(b"\0\0\1", at + 3)
    if at < 0:
        return 0
    try:  # video object layer, ISO 14496-2 section 6.2.3
        bits = _Bits(data[at + 4 : at + 64])
        bits.take(1 + 8)
        version = bits.take(4 + 3) >> 3 if bits.take(1) else 1
        if bits.take(4) == 15:  # aspect ratio
            bits.take(16)
        if bits.take(1):  # control parameters
            bits.take(2 + 1)
            if bits.take(1):
                bits.take(79)
        if bits.take(2) == 3 and version != 1:  # shape
            bits.take(4)
        bits.take(1)
        return max(1, (bits.take(16) - 1).bit_length())
    except ValueError:
        return 0


def mpeg4_is_coded(picture: bytes, time_bits: int) -> bool:
    """Whether an MPEG-4 picture (what follows its start code) is coded, section 6.2.5; where not known, it is.

    Behind one that is not, bits up to the end of the byte are 0 and then 1, and no other picture follows.
    """
    try:
        bits = _Bits(picture)
        bits.take(2)
        while bits.take(1):
            pass
        if not time_bits or not bits.take(1):
            return True
        bits.take(time_bits)
        if not bits.take(1) or bits.take(1):
            return True
        n = (bits.left - 1) % 8
        stuffing, behind = bits.take(1 + n), picture[len(picture) - bits.left // 8 :]
        return stuffing != (1 << n) - 1 or not (behind[:3] == b"\0\0\1" or not behind.strip(b"\0"))
    except ValueError:
        return True


def _skip_scaling(bits: _Bits, lists: int) -> None:
    for i in range(lists):
        if not bits.take(1):
            continue
        last = step = 8
        for _ in range(16 if i < 6 else 64):
            if step:
                step = (last + bits.signed()) % 256
            last = step or last
