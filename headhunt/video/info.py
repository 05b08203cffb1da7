"""What one video holds, as `probe` tells it; reads nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headhunt.arrays import Bool, Float64, Int64

FOLDER_FPS = 25.0


@dataclass(frozen=True, eq=False)
class Packets:
    """The packets of a video file in stored (decode) order: what `stream` needs to feed a decoder.

    Attributes:
        numbers: int64 (m,), native frame number of each, -1 where it shows no frame.
        positions: int64 (m,), byte in the file, -1 where not known.
        stamps: int64 (m,), decode time in the stream's ticks, for seeking.
        turns: int64 (n,), what brings each frame upright: quarter turns counter-clockwise, plus 4 where it is mirrored
            left to right first; one for all where there is one.
        lost: int64 (k,), frames that are not to be had: the decoder was given all of the file and left them out.
    """

    numbers: Int64
    positions: Int64
    stamps: Int64
    turns: Int64
    lost: Int64


@dataclass(frozen=True, eq=False)
class VideoInfo:
    """What one video really holds.

    Attributes:
        path: The file, or the folder of frames.
        n_frames: Native frames, >= 1.
        fps: Mean frames per second, > 0.
        duration_s: From the first frame to the end of the last, seconds.
        width: Pixels, upright.
        height: Pixels, upright.
        rotation: Degrees counter-clockwise by which stored frames are turned: 0, 90, 180 or 270.
        mirrored: Whether stored frames are mirrored left to right before they are turned.
        variable_frame_rate: Whether frames are unevenly spaced in time.
        times_s: float64 (n_frames,), true time of each frame, seconds from the first; never decreasing.
        keyframes: bool (n_frames,), frames that decoding can start from.
        codec: Name of the codec.
        size_bytes: Size of the file (of all images of a folder).
        warnings: What is odd about it, in words; empty for a sound file.
        damage: Why a part of the video is not there, also among the warnings; "" when all of it is.
        packets: How to find the frames in the file; None for a folder.
    """

    path: Path
    n_frames: int
    fps: float
    duration_s: float
    width: int
    height: int
    rotation: int
    variable_frame_rate: bool
    times_s: Float64
    keyframes: Bool
    codec: str
    size_bytes: int
    mirrored: bool = False
    warnings: tuple[str, ...] = ()
    damage: str = ""
    packets: Packets | None = field(default=None, repr=False)


def counted(n: int, positions: Sequence[int] | None = None) -> Packets:
    """Packets (n,) numbered as stored."""
    unknown = np.full(n, -1, dtype=np.int64)
    places = unknown if positions is None else np.asarray(positions, dtype=np.int64)
    return Packets(np.arange(n), places, unknown, np.zeros(1, dtype=np.int64), np.zeros(0, dtype=np.int64))
