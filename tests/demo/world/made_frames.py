"""Frames of planned videos, and their digests, for the tests of the world."""

from __future__ import annotations

import hashlib

import numpy as np

from headhunt.demo.world import WorldConfig, render_frames

ONE_INCIDENT_S = 23.9  # a longer video has room for another
SMALL = WorldConfig(width=128, height=96)


def frames_of(plan, start, end):
    """Frames [start, end) of a plan, (n, H, W, 3)."""
    return np.stack(list(render_frames(plan, start_frame=start, end_frame=end)))


def digest(frames):
    """A hash of all their bytes."""
    return hashlib.sha256(np.ascontiguousarray(frames).tobytes()).hexdigest()
