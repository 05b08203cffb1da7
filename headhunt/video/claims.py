"""What a file claims to hold against what was found in it: whether it ends early.

Only what a cut must break counts: a list of pictures that are not there, a box that reaches beyond the end of the file,
a duration that no last frame can explain. That a recording does not start at 0, that its last frame lasts long, that a
recorder left frames out or wrote one more into its header, is no damage.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from av import time_base
from av.container import InputContainer
from av.video.stream import VideoStream

_NO_TIMESTAMPS, _DISCONTINUOUS = 0x0080, 0x0200  # AVFMT_NOTIMESTAMPS, AVFMT_TS_DISCONT: a duration is a guess
_SLACK_S = 0.5
_TRANSPORT_PACKETS = ((188, 0), (192, 4))  # bytes, and where 0x47 stands in each


@dataclass(frozen=True)
class Claim:
    """What the header of a file says.

    Attributes:
        format: Name of the container.
        packets: Packets of video, 0 where it does not say.
        stream: Place of the video among the streams.
        duration_s: Seconds of video, 0 where it does not say, or where sound may be what lasts.
    """

    format: str
    packets: int
    stream: int
    duration_s: float


def of(container: InputContainer, video: VideoStream) -> Claim:
    """What the header of a file says, after its packets were read."""
    guessed = container.format.flags & (_NO_TIMESTAMPS | _DISCONTINUOUS) or len(container.streams) > 1
    return Claim(
        container.format.name,
        # Samples that an edit list cuts off are in an MP4's header count, but not in its index.
        len(video.index_entries) if "mp4" in container.format.name else video.frames,
        video.index,
        0.0 if guessed else (container.duration or 0) / time_base,
    )


def stores_no_times(container: InputContainer) -> bool:
    """Whether a format is pictures one after the other and nothing else."""
    return bool(container.format.flags & _NO_TIMESTAMPS)


def broken(path: Path, claim: Claim, *, read: int, packets: int, start_s: float, end_s: float, longest_s: float) -> str:
    """What a file claims to hold and does not, in words; "" where all is there.

    Args:
        path: The file.
        claim: What its header says.
        read: How many packets were found.
        packets: The same with those that a recorder left empty.
        start_s: Time of the first frame as stored.
        end_s: End of the last frame, on the same clock.
        longest_s: The longest time from a frame to the next, for the last may last so long too.
    """
    # A count in an AVI header is a recorder's estimate: the index behind the pictures says what there is.
    within = claim.packets <= packets  # empty chunks stand for dropped frames
    counted = claim.format == "avi" and 0 <= _avi_index(path, claim.stream) <= read
    if claim.packets > read and not counted and not (within and claim.format != "avi"):
        return f"{claim.packets} frames"
    # A duration is counted from 0 or from the first frame: both are written.
    end_s -= start_s if claim.duration_s < start_s else 0.0
    if not claim.packets and claim.duration_s > end_s + max(_SLACK_S, longest_s):
        return f"{claim.duration_s:.1f} s"
    if "matroska" in claim.format and not _is_whole(path, _matroska_is_whole):
        return "more than there is"
    return ""


def is_torn(path: Path, claim: Claim) -> bool:
    """Whether a transport stream, whose header claims nothing, ends inside one of its small packets."""
    return claim.format == "mpegts" and not _is_whole(path, _transport_is_whole)


def _is_whole(path: Path, test: Callable[[BinaryIO, int], bool]) -> bool:
    with path.open("rb") as file:
        return test(file, path.stat().st_size)


def _transport_is_whole(file: BinaryIO, size: int) -> bool:
    head = file.read(1024)
    for width, at in _TRANSPORT_PACKETS:
        if head[at::width].strip(b"\x47") == b"" and len(head) > at:
            return size % width == 0
    return True  # it does not begin with a packet, so nothing is known of its end


def _avi_index(path: Path, stream: int) -> int:
    """How many pictures the index of an AVI file lists, -1 where it has none or its list goes beyond its end."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        end = 8 + int.from_bytes(head[4:8], "little")
        if head[:4] != b"RIFF" or end > size:
            return -1
        at = 12
        while at + 8 <= end:
            file.seek(at)
            chunk = file.read(8)
            length = int.from_bytes(chunk[4:], "little")
            if chunk[:4] == b"idx1":
                entries = np.frombuffer(file.read(length // 16 * 16), "S4, <u4, <u4, <u4")
                kinds = (b"%02ddc" % stream, b"%02ddb" % stream)
                return int(np.sum(np.isin(entries["f0"], kinds) & (entries["f3"] > 0)))
            at += 8 + length + length % 2
    return -1


def _matroska_is_whole(file: BinaryIO, size: int) -> bool:
    """Whether the segment of a Matroska file, if it says where it ends, ends inside the file (RFC 8794 section 4)."""
    head = file.read(512)

    def number(at: int) -> tuple[int, int]:
        """A size (its largest stands for unknown), and where it ends."""
        width = 9 - head[at].bit_length()
        size = int.from_bytes(head[at : at + width], "big") & ((1 << 7 * width) - 1)
        return 0 if size + 1 == 1 << 7 * width else size, at + width

    if len(head) < 64 or head[:4] != b"\x1a\x45\xdf\xa3" or not head[4]:
        return True
    length, at = number(4)
    at += length
    if at + 12 > len(head) or head[at : at + 4] != b"\x18\x53\x80\x67" or not head[at + 4]:
        return True
    length, at = number(at + 4)
    return at + length <= size
