"""Persons, on foot or on a bicycle, as capsules: pose -> skeleton in metres -> strokes in pixels."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.demo.world.camera import View
from headhunt.demo.world.motion import Track, during
from headhunt.demo.world.painting import Capsules, Sprite
from headhunt.demo.world.plan import Actor, Light
from headhunt.demo.world.poses import COLUMN
from headhunt.demo.world.shading import lit, shade

THIGH, SHIN, TRUNK, UPPER, FORE, FOOT = 0.44, 0.44, 0.50, 0.30, 0.28, 0.07
SADDLE = 1.0  # metres from the ground to the pelvis of a cyclist
WHEEL, WHEEL_BASE, SPOKES = 0.36, 1.05, 8

# (name, start, end, radius at start, radius at end, colour index): colours are top, legs, skin, hair, shoes.
PARTS = (
    ("thigh_l", "hip_l", "knee_l", 0.105, 0.08, 1),
    ("thigh_r", "hip_r", "knee_r", 0.105, 0.08, 1),
    ("shin_l", "knee_l", "ankle_l", 0.075, 0.06, 1),
    ("shin_r", "knee_r", "ankle_r", 0.075, 0.06, 1),
    ("foot_l", "ankle_l", "toe_l", 0.06, 0.05, 4),
    ("foot_r", "ankle_r", "toe_r", 0.06, 0.05, 4),
    ("trunk_l", "hip_l", "chest_l", 0.125, 0.13, 0),
    ("trunk_r", "hip_r", "chest_r", 0.125, 0.13, 0),
    ("upper_l", "shoulder_l", "elbow_l", 0.075, 0.062, 0),
    ("upper_r", "shoulder_r", "elbow_r", 0.075, 0.062, 0),
    ("fore_l", "elbow_l", "hand_l", 0.055, 0.052, 2),
    ("fore_r", "elbow_r", "hand_r", 0.055, 0.052, 2),
    ("head", "head", "brow", 0.105, 0.115, 2),
    ("hair", "back", "crown", 0.105, 0.105, 3),
)

BOTH_SIDES = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "hand", "chest")
JOINT_NAMES = ("pelvis", "head", "brow", "crown", "back", *(f"{part}_{side}" for part in BOTH_SIDES for side in "lr"))
JOINT = {name: i for i, name in enumerate(JOINT_NAMES)}


def skeleton(angles: Float64, *, size: float, seated: bool = False) -> dict[str, Float64]:
    """Joint positions (n, 3) in body axes (forward, up, side; right is positive), feet on the ground, in metres."""
    j = {name: angles[:, i] for name, i in COLUMN.items()}
    n = len(angles)
    lean = j["lean"]
    tilt = lean + j["nod"]
    bends = {s: j[f"hip_{s}"] - j[f"knee_{s}"] for s in "lr"}
    drop = [THIGH * np.cos(j[f"hip_{s}"]) + SHIN * np.cos(bends[s]) for s in "lr"]
    along = _points(np.sin(lean), np.cos(lean), 0.0)
    out = np.empty((len(JOINT), n, 3))
    pelvis = _points(np.zeros(n), SADDLE if seated else np.maximum(*drop) + FOOT, 0.0)
    neck = pelvis + TRUNK * along
    out[JOINT["pelvis"]] = pelvis
    for s, side in (("l", -1.0), ("r", 1.0)):
        across = np.array([0.0, 0.0, side])
        a, b = j[f"hip_{s}"], bends[s]
        part = side * np.sin(j["spread"])
        arm, wide = j[f"arm_{s}"], j[f"wide_{s}"]
        bend, inner = arm + j[f"elbow_{s}"], 0.4 * wide
        hip = pelvis + 0.07 * across
        knee = hip + THIGH * _points(np.sin(a), -np.cos(a), part)
        ankle = knee + SHIN * _points(np.sin(b), -np.cos(b), part)
        shoulder = neck + 0.185 * across - 0.04 * along
        elbow = shoulder + UPPER * _limb(arm, wide, side)
        found = {
            "hip": hip, "knee": knee, "ankle": ankle, "shoulder": shoulder, "elbow": elbow,
            "hand": elbow + FORE * _limb(bend, inner, side),
            "toe": ankle + 0.14 * _points(np.cos(b), np.minimum(np.sin(b), 0.3), 0.0),
            "chest": neck + 0.09 * across - 0.1 * along,
        }  # fmt: skip
        for name, points in found.items():
            out[JOINT[f"{name}_{s}"]] = points
    up = _points(np.sin(tilt), np.cos(tilt), 0.0)
    out[JOINT["head"]] = neck + 0.13 * up
    out[JOINT["brow"]] = neck + 0.2 * up
    out[JOINT["crown"]] = neck + 0.26 * up
    out[JOINT["back"]] = neck + 0.19 * up + -0.05 * _points(np.cos(tilt), -np.sin(tilt), 0.0)
    # Whole body: fall about the feet, sway, shift.
    tip, sway = j["tip"], j["sway"]
    forward = out[..., 0] * np.cos(tip) + out[..., 1] * np.sin(tip)
    height = out[..., 1] * np.cos(tip) - out[..., 0] * np.sin(tip)
    height = np.maximum(height, 0.0) + 0.11 * np.abs(np.sin(tip))
    out[..., 0], out[..., 1] = forward + j["shift"], height
    out[..., 2] += height * np.sin(sway)
    out *= size
    return {name: out[i] for name, i in JOINT.items()}


def _points(forward: Float64, up: Float64 | float, side: Float64 | float) -> Float64:
    out = np.empty((len(forward), 3))
    out[:, 0], out[:, 1], out[:, 2] = forward, up, side
    return out


def _limb(angle: Float64, wide: Float64, side: float) -> Float64:
    """Direction (n, 3) of an upper arm or a forearm."""
    return _points(np.sin(angle) * np.cos(wide), -np.cos(angle) * np.cos(wide), side * np.sin(wide))


def to_world(points: Float64, x: Float64, z: Float64, heading: Float64) -> Float64:
    """Body axes (n, k, 3) -> world (n, k, 3) at ground points x, z (n,) turned by heading (n,)."""
    s, c = np.sin(heading)[:, None], np.cos(heading)[:, None]
    f, side = points[..., 0], points[..., 2]
    return np.stack([x[:, None] + f * s + side * c, points[..., 1], z[:, None] + f * c - side * s], -1)


def person(actor: Actor, way: Track, angles: Float64, frames: Int64, view: View, light: Light) -> Sprite:
    """A person (or a cyclist with the bicycle) on native frames (b,) within its life."""
    rows = way.rows(frames)
    x, z, heading = way.x[rows], way.z[rows], way.heading[rows]
    cyclist = actor.kind == "cyclist"
    bones = skeleton(angles[rows], size=actor.size, seated=cyclist)
    starts = [bones[p[1]] for p in PARTS]
    ends = [bones[p[2]] for p in PARTS]
    radii = [(p[3] * actor.size, p[4] * actor.size) for p in PARTS]
    palette = np.array([*actor.colours[:4], (38.0, 34.0, 34.0)])
    colours = [palette[p[5]] for p in PARTS]
    opacity = [np.ones(len(rows))] * len(PARTS)
    for held in actor.held:
        shown = during(held, frames).astype(np.float64)
        if shown.any():
            _add_held(held.name, np.array(held.rgb), bones, shown, starts, ends, radii, colours, opacity, actor.size)
    if cyclist:
        _add_bicycle(np.array(actor.colours[4]), starts, ends, radii, colours, opacity, way.travelled[rows])
    k = len(starts)
    a = to_world(np.stack(starts, 1), x, z, heading)
    b = to_world(np.stack(ends, 1), x, z, heading)
    pa, depth_a = view.project(a)
    pb, depth_b = view.project(b)
    r = np.array(radii)[None] * view.focal / np.stack([depth_a, depth_b], -1)
    base = lit(np.stack(colours)[None].repeat(len(rows), 0), x, z, light)
    base = base * _modelling(a, b, light)
    colour = np.concatenate([base, np.stack(opacity, 1)[..., None]], -1)
    # Small offsets keep strokes of equal depth from flickering; the hair is behind a face and in front of a back.
    order = 0.5 * (depth_a + depth_b) - np.array([0.02 * (i % 3) for i in range(k)])
    order[:, 13] += np.where(np.cos(heading - view.camera.yaw) < 0, 0.12, -0.12)
    body = Capsules(pa, pb, r, colour, order)
    spine = np.stack([bones["pelvis"], bones["head"]], 1)
    feet = 0.5 * (bones["ankle_l"] + bones["ankle_r"])
    line = to_world(np.stack([feet, spine[:, 0], spine[:, 1]], 1), x, z, heading)
    return Sprite((shade(line, 0.2 * actor.size, view, light), body), view.depth(x, z))


def _modelling(a: Float64, b: Float64, light: Light) -> Float64:
    """Factors (n, k, 1): strokes across the picture catch more light than upright ones."""
    span = b - a
    length = np.maximum(np.linalg.norm(span, axis=-1), 1e-6)
    return np.asarray((0.88 + 0.2 * np.abs(span[..., 0]) / length)[..., None])


def _add_held(
    name: str, rgb: Float64, bones: dict[str, Float64], shown: Float64, starts: list[Float64], ends: list[Float64],
    radii: list[tuple[float, float]], colours: list[Float64], opacity: list[Float64], size: float,
) -> None:  # fmt: skip
    hand, elbow = bones["hand_r"], bones["elbow_r"]
    if name == "rod":
        along = (hand - elbow) / np.maximum(np.linalg.norm(hand - elbow, axis=1, keepdims=True), 1e-6)
        strokes = [(hand, hand + 0.8 * along, 0.04, 0.045)]
    else:
        drop, ahead = np.array([0.0, -0.24, 0.0]), np.array([0.13, 0.0, 0.0])
        strokes = [(hand, hand + drop, 0.025, 0.03), (hand + drop - ahead, hand + drop + ahead, 0.14, 0.14)]
    for start, end, r0, r1 in strokes:
        starts.append(np.maximum(start, [-9.0, 0.08, -9.0]))
        ends.append(np.maximum(end, [-9.0, 0.08, -9.0]))
        radii.append((r0 * size, r1 * size))
        colours.append(rgb)
        opacity.append(shown)


def _add_bicycle(
    rgb: Float64, starts: list[Float64], ends: list[Float64], radii: list[tuple[float, float]],
    colours: list[Float64], opacity: list[Float64], travelled: Float64,
) -> None:  # fmt: skip
    n = len(travelled)
    rear, front = np.array([-0.45, WHEEL, 0.0]), np.array([WHEEL_BASE - 0.45, WHEEL, 0.0])
    turn = np.linspace(0, 2 * np.pi, SPOKES + 1)
    rim = WHEEL * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    frame = [
        (rear, [0.0, 0.4, 0.0]), ([0.0, 0.4, 0.0], [-0.05, 0.92, 0.0]), ([0.0, 0.4, 0.0], [0.42, 0.85, 0.0]),
        ([-0.03, 0.8, 0.0], [0.42, 0.85, 0.0]), (front, [0.45, 1.0, 0.0]), ([0.45, 1.02, -0.22], [0.45, 1.02, 0.22]),
    ]  # fmt: skip
    strokes = [(hub + rim[i], hub + rim[i + 1], 0.03, np.full(3, 30.0)) for hub in (rear, front) for i in range(SPOKES)]
    strokes += [(np.asarray(a), np.asarray(b), 0.032, rgb) for a, b in frame]
    for a, b, r, colour in strokes:
        starts.append(np.tile(a, (n, 1)))
        ends.append(np.tile(b, (n, 1)))
        radii.append((r, r))
        colours.append(colour)
        opacity.append(np.ones(n))
