"""Where people's heads, hands and feet are in the picture, to teach a vision tower to tell postures apart."""

from __future__ import annotations

import numpy as np
import torch

from headhunt.arrays import Float32, Float64, Int64
from headhunt.demo.world.camera import View
from headhunt.demo.world.motion import during, poses, track
from headhunt.demo.world.people import skeleton, to_world
from headhunt.demo.world.plan import Actor, VideoPlan

SINGLE = ("head", "pelvis")
PAIRED = ("shoulder", "elbow", "hand", "knee", "ankle")
POINTS = len(SINGLE) + 2 * len(PAIRED)
SLACK = 0.2  # a patch belongs to a body that covers at least this share of it each way


def bodies(plan: VideoPlan, frames: Int64, grid: int) -> Float32:
    """Points of the nearest body on each patch, relative to the middle of the patch.

    Of two hands (elbows, ...) the one farther left in the picture comes first: left and right hands look alike.

    Args:
        plan: The video.
        frames: int (f,), native frames.
        grid: Patches across and down.

    Returns:
        float32 (f, grid, grid, 2 * POINTS + 1): x of all points, then y of all points, in patches, to the right and
        down; then 1. All 0 where there is no body.
    """
    view = View(plan.camera, plan.config.width, plan.config.height)
    out = np.zeros((len(frames), grid, grid, 2 * POINTS + 1), np.float32)
    found = [
        body for actor in plan.actors if actor.kind in ("person", "cyclist") for body in _of(plan, actor, view, frames)
    ]
    for _, frame, points in sorted(found, key=lambda body: (-body[0], body[1])):
        places = points * (grid / view.width, grid / view.height)
        low, high = places.min(0), places.max(0)
        first = np.clip(np.floor(low + SLACK), 0, grid).astype(int)
        last = np.clip(np.floor(high - SLACK) + 1, 0, grid).astype(int)
        box = out[frame, first[1] : last[1], first[0] : last[0]]
        box[..., :POINTS] = places[:, 0] - np.arange(first[0], last[0])[:, None] - 0.5
        box[..., POINTS:-1] = places[:, 1] - np.arange(first[1], last[1])[:, None, None] - 0.5
        box[..., -1] = 1.0
    return out


def _of(plan: VideoPlan, actor: Actor, view: View, frames: Int64) -> list[tuple[float, int, Float64]]:
    """(depth, index of the frame, points (POINTS, 2) in pixels) of an actor, for every frame it is in view."""
    alive = np.flatnonzero(during(actor, frames))
    if not len(alive):
        return []
    way = track(actor, plan.config.fps)
    rows = way.rows(frames[alive])
    bones = skeleton(poses(actor, plan.config.fps)[rows], size=actor.size, seated=actor.kind == "cyclist")
    names = [*SINGLE, *(f"{name}_{side}" for name in PAIRED for side in "lr")]
    x, z = way.x[rows], way.z[rows]
    points, depth = view.project(to_world(np.stack([bones[name] for name in names], 1), x, z, way.heading[rows]))
    points[:, len(SINGLE) :] = _left_first(points[:, len(SINGLE) :])
    shown = view.inside(x, z, margin=-0.3)
    return [(float(depth[k].mean()), int(alive[k]), points[k]) for k in np.flatnonzero(shown)]


def _left_first(points: Float64) -> Float64:
    """Pairs of points (n, 2 * pairs, 2), in each the one farther left first."""
    pairs = points.reshape(len(points), -1, 2, 2)
    order = np.argsort(pairs[..., 0], axis=2)[..., None]
    return np.asarray(np.take_along_axis(pairs, order, 2).reshape(points.shape))


def mirrored(found: torch.Tensor) -> torch.Tensor:
    """What `bodies` would return for the mirrored picture."""
    swap = [*range(len(SINGLE)), *(i + side for i in range(len(SINGLE), POINTS, 2) for side in (1, 0))]
    turned = found.flip(-2)
    x, y = turned[..., :POINTS], turned[..., POINTS:-1]
    return torch.cat([-x[..., swap], y[..., swap], turned[..., -1:]], -1)
