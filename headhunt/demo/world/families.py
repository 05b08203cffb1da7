"""The cameras, light and textures that a place may have, kept apart by split.

Training and evaluation never share a value: every number that fixes a camera or a texture is drawn from cells of its
range, even cells for one split and odd cells for the other, and all random streams are keyed by the split.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from headhunt.demo.world.plan import RGB, SPLITS, WORLD_VERSION, Camera, Light, Split, Surface

CELLS = 16

COLOURS: dict[str, RGB] = {
    "red": (196, 44, 40),
    "blue": (44, 78, 178),
    "green": (48, 136, 66),
    "yellow": (226, 196, 54),
    "white": (232, 230, 224),
    "black": (36, 34, 40),
    "grey": (128, 130, 134),
    "orange": (228, 122, 40),
    "purple": (118, 58, 146),
    "pink": (226, 128, 166),
    "brown": (118, 78, 48),
}
SKINS: tuple[RGB, ...] = ((232, 190, 160), (206, 156, 120), (158, 108, 76), (104, 70, 50), (240, 206, 180))
HAIRS: tuple[RGB, ...] = ((34, 26, 24), (84, 56, 36), (176, 134, 74), (150, 148, 146), (20, 20, 26))
LEGS: tuple[RGB, ...] = ((38, 46, 78), (52, 52, 56), (96, 84, 66), (30, 30, 34), (122, 116, 104), (70, 40, 40))


@dataclass(frozen=True)
class Ground:
    """Where things happen in a place.

    Attributes:
        axis: "x" if people cross the picture, "z" if they come and go along it.
        lanes: Distances z (axis "x") or sideways positions x (axis "z") that people walk on.
        near: Nearest z in use.
        far: Farthest z in use.
        road: z of the two driving lanes; () where nothing drives.
        cycle: z on which bicycles ride; 0 for none.
    """

    axis: str
    lanes: tuple[float, ...]
    near: float
    far: float
    road: tuple[float, ...] = ()
    cycle: float = 0.0


GROUND = {
    "square": Ground("x", (6.2, 7.4, 8.6, 10.0), 5.6, 11.5, cycle=11.6),
    "street": Ground("x", (6.0, 6.8, 14.2), 5.6, 15.0, road=(9.6, 11.9), cycle=8.4),
    "corridor": Ground("z", (-1.2, -0.5, 0.3, 1.1), 4.2, 15.5),
    "car park": Ground("x", (5.8, 6.6, 7.4), 5.4, 8.2, road=(8.8, 10.6), cycle=7.9),
    "shop": Ground("x", (4.8, 5.8, 6.9, 8.0), 4.4, 9.0),
}
# Camera ranges (low, high) of each place: height in metres, pitch in degrees, focal length in picture widths.
RANGES = {
    "square": ((3.7, 5.0), (25.0, 29.0), (1.10, 1.35)),
    "street": ((3.9, 5.0), (24.5, 27.5), (1.08, 1.26)),
    "corridor": ((2.45, 2.95), (17.0, 21.0), (1.00, 1.22)),
    "car park": ((4.2, 5.4), (26.0, 30.0), (1.08, 1.30)),
    "shop": ((2.8, 3.5), (22.0, 26.5), (0.98, 1.18)),
}


def cell(rng: np.random.Generator, low: float, high: float, split: Split) -> float:
    """A random number in [low, high] from the cells of this split: even cells for "train", odd ones for "eval"."""
    index = 2 * int(rng.integers(CELLS // 2)) + SPLITS.index(split)
    return low + (high - low) * (index + float(rng.uniform(0.02, 0.98))) / CELLS


def stream(seed: int, split: Split, *keys: int) -> np.random.Generator:
    """The random stream for one purpose in one video of one split."""
    return np.random.default_rng([WORLD_VERSION, SPLITS.index(split), seed, *keys])


def make_camera(rng: np.random.Generator, place: str, split: Split) -> Camera:
    """A camera of this place and split."""
    height, pitch, focal = RANGES[place]
    corridor = place == "corridor"
    return Camera(
        place=place,
        x=cell(rng, -0.8, 0.8, split),
        height=cell(rng, *height, split),
        yaw=math.radians(cell(rng, -4.0, 4.0, split) if corridor else cell(rng, -14.0, 14.0, split)),
        pitch=math.radians(cell(rng, *pitch, split)),
        focal=cell(rng, *focal, split),
    )


def make_light(rng: np.random.Generator, place: str, split: Split) -> Light:
    """Day or night (indoors: bright or dim), with shadows."""
    indoors = place in ("corridor", "shop")
    night = bool(rng.random() < (0.25 if indoors else 0.35))
    if night:
        low = cell(rng, 0.42, 0.56, split)
        lows, highs = (-6.0, 6.0, 2.2, 0.35), (6.0, 13.0, 3.6, 0.55)
        drawn = rng.uniform(lows, highs, (int(rng.integers(1, 4)), 4))
        lamps = tuple((float(x), float(z), float(r), float(s)) for x, z, r, s in drawn)
        return Light(True, (low * 0.92, low * 0.98, low * 1.16), lamps, (0.1, 0.1), 0.25)
    bright = cell(rng, 0.82, 1.06, split)
    warm = float(rng.uniform(-0.04, 0.04))
    sun = (0.1, 0.08) if indoors else (float(rng.uniform(-0.9, 0.9)), float(rng.uniform(-0.1, 0.5)))
    return Light(False, (bright * (1 + warm), bright, bright * (1 - warm)), (), sun, 0.22 if indoors else 0.36)


def make_surface(rng: np.random.Generator, split: Split) -> Surface:
    """Textures of this split."""

    def tint(low: float, high: float, spread: float) -> RGB:
        base = cell(rng, low, high, split)
        shift = rng.uniform(-spread, spread, 3)
        return (base + float(shift[0]), base + float(shift[1]), base + float(shift[2]))

    ground = tint(104, 168, 16)
    wall = tint(120, 206, 28)
    hue = int(rng.integers(len(COLOURS)))
    accent = list(COLOURS.values())[hue]
    mix = 0.75
    seed = 2 * int(rng.integers(1 << 30)) + SPLITS.index(split)
    return Surface(
        seed=seed,
        ground=ground,
        wall=wall,
        accent=(accent[0] * mix + 40, accent[1] * mix + 40, accent[2] * mix + 40),
        tile=cell(rng, 0.45, 1.1, split),
        pattern=int(rng.integers(3)),
    )
