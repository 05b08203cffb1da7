"""Position, heading and pose of an actor on every frame: plain functions of its record; paints nothing."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Bool, Float64, Int64
from headhunt.demo.world.plan import Actor, Effect, Held
from headhunt.demo.world.poses import ACTIONS, JOINTS

BLEND_FRAMES = 7  # frames in which one pose blends into the next
STRIDE = {"walk": 1.45, "carry": 1.4, "run": 2.7, "scatter": 2.7, "cycle": 3.2}  # metres in one gait cycle
RHYTHM = 4.0  # radians a second of actions on the spot


@dataclass(frozen=True)
class Track:
    """One actor on the frames of its life.

    Attributes:
        start_frame: Frame of row 0.
        x: (n,) metres.
        z: (n,) metres.
        heading: (n,) radians.
        speed: (n,) metres a second.
        travelled: (n,) metres since row 0.
        fps: Frames a second.
    """

    start_frame: int
    x: Float64
    z: Float64
    heading: Float64
    speed: Float64
    travelled: Float64
    fps: int

    def rows(self, frames: Int64) -> Int64:
        """Row numbers of native frames, clipped to the actor's life."""
        return np.clip(frames - self.start_frame, 0, len(self.x) - 1)


@functools.lru_cache(maxsize=512)  # rendering, facts and training ask for the same actors again
def track(actor: Actor, fps: int) -> Track:
    """Interpolate an actor's way points; its heading follows the motion or the fixed headings of its actions.

    The arrays are shared and read-only.
    """
    start, end = actor.start_frame, actor.end_frame
    frames = np.arange(start, end)
    at = np.array([p[0] for p in actor.path], np.float64)
    x = np.interp(frames, at, [p[1] for p in actor.path])
    z = np.interp(frames, at, [p[2] for p in actor.path])
    step_x, step_z = np.diff(x, prepend=x[:1]), np.diff(z, prepend=z[:1])
    step = np.hypot(step_x, step_z)
    heading = _heading(step_x, step_z, step)
    for action in actor.actions:
        if action.facing is not None:
            heading[action.start_frame - start : action.end_frame - start] = action.facing
    found = (x, z, _smooth_angle(heading, fps), _smooth(step * fps, 5), np.cumsum(step))
    for array in found:
        array.flags.writeable = False
    return Track(start, *found, fps)


def _heading(step_x: Float64, step_z: Float64, step: Float64) -> Float64:
    moving = step > 1e-4
    if not moving.any():
        return np.zeros_like(step)
    # A halt keeps the heading of the last step; before the first step, that of the first.
    index = np.where(moving, np.arange(len(step)), -1)
    index = np.maximum.accumulate(index)
    index[index < 0] = int(np.argmax(moving))
    return np.asarray(np.arctan2(step_x, step_z)[index])


def _smooth(values: Float64, width: int) -> Float64:
    """Moving average of odd width, ends repeated."""
    width = min(width, 2 * len(values) - 1)
    padded = np.pad(values, width // 2, mode="edge")
    total = np.cumsum(np.concatenate([[0.0], padded]))
    return np.asarray((total[width:] - total[:-width]) / width)


def _smooth_angle(angle: Float64, fps: int) -> Float64:
    width = max(3, round(0.36 * fps)) | 1
    return np.asarray(np.arctan2(_smooth(np.sin(angle), width), _smooth(np.cos(angle), width)))


@functools.lru_cache(maxsize=512)
def poses(actor: Actor, fps: int) -> Float64:
    """Pose (n, joints) of a person on every frame of its life, one action fading into the next; read-only."""
    way, start = track(actor, fps), actor.start_frame
    n = len(way.x)
    total, out = np.zeros(n), np.zeros((n, len(JOINTS)))
    reach = BLEND_FRAMES // 2
    for i, action in enumerate(actor.actions):
        first, last = action.start_frame - start, action.end_frame - start
        low, high = max(0, first - reach), min(n, last + reach)
        rows = np.arange(low, high)
        t = (rows - first) / way.fps
        stride = STRIDE.get(action.name)
        beat = actor.phase + (2 * np.pi * way.travelled[rows] / stride if stride else RHYTHM * rows / way.fps)
        weight = np.ones(len(rows))
        if i > 0:
            weight = np.minimum(weight, (rows - first + reach + 1) / BLEND_FRAMES)
        if i + 1 < len(actor.actions):
            weight = np.minimum(weight, (last + reach - rows) / BLEND_FRAMES)
        out[rows] += weight[:, None] * ACTIONS[action.name](t, beat)
        total[rows] += weight
    out /= np.maximum(total, 1e-9)[:, None]
    out.flags.writeable = False
    return out


def during(span: Actor | Effect | Held, frames: Int64) -> Bool:
    """Which of some native frames lie in the life of an actor, an effect or a held object."""
    return np.asarray((frames >= span.start_frame) & (frames < span.end_frame))


def action_index(actor: Actor, frames: Int64) -> Int64:
    """Index of an actor's action on native frames within its life."""
    starts = np.array([action.start_frame for action in actor.actions])
    return np.clip(np.searchsorted(starts, frames, side="right") - 1, 0, len(starts) - 1)
