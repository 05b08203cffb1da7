"""Light on colours, and shadows on the ground."""

from __future__ import annotations

import numpy as np

from headhunt.arrays import Float64
from headhunt.demo.world.camera import View
from headhunt.demo.world.painting import Capsules
from headhunt.demo.world.plan import Light


def level(x: Float64, z: Float64, light: Light) -> Float64:
    """Colour factors (..., 3) of the light at ground points x, z (...)."""
    out = np.broadcast_to(np.array(light.ambient), (*np.shape(x), 3)).copy()
    for lamp_x, lamp_z, radius, strength in light.lamps:
        glow = strength * np.exp(-((x - lamp_x) ** 2 + (z - lamp_z) ** 2) / (2 * radius**2))
        out += glow[..., None] * np.array([1.0, 0.92, 0.74])
    return np.asarray(np.minimum(out, 1.15))


def lit(colour: Float64, x: Float64, z: Float64, light: Light) -> Float64:
    """Colours (n, k, 3) as lit on things that stand on ground points x, z (n,)."""
    return np.asarray(colour * level(x, z, light)[:, None, :])


def shade(line: Float64, radius: float, view: View, light: Light) -> Capsules:
    """The shadow of a chain of points (n, m, 3) in metres as one dark shape of m - 1 strokes on the ground."""
    cast = line.copy()
    cast[..., 0] += line[..., 1] * light.sun[0]
    cast[..., 2] += line[..., 1] * light.sun[1]
    cast[..., 1] = 0.0
    points, depth = view.project(cast)
    r = radius * view.focal / depth
    n, m = depth.shape
    colour = np.zeros((n, m - 1, 4))
    colour[..., 3] = light.shadow
    return Capsules(points[:, :-1], points[:, 1:], np.stack([r[:, :-1], r[:, 1:]], -1), colour, merged=True)
