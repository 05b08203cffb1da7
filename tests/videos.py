"""Makes small test videos whose frames show their own number, so that a test can see which frame it got."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

BITS = 12


def draw_frame(number: int, size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """uint8 (H, W, 3): three rows of blocks, 12 bits and their complements; below, red at the left, blue right."""
    width, height = size
    block_w, block_h = width // 8, height // 6
    frame = np.full((height, width, 3), 90, dtype=np.uint8)
    bits = [number >> bit & 1 for bit in range(BITS)]
    for place, bit in enumerate([*bits, *(1 - bit for bit in bits)]):
        row, column = divmod(place, 8)
        frame[row * block_h : (row + 1) * block_h, column * block_w : (column + 1) * block_w] = 235 if bit else 16
    frame[-2 * block_h :, :block_w], frame[-2 * block_h :, -block_w:] = (220, 20, 20), (20, 20, 220)
    return frame


def read_number(frame: np.ndarray) -> int | None:
    """The number a decoded frame shows, or None where the picture is too damaged to tell."""
    height, width = frame.shape[:2]
    block_w, block_h = width // 8, height // 6
    levels = np.asarray(
        [
            frame[row * block_h : (row + 1) * block_h, column * block_w : (column + 1) * block_w][2:-2, 2:-2].mean()
            for row, column in (divmod(place, 8) for place in range(2 * BITS))
        ]
    )
    bits, complements = levels[:BITS] > 126, levels[BITS:] > 126
    if np.any(bits == complements) or np.any(np.abs(levels - 126) < 50):
        return None
    return sum(1 << int(bit) for bit in np.flatnonzero(bits))


def write_video(
    path: Path,
    n_frames: int,
    *,
    fps: int = 25,
    size: tuple[int, int] = (64, 48),
    gop: int = 12,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    times: Sequence[int] | None = None,
    rotation: int = 0,
    first_number: int = 0,
    codec_options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Write a video of which frame i shows the number `first_number` + i (below 4096).

    Args:
        path: Where; the suffix chooses the container.
        n_frames: How many.
        fps: Frames per second.
        size: Width and height of the stored picture.
        gop: Frames from key frame to key frame.
        codec: Name of the encoder.
        pix_fmt: Pixel format of the encoder.
        times: Time of each frame in units of 1 / fps, rising; None is 0, 1, 2, ...
        rotation: Display rotation in degrees counter-clockwise written into the container.
        first_number: The number the first frame shows.
        codec_options: Options of the encoder, {"bf": "3"} for three B frames in a row.
        container_options: Options of the container, {"movflags": "faststart"} for an index in front.

    Returns:
        `path`.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=fps, options=codec_options or {})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.codec_context.gop_size = gop
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        for i in range(n_frames):
            frame = av.VideoFrame.from_ndarray(draw_frame(first_number + i, size), "rgb24")
            frame.pts, frame.time_base = (i if times is None else times[i]), Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
