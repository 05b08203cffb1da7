"""What a file claims to hold against what was found in it: whether it ends early.

Only what a cut must break counts: a list of pictures that are not there, a box that reaches beyond the end of the file,
a duration that no last frame can explain. That a recording does not start at 0, that its last frame lasts long, that a
recorder left frames out or wrote one more into its header, is no damage.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from av import time_base
from av.container import InputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from headhunt.arrays import Float64
from headhunt.video import matroska

_NO_TIMESTAMPS, _DISCONTINUOUS = 0x0080, 0x0200  # AVFMT_NOTIMESTAMPS, AVFMT_TS_DISCONT: a duration is a guess
_SLACK_S = 0.5


@dataclass(frozen=True)
class Claim:
    """What the header of a file says.

    Attributes:
        format: Name of the container.
        packets: Packets of video, 0 where it does not say.
        stream: Place of the video among the streams.
        duration_s: Seconds of video, 0 where it does not say, or where sound may be what lasts.
        samples: Pictures in the index of an MP4 without fragments, those included that an edit list cuts off; else 0.
        samples_s: How long these last by its header.
    """

    format: str
    packets: int
    stream: int
    duration_s: float
    samples: int
    samples_s: float


def of(container: InputContainer, video: VideoStream) -> Claim:
    """What the header of a file says, after its packets were read."""
    is_mp4, n_entries = "mp4" in container.format.name, len(video.index_entries)
    is_listed = is_mp4 and n_entries <= video.frames  # not so where fragments follow
    guessed = container.format.flags & (_NO_TIMESTAMPS | _DISCONTINUOUS) or len(container.streams) > 1
    return Claim(
        container.format.name,
        # Samples that an edit list cuts off are in an MP4's header count, but not in its index.
        n_entries if is_mp4 else video.frames,
        video.index,
        0.0 if guessed else (container.duration or 0) / time_base,
        video.frames if is_listed else 0,
        float((video.duration or 0) * (video.time_base or 0)) if is_listed else 0.0,
    )


def stores_no_times(container: InputContainer) -> bool:
    """Whether a format is pictures one after the other and nothing else."""
    return bool(container.format.flags & _NO_TIMESTAMPS)


def broken(path: Path, claim: Claim, *, read: int, packets: int, start_s: float, end_s: float, steps_s: Float64) -> str:
    """What a file claims to hold and does not, in words; "" where all is there.

    Args:
        path: The file.
        claim: What its header says.
        read: How many packets were found.
        packets: The same with those that a recorder left empty.
        start_s: Time of the first frame as stored.
        end_s: End of the last frame, on the same clock.
        steps_s: float64, the time from each frame to the next.
    """
    longest_s = float(steps_s.max(initial=0.0))  # the last frame may last so long, too
    # A count in an AVI header is a recorder's estimate: the index behind the pictures says what there is.
    within = claim.packets <= packets  # empty chunks stand for dropped frames
    counted = claim.format == "avi" and 0 <= _avi_index(path, claim.stream) <= read
    if claim.packets > read and not counted and not (within and claim.format != "avi"):
        return f"{claim.packets} frames"
    # A duration is counted from 0 or from the first frame: both are written.
    end_s -= start_s if claim.duration_s < start_s else 0.0
    if not claim.packets and claim.duration_s > end_s + max(_SLACK_S, longest_s):
        return f"{claim.duration_s:.1f} s"
    if "matroska" in claim.format:
        return "" if matroska.ends_inside(path) else "more than there is"
    return ""


def contradicts(claim: Claim, end_s: float) -> bool:
    """Whether frames, by the times in an MP4's index, end far beyond what its own header says."""
    return claim.samples_s > 0 and end_s > 2 * claim.samples_s + _SLACK_S


def has_holes(path: Path, claim: Claim, start_s: float, steps_s: Float64) -> bool:
    """Whether a gap between frames, or before the first, is one in the file and not one that the recorder left."""
    gaps = start_s > _SLACK_S or (len(steps_s) > 1 and bool(np.any(steps_s > 1.5 * np.median(steps_s))))
    return gaps and "matroska" in claim.format and not matroska.is_whole(path)


def _avi_index(path: Path, stream: int) -> int:
    """How many pictures the index of an AVI file lists, -1 where it has none or does not fit the file."""
    size = path.stat().st_size
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end = 8 + int.from_bytes(data[4:8], "little")
        if data[:4] != b"RIFF" or end > size:
            return -1
        at, pictures = 12, -1
        while at + 8 <= end:
            length = int.from_bytes(data[at + 4 : at + 8], "little")
            if data[at : at + 4] == b"LIST" and data[at + 8 : at + 12] == b"movi":
                pictures = at + 8
            if data[at : at + 4] == b"idx1":
                entries = np.frombuffer(data[at + 8 : at + 8 + length // 16 * 16], "S4, <u4, <u4, <u4")
                kinds = (b"%02ddc" % stream, b"%02ddb" % stream)
                fits = any(_is_index(data, entries, start) for start in (pictures, 0))
                return int(np.sum(np.isin(entries["f0"], kinds) & (entries["f3"] > 0))) if fits else -1
            at += 8 + length + length % 2
    return -1


def _is_index(data: mmap.mmap, entries: NDArray[np.void], start: int) -> bool:
    """Whether there is a chunk in the file for each entry of an index, which counts from `start`."""
    places = entries["f2"].astype(np.int64) + start
    if start < 0 or np.any(places + 8 > len(data)):
        return False
    chunks = np.frombuffer(data, np.uint8)[places[:, None] + np.arange(8)].view("S4, <u4")[:, 0]
    return bool(np.all((chunks["f0"] == entries["f0"]) & (chunks["f1"] == entries["f3"])))
