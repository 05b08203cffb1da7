"""The still background of a place: each pixel's ray meets ground, walls or shelves, which are painted in metres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, map_coordinates

from headhunt.arrays import Float32, Float64
from headhunt.demo.world.camera import View
from headhunt.demo.world.plan import Camera, Light, Surface
from headhunt.demo.world.shading import level

FACTOR = 2  # samples per pixel, each way
BACK_WALL = {"square": 17.0, "street": 15.6, "corridor": 17.0, "car park": 19.0, "shop": 10.4}
HALF_WIDTH = 2.1  # corridor, metres
CEILING = 3.1
ROAD = (8.0, 13.2)  # street: near and far kerb, metres
BAYS = (12.0, 16.6)  # car park: front and back of the parking bays
BAY_WIDTH = 2.9

Mask = npt.NDArray[np.bool_]
Paint = Callable[[Float64, Float64, Surface, "Texture"], Float64]


class Texture:
    """Smooth random fields over the plane, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        white = rng.standard_normal((256, 256))
        self._fields = []
        for sigma in (1.0, 4.0, 14.0):
            field = gaussian_filter(white, sigma, mode="wrap")
            self._fields.append(field / field.std())

    def __call__(self, u: Float64, v: Float64, octave: int, scale: float) -> Float64:
        """Values of mean 0 and deviation 1 at points u, v in metres; one cell is `scale` metres."""
        coordinates = np.stack([np.mod(u / scale, 256), np.mod(v / scale, 256)])
        return np.asarray(map_coordinates(self._fields[octave], coordinates, order=1, mode="grid-wrap"))


def _joints(u: Float64, v: Float64, size: float, gap: float, *, brick: bool = False) -> Mask:
    row = np.floor(v / size)
    shifted = u + 0.5 * size * (row % 2) * brick
    wide = size * (2.0 if brick else 1.0)
    return (np.mod(shifted, wide) < gap) | (np.mod(v, size) < gap)


def _tone(base: tuple[float, float, float], value: Float64) -> Float64:
    return np.array(base) * (1.0 + value)[..., None]


def _paving(x: Float64, z: Float64, surface: Surface, noise: Texture, base: tuple[float, float, float]) -> Float64:
    tile = surface.tile
    cell = noise(np.floor(x / tile) * 7.3, np.floor(z / tile) * 5.1, 0, 1.0)
    out = _tone(base, 0.05 * cell + 0.05 * noise(x, z, 1, 0.12) + 0.06 * noise(x, z, 2, 0.2))
    return np.where(_joints(x, z, tile, 0.05)[..., None], 0.78 * out, out)


def _asphalt(x: Float64, z: Float64, noise: Texture, base: tuple[float, float, float]) -> Float64:
    return _tone(base, 0.07 * noise(x, z, 0, 0.05) + 0.08 * noise(x, z, 2, 0.15))


def _square(x: Float64, z: Float64, surface: Surface, noise: Texture) -> Float64:
    out = _paving(x, z, surface, noise, surface.ground)
    if surface.pattern == 0:
        band = np.mod(x + 1.3, 4.0) < 0.5
    elif surface.pattern == 1:
        band = np.abs(np.hypot(x - 0.5, z - 9.0) - 3.2) < 0.3
    else:
        band = np.mod(z, 3.5) < 0.45
    out = np.where(band[..., None], 0.5 * out + 0.5 * np.array(surface.accent) * 0.8, out)
    grass = _tone((86.0, 118.0, 62.0), 0.14 * noise(x, z, 0, 0.06) + 0.12 * noise(x, z, 2, 0.2))
    return np.where((z > 13.0)[..., None], grass, out)


def _street(x: Float64, z: Float64, surface: Surface, noise: Texture) -> Float64:
    near, far = ROAD
    middle = 0.5 * (near + far)
    out = _asphalt(x, z, noise, (84.0, 84.0, 88.0))
    dash = (np.abs(z - middle) < 0.09) & (np.mod(x + surface.tile * 3, 3.0) < 1.6)
    out[dash] = (206.0, 204.0, 196.0)
    if surface.pattern == 1:
        zebra = (np.abs(x - 2.2) < 1.4) & (np.mod(z - near, 0.9) < 0.45) & (z > near) & (z < far)
        out[zebra] = (200.0, 200.0, 194.0)
    walk = _paving(x, z, surface, noise, surface.ground)
    pavement = (z < near) | (z > far)
    out = np.where(pavement[..., None], walk, out)
    kerb = (np.abs(z - near) < 0.12) | (np.abs(z - far) < 0.12)
    return np.where(kerb[..., None], _tone((172.0, 170.0, 164.0), 0.04 * noise(x, z, 0, 0.1)), out)


def _car_park(x: Float64, z: Float64, surface: Surface, noise: Texture) -> Float64:
    out = _asphalt(x, z, noise, surface.ground)
    front, back = BAYS
    bays = (z > front) & (z < back)
    line = bays & (np.mod(x + 0.5 * BAY_WIDTH, BAY_WIDTH) < 0.13)
    line |= bays & (z > back - 0.12)
    near = (z < 5.2) & (np.mod(x + 0.5 * BAY_WIDTH, BAY_WIDTH) < 0.11)
    out[line | near] = surface.accent
    arrow = (np.abs(z - 8.6) < 0.09) & (np.mod(x, 5.0) < 1.8)
    out[arrow] = np.array(surface.accent) * 0.9
    path = (z > back + 0.4)[..., None]
    return np.where(path, _paving(x, z, surface, noise, (150.0, 146.0, 138.0)), out)


def _floor(x: Float64, z: Float64, surface: Surface, noise: Texture) -> Float64:
    out = _paving(x, z, surface, noise, surface.ground)
    checks = (np.floor(x / surface.tile) + np.floor(z / surface.tile)) % 2 == 0
    if surface.pattern == 0:
        out = np.where(checks[..., None], 0.86 * out, out)
    elif surface.pattern == 1:
        stripe = np.abs(np.abs(x) - 0.9) < 0.12
        out = np.where(stripe[..., None], 0.4 * out + 0.6 * np.array(surface.accent), out)
    return out


GROUNDS: dict[str, Paint] = {
    "square": _square,
    "street": _street,
    "corridor": _floor,
    "car park": _car_park,
    "shop": _floor,
}


def _front(u: Float64, y: Float64, surface: Surface, noise: Texture) -> Float64:
    """A house front: brick or plaster, with windows and doors in a row."""
    out = _tone(surface.wall, 0.05 * noise(u, y, 1, 0.1) + 0.05 * noise(u, y, 2, 0.2))
    if surface.pattern != 2:
        out = np.where(_joints(u, y, 0.3, 0.05, brick=True)[..., None], 0.84 * out, out)
    wide = 2.6 + surface.tile
    place = np.mod(u + 0.7, wide)
    index = np.floor((u + 0.7) / wide)
    door = (np.mod(index, 3) == 1) & (place > 0.6) & (place < 1.7) & (y < 2.2)
    window = ~door & (place > 0.45) & (place < 1.9) & (y > 0.9) & (y < 2.4)
    frame = window & ((place < 0.57) | (place > 1.78) | (y < 1.02) | (np.abs(place - 1.17) < 0.05))
    out[window] = np.array([58.0, 72.0, 88.0]) * (1 + 0.2 * np.sin(3 * place[window] + y[window]))[..., None]
    out[frame] = (212.0, 208.0, 200.0)
    out[door] = surface.accent
    return np.where((y < 0.25)[..., None], 0.7 * out, out)


def _hedge(u: Float64, y: Float64, surface: Surface, noise: Texture) -> Float64:
    green = _tone((58.0, 84.0, 44.0), 0.24 * noise(u, y, 0, 0.07) + 0.15 * noise(u, y, 2, 0.1))
    return np.where((y < 1.9)[..., None], green, _front(u + 3.0, y, surface, noise))


def _inner_wall(u: Float64, y: Float64, surface: Surface, noise: Texture) -> Float64:
    out = _tone(surface.wall, 0.03 * noise(u, y, 2, 0.15))
    place = np.mod(u + surface.tile * 4, 4.4)
    door = (place < 1.0) & (y < 2.1)
    out[door] = surface.accent
    out[door & ((place < 0.07) | (place > 0.93) | (y > 2.03))] = np.array(surface.accent) * 0.6
    out[(np.abs(y - 1.0) < 0.06) & ~door] = np.array(surface.wall) * 0.75
    return np.where((y < 0.14)[..., None], 0.6 * out, out)


def _shelves(u: Float64, y: Float64, surface: Surface, noise: Texture) -> Float64:
    board = np.mod(y, 0.46)
    item = np.floor(u / 0.24)
    row = np.floor(y / 0.46)
    pick = np.mod(item * 12.9898 + row * 78.233 + surface.seed % 997, 7.0)
    palette = np.array(
        [surface.accent, (196, 64, 54), (226, 190, 70), (70, 110, 168), (230, 226, 214), (88, 140, 84), (150, 92, 140)]
    )
    out = palette[pick.astype(int) % 7] * (0.86 + 0.04 * noise(u, y, 1, 0.1))[..., None]
    tall = board < 0.3 + 0.02 * pick
    gap = np.mod(u, 0.24) < 0.03
    out = np.where((tall & ~gap)[..., None], out, 48.0)
    out = np.where((board < 0.05)[..., None], np.array(surface.wall) * 0.9, out)
    return np.where((y > 2.1)[..., None], _tone(surface.wall, 0.03 * noise(u, y, 2, 0.1)), out)


WALLS: dict[str, Paint] = {
    "square": _hedge,
    "street": _front,
    "corridor": _inner_wall,
    "car park": _hedge,
    "shop": _shelves,
}


def background(camera: Camera, light: Light, surface: Surface, *, width: int, height: int) -> Float32:
    """The lit picture (3, height, width) of the empty place, 0..255."""
    view = View(camera, width, height)
    ray = view.rays(FACTOR)
    origin = np.array([camera.x, camera.height, 0.0])
    noise = Texture(surface.seed)
    place = camera.place
    with np.errstate(divide="ignore", invalid="ignore"):
        to_ground = np.where(ray[..., 1] < -1e-9, -camera.height / ray[..., 1], np.inf)
        to_wall = np.where(ray[..., 2] > 1e-9, BACK_WALL[place] / ray[..., 2], np.inf)
    nearest = np.minimum(to_ground, to_wall)
    best = np.where(to_wall < to_ground, 1, 0)
    if place == "corridor":
        with np.errstate(divide="ignore", invalid="ignore"):
            left = np.where(ray[..., 0] < -1e-9, (-HALF_WIDTH - camera.x) / ray[..., 0], np.inf)
            right = np.where(ray[..., 0] > 1e-9, (HALF_WIDTH - camera.x) / ray[..., 0], np.inf)
            roof = np.where(ray[..., 1] > 1e-9, (CEILING - camera.height) / ray[..., 1], np.inf)
        for code, distance in ((2, left), (3, right), (4, roof)):
            best = np.where(distance < nearest, code, best)
            nearest = np.minimum(nearest, distance)
    hit = origin + ray * np.minimum(nearest, 200.0)[..., None]
    x, y, z = hit[..., 0], hit[..., 1], hit[..., 2]
    out = GROUNDS[place](x, z, surface, noise)
    out = np.where((best == 1)[..., None], WALLS[place](x, y, surface, noise), out)
    if place == "corridor":
        side = _inner_wall(z, y, surface, noise) * 0.9
        out = np.where(((best == 2) | (best == 3))[..., None], side, out)
        out = np.where((best == 4)[..., None], _tone((214.0, 212.0, 206.0), 0.02 * noise(x, z, 2, 0.1)), out)
    out = out * level(x, z, light)
    # It is darker where walls meet the ground.
    corner = np.exp(-np.maximum(BACK_WALL[place] - z, 0.0) / 0.5) * (best == 0) + np.exp(-y / 0.5) * (best == 1)
    if place == "corridor":
        corner = corner + 0.8 * np.exp(-(HALF_WIDTH - np.abs(x)) / 0.3) * (best == 0)
    out = out * (1 - 0.3 * np.clip(corner, 0, 1))[..., None]
    small = out.reshape(height, FACTOR, width, FACTOR, 3).mean((1, 3))
    v, u = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    small = small * (1 - 0.13 * (u * u + v * v))[..., None]
    return np.ascontiguousarray(np.clip(small, 0, 255).transpose(2, 0, 1).astype(np.float32))
