"""The size that a frame is resized to where a model takes frames of any shape: arithmetic on pixels, no pixels."""

from __future__ import annotations

import math

from headhunt.errors import VideoError

NARROWEST = 200
"""A side may be this many times the other: Qwen's processors refuse what is narrower."""


def fit(height: int, width: int, *, factor: int, least: int, most: int) -> tuple[int, int]:
    """The size nearest to a frame's own whose sides are multiples of `factor` and whose area is within bounds.

    The rule of Qwen's processors: each side is rounded; where the area leaves the bounds, both sides are scaled alike
    and rounded towards the inside.

    Args:
        height: Pixels, >= 1.
        width: Pixels, >= 1.
        factor: What both sides are multiples of.
        least: Pixels of the result at least.
        most: Pixels of the result at most, where two sides of one factor each allow it.

    Raises:
        VideoError: The frame is narrower than 1 to 200.
    """
    _refuse_narrow(height, width)
    tall, wide = round(height / factor) * factor, round(width / factor) * factor
    if tall * wide > most:
        shrink = math.sqrt(height * width / most)
        tall = max(factor, math.floor(height / shrink / factor) * factor)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
    elif tall * wide < least:
        grow = math.sqrt(least / (height * width))
        tall, wide = math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return tall, wide


def fit_video(n_frames: int, height: int, width: int, *, factor: int, least: int, most: int) -> tuple[int, int]:
    """The same where the bounds are on the pixels of all frames together: the rule of Qwen3-VL for video.

    Args:
        n_frames: Frames, >= 1; one is shown twice.
        height: Pixels, >= 1.
        width: Pixels, >= 1.
        factor: What both sides are multiples of.
        least: Pixels of all frames at least.
        most: Pixels of all frames at most.

    Raises:
        VideoError: A frame is narrower than 1 to 200.
    """
    frames = max(2, n_frames)
    if min(height, width) < factor:
        scale = max(factor / height, factor / width)
        height, width = int(height * scale), int(width * scale)
    _refuse_narrow(height, width)
    tall, wide = round(height / factor) * factor, round(width / factor) * factor
    counted = round(frames / 2) * 2
    if counted * tall * wide > most:
        shrink = math.sqrt(frames * height * width / most)
        tall = max(factor, math.floor(height / shrink / factor) * factor)
        wide = max(factor, math.floor(width / shrink / factor) * factor)
    elif counted * tall * wide < least:
        grow = math.sqrt(least / (frames * height * width))
        tall, wide = math.ceil(height * grow / factor) * factor, math.ceil(width * grow / factor) * factor
    return tall, wide


def _refuse_narrow(height: int, width: int) -> None:
    if max(height, width) > NARROWEST * min(height, width):
        raise VideoError("frames are too narrow for this model", got=f"{width}x{height}", expected=f"1 to {NARROWEST}")
