"""Geometry of one camera: world to pixels, pixels to ground, what is in view; paints nothing."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float64
from headhunt.demo.world.plan import Camera

NEAR = 0.6  # metres: nothing nearer is projected


class View:
    """A camera at a given picture size.

    Args:
        camera: Where it hangs and where it looks.
        width: Pixels.
        height: Pixels.
    """

    def __init__(self, camera: Camera, width: int, height: int) -> None:
        self.camera, self.width, self.height = camera, width, height
        self.focal = camera.focal * width
        self._cy, self._sy = math.cos(camera.yaw), math.sin(camera.yaw)
        self._cp, self._sp = math.cos(camera.pitch), math.sin(camera.pitch)

    def project(self, points: Float64) -> tuple[Float64, Float64]:
        """World points (..., 3) as x, y, z in metres -> pixels (..., 2) as u, v and depth (...) in metres."""
        dx, dy, dz = points[..., 0] - self.camera.x, points[..., 1] - self.camera.height, points[..., 2]
        right = dx * self._cy - dz * self._sy
        ahead = dx * self._sy + dz * self._cy
        depth = np.maximum(ahead * self._cp - dy * self._sp, NEAR)
        up = dy * self._cp + ahead * self._sp
        scale = self.focal / depth
        return np.stack([self.width / 2 + right * scale, self.height / 2 - up * scale], -1), depth

    def rays(self, factor: int) -> npt.NDArray[np.float64]:
        """Directions (height * factor, width * factor, 3) of the pixels' rays in world axes, not normalised."""
        u = (np.arange(self.width * factor) + 0.5) / factor - self.width / 2
        v = self.height / 2 - (np.arange(self.height * factor) + 0.5) / factor
        right, up = np.meshgrid(u / self.focal, v / self.focal)
        ahead = self._cp + up * self._sp
        y = up * self._cp - self._sp
        return np.stack([right * self._cy + ahead * self._sy, y, ahead * self._cy - right * self._sy], -1)

    def edges(self, z: float) -> tuple[float, float]:
        """The x of the ground points at the left and right edges of the picture, at distance z."""
        out = []
        for k in (-0.5 * self.width / self.focal, 0.5 * self.width / self.focal):
            ahead = z * self._cy * self._cp + self.camera.height * self._sp
            dx = (z * self._sy + k * ahead) / (self._cy - k * self._sy * self._cp)
            out.append(self.camera.x + dx)
        return out[0], out[1]

    def depth(self, x: Float64, z: Float64) -> Float64:
        """Depths (n,) in metres of ground points x, z (n,)."""
        return self.project(np.stack([x, 0 * x, z], -1))[1]

    def middles(self, x: Float64, z: Float64) -> tuple[Float64, Float64]:
        """Pixels (n, 2) and depths (n,) of the middles of bodies of usual height on ground points x, z (n,)."""
        return self.project(np.stack([x, np.full_like(x, 0.8), z], -1))

    def inside(self, x: Float64, z: Float64, *, margin: float = 0.0) -> npt.NDArray[np.bool_]:
        """Whether bodies of usual height on ground points x, z (n,) are in view; `margin` in metres narrows it."""
        uv, depth = self.middles(x, z)
        slack = margin * self.focal / depth
        across = (uv[..., 0] > slack) & (uv[..., 0] < self.width - slack)
        return np.asarray(across & (uv[..., 1] > 0) & (uv[..., 1] < self.height) & (depth > NEAR))
