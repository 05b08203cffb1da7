"""Cars, bags and furniture as boxes in perspective: one painter per kind, in `THINGS`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.demo.world.camera import View
from headhunt.demo.world.motion import Track
from headhunt.demo.world.painting import Capsules, Quads, Sprite
from headhunt.demo.world.people import to_world
from headhunt.demo.world.plan import RGB, Actor, Light
from headhunt.demo.world.shading import lit, shade

# Corners of the faces of a box, winding so that a face turned to the camera has positive area in the picture
# (v grows downwards). Corner index: 4 * front + 2 * top + right.
FACES = {"front": (5, 7, 6, 4), "rear": (0, 2, 3, 1), "right": (1, 3, 7, 5), "left": (4, 6, 2, 0), "top": (2, 6, 7, 3)}


@dataclass(frozen=True)
class Box:
    """A box in body axes, metres: forward from `rear` to `front`, up from `low` to `high`, half as wide as `width`.

    Attributes:
        rear: Forward coordinate of the rear face at the foot.
        front: Forward coordinate of the front face at the foot.
        low: Height of the foot.
        high: Height of the top.
        width: Full width at the foot.
        taper: How far the top is narrower at the front and at the rear; half of that at each side.
        colours: Colour of front, rear, right, left, top.
        side: Sideways centre.
    """

    rear: float
    front: float
    low: float
    high: float
    width: float
    colours: tuple[RGB, ...]
    taper: float = 0.0
    side: float = 0.0

    def corners(self) -> Float64:
        """(8, 3) corners as forward, up, side."""
        out = []
        for i in range(8):
            front, top, right = i >= 4, i % 4 >= 2, i % 2 == 1
            draw = self.taper * top
            forward = self.front - draw if front else self.rear + draw
            half = self.width / 2 - 0.5 * draw
            out.append((forward, self.high if top else self.low, self.side + (half if right else -half)))
        return np.array(out)


def boxes(
    parts: list[Box], x: Float64, z: Float64, heading: Float64, y: Float64, view: View, light: Light
) -> list[Quads]:
    """One layer of faces for each box, without those turned away."""
    layers = []
    for part in parts:
        body = np.tile(part.corners(), (len(x), 1, 1))
        body[..., 1] += y[:, None]
        points, _ = view.project(to_world(body, x, z, heading))
        faces = points[:, [list(f) for f in FACES.values()]]
        nxt = np.roll(faces, -1, axis=2)
        area = (faces[..., 0] * nxt[..., 1] - nxt[..., 0] * faces[..., 1]).sum(-1)
        # Sun from the upper left: faces of one brightness would make a box look flat.
        across = np.stack([np.sin(heading), -np.sin(heading), np.cos(heading), -np.cos(heading)], 1)
        tone = np.concatenate([0.82 - 0.16 * across, np.full((len(x), 1), 1.08)], 1)
        colour = lit(np.tile(np.array(part.colours), (len(x), 1, 1)), x, z, light) * tone[..., None]
        opaque = np.concatenate([colour, (area > 0)[..., None].astype(np.float64)], -1)
        keep = (area > 0).any(0)
        if keep.any():
            layers.append(Quads(faces[:, keep], opaque[:, keep]))
    return layers


def _dots(
    spots: list[tuple[float, float, float]], radius: list[float], colours: Float64, opacity: Float64,
    x: Float64, z: Float64, heading: Float64, view: View,
) -> Capsules:  # fmt: skip
    points, depth = view.project(to_world(np.tile(np.array(spots), (len(x), 1, 1)), x, z, heading))
    r = np.array(radius) * view.focal / depth
    return Capsules(points, points, np.stack([r, r], -1), np.concatenate([colours, opacity[..., None]], -1))


def car(actor: Actor, way: Track, frames: Int64, view: View, light: Light) -> Sprite:
    """A car with wheels, glass and lights."""
    rows = way.rows(frames)
    x, z, heading = way.x[rows], way.z[rows], way.heading[rows]
    s = actor.size
    paint, glass = actor.colours[0], (46.0, 56.0, 66.0)
    dark = _dimmed(paint, 0.86)
    body = Box(-2.0 * s, 2.0 * s, 0.22, 0.8 * s, 1.7 * s, (dark, dark, paint, paint, paint), taper=0.06)
    long = actor.colours[1][0]
    cabin = Box(-1.75 * s, long * s, 0.78 * s, 1.4 * s, 1.56 * s, (glass, glass, glass, glass, paint), taper=0.42 * s)
    layers: list[Capsules | Quads] = []
    foot = np.array([[-2.1, 0.0, -0.9], [2.1, 0.0, -0.9], [2.1, 0.0, 0.9], [-2.1, 0.0, 0.9]]) * s
    cast = to_world(np.tile(foot, (len(x), 1, 1)), x, z, heading)
    cast[..., 0] += 0.5 * light.sun[0]
    cast[..., 2] += 0.5 * light.sun[1]
    dark_ground = np.zeros((len(x), 1, 4))
    dark_ground[..., 3] = min(0.6, 1.3 * light.shadow)
    layers.append(Quads(view.project(cast)[0][:, None], dark_ground))
    layers += boxes([body], x, z, heading, np.zeros(len(x)), view, light)
    # Which sides and ends face the camera.
    to_x, to_z = view.camera.x - x, -z
    dist = np.hypot(to_x, to_z)
    ahead = (np.sin(heading) * to_x + np.cos(heading) * to_z) / dist
    right = (np.cos(heading) * to_x - np.sin(heading) * to_z) / dist
    hubs = [(f * 1.25 * s, 0.31 * s, side * 0.8 * s) for side in (1, -1) for f in (1, -1)]
    see = np.stack([right > 0.15, right > 0.15, right < -0.15, right < -0.15], 1).astype(np.float64)
    grey = np.tile(np.array([26.0, 26.0, 28.0]), (len(x), 4, 1))
    rim = lit(np.tile(np.array([120.0, 120.0, 124.0]), (len(x), 4, 1)), x, z, light)
    layers.append(_dots(hubs, [0.33 * s] * 4, grey, see, x, z, heading, view))
    layers.append(_dots(hubs, [0.14 * s] * 4, rim, see, x, z, heading, view))
    layers += boxes([cabin], x, z, heading, np.zeros(len(x)), view, light)
    lamps = [(f * 1.96 * s, 0.6 * s, side * 0.62 * s) for f in (1, -1) for side in (1, -1)]
    glow = 1.0 if light.night else 0.85
    bright = np.tile(np.array([[255.0, 246.0, 200.0]] * 2 + [[220.0, 30.0, 24.0]] * 2) * glow, (len(x), 1, 1))
    ends = np.stack([ahead > 0.1, ahead > 0.1, ahead < -0.1, ahead < -0.1], 1).astype(np.float64)
    layers.append(_dots(lamps, [0.14 * s if light.night else 0.1 * s] * 4, bright, ends, x, z, heading, view))
    return Sprite(tuple(layers), view.depth(x, z))


def _dimmed(rgb: RGB, factor: float) -> RGB:
    return factor * rgb[0], factor * rgb[1], factor * rgb[2]


def _furniture(parts: Callable[[Actor], list[Box]], radius: float) -> Callable[..., Sprite]:
    def paint(actor: Actor, way: Track, frames: Int64, view: View, light: Light) -> Sprite:
        rows = way.rows(frames)
        x, z, heading = way.x[rows], way.z[rows], way.heading[rows]
        made = parts(actor)
        top = max(part.high for part in made)
        line = np.tile(np.array([[0.0, 0.0, 0.0], [0.0, 0.8 * top, 0.0]]), (len(x), 1, 1))
        layers: list[Capsules | Quads] = [shade(to_world(line, x, z, heading), radius * actor.size, view, light)]
        layers += boxes(made, x, z, heading, np.zeros(len(x)), view, light)
        return Sprite(tuple(layers), view.depth(x, z))

    return paint


def _bag(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    top = _dimmed(c, 0.7)
    return [
        Box(-0.16 * s, 0.16 * s, 0.0, 0.34 * s, 0.55 * s, (c, c, c, c, top), taper=0.05),
        Box(-0.03 * s, 0.03 * s, 0.34 * s, 0.44 * s, 0.22 * s, (top,) * 5),
    ]


def _bench(actor: Actor) -> list[Box]:
    c = actor.colours[0]
    return [
        Box(-0.28, -0.2, 0.0, 0.85, 1.9, (c,) * 5),
        Box(-0.2, 0.25, 0.38, 0.48, 1.9, (c,) * 5),
        Box(-0.1, 0.2, 0.0, 0.4, 0.1, (c,) * 5, side=-0.8),
        Box(-0.1, 0.2, 0.0, 0.4, 0.1, (c,) * 5, side=0.8),
    ]


def _bin(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    lid = _dimmed(c, 0.75)
    return [
        Box(-0.3 * s, 0.3 * s, 0.0, 0.95 * s, 0.6 * s, (c,) * 5),
        Box(-0.34 * s, 0.34 * s, 0.95 * s, 1.05 * s, 0.68 * s, (lid,) * 5),
    ]


def _barrel(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    band = _dimmed(c, 0.7)
    return [
        Box(-0.27 * s, 0.27 * s, 0.0, 0.4 * s, 0.54 * s, (c,) * 5),
        Box(-0.29 * s, 0.29 * s, 0.4 * s, 0.46 * s, 0.58 * s, (band,) * 5),
        Box(-0.27 * s, 0.27 * s, 0.46 * s, 0.85 * s, 0.54 * s, (*((c,) * 4), (30.0, 22.0, 18.0))),
    ]


def _counter(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    top = (min(255.0, 1.25 * c[0]), min(255.0, 1.25 * c[1]), min(255.0, 1.25 * c[2]))
    return [Box(-0.35, 0.35, 0.0, 0.95, 2.0 * s, (c, c, c, c, top))]


def _sign(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    face = actor.colours[1] if len(actor.colours) > 1 else (230.0, 230.0, 224.0)
    return [
        Box(-0.12, 0.12, 0.0, 1.6 * s, 0.9 * s, (c,) * 5),
        Box(0.1, 0.15, 0.6 * s, 1.5 * s, 0.72 * s, (face,) * 5),
        Box(-0.15, -0.1, 0.6 * s, 1.5 * s, 0.72 * s, (face,) * 5),
    ]


def _tree(actor: Actor) -> list[Box]:
    c, s = actor.colours[0], actor.size
    pot = (118.0, 92.0, 74.0)
    dark = _dimmed(c, 0.7)
    return [
        Box(-0.35, 0.35, 0.0, 0.45, 0.7, (pot,) * 5),
        Box(-0.4 * s, 0.4 * s, 0.45, 1.0, 0.8 * s, (dark,) * 5, taper=0.1),
        Box(-0.3 * s, 0.3 * s, 1.0, 1.5 * s, 0.6 * s, (c,) * 5, taper=0.2),
    ]


THINGS: dict[str, Callable[[Actor, Track, Int64, View, Light], Sprite]] = {
    "car": car,
    "bag": _furniture(_bag, 0.2),
    "bench": _furniture(_bench, 0.4),
    "bin": _furniture(_bin, 0.3),
    "barrel": _furniture(_barrel, 0.28),
    "counter": _furniture(_counter, 0.5),
    "sign": _furniture(_sign, 0.3),
    "tree": _furniture(_tree, 0.4),
}
