"""Fire, smoke, flashes and flying pieces on many frames at once, from one field of turbulence."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from headhunt.arrays import Float32, Float64, Int64
from headhunt.demo.world.camera import View
from headhunt.demo.world.painting import Patch
from headhunt.demo.world.plan import Effect, Light

Floats = npt.NDArray[np.floating[Any]]

PIECES = 14
LIVELY = 8.0  # cells of turbulence that a flame rises a second


@functools.cache
def turbulence() -> Float32:
    """Two octaves of smooth noise (512, 256), 0 to 1, periodic in both directions; read-only."""
    rng = np.random.default_rng(20_260_715)
    white = rng.standard_normal((512, 256))
    out = np.zeros_like(white)
    for sigma, weight in ((3.2, 0.4), (8.0, 1.0)):
        field = gaussian_filter(white, sigma, mode="wrap")
        out += weight * field / field.std()
    low, high = np.quantile(out, (0.01, 0.99))
    field = np.asarray(np.clip((out - low) / (high - low), 0, 1), np.float32)
    field.flags.writeable = False
    return field


def strength(effect: Effect, frames: Int64) -> Float64:
    """How far an effect has grown on native frames, 0 to 1."""
    age, left = frames - effect.start_frame, effect.end_frame - frames
    grow = max(1, effect.grow_frames)
    alive = (age >= 0) & (left > 0)
    return np.where(alive, np.clip(np.minimum((age + 1) / grow, left / min(grow, 20)), 0.0, 1.0), 0.0)


def _plume(effect: Effect, view: View, *, up: float, wide: float) -> tuple[tuple[int, int], Floats, Floats] | None:
    """The box of a plume: its left top corner (column, row), and the metres of its pixels from the plume's foot.

    The metres are those to the right, (1, 1, w), and those up, (1, h, 1). None when the box is out of the picture.
    """
    foot, depth = view.project(np.array([[effect.x, effect.y, effect.z]]))
    scale = float(view.focal / depth[0])
    u, v = float(foot[0, 0]), float(foot[0, 1])
    column, row = max(0, int(u - wide * scale)), max(0, int(v - up * scale))
    w = min(view.width, int(u + wide * scale) + 1) - column
    h = min(view.height, int(v + 0.25 * scale) + 1) - row
    if w <= 0 or h <= 0:
        return None
    px = ((np.arange(w) + column + 0.5 - u) / scale)[None, None, :]
    py = ((v - (np.arange(h) + row + 0.5)) / scale)[None, :, None]
    return (column, row), px, py


def _patch(pixels: Float32, corner: tuple[int, int], effect: Effect, view: View, *, ahead: float) -> Patch:
    """Pixels (b, 4, h, w) as a patch at the effect's depth, `ahead` metres nearer."""
    depth = float(view.depth(np.array([effect.x]), np.array([effect.z]))[0])
    corners = np.tile(np.array([corner], np.int64), (len(pixels), 1))
    return Patch(pixels, corners, np.full(len(pixels), depth - ahead))


def _sample(field: Float32, column: Floats, row: Floats) -> Float32:
    return np.asarray(field[np.floor(2 * row).astype(np.int64) % 512, np.floor(2 * column).astype(np.int64) % 256])


def fire(effect: Effect, frames: Int64, view: View, light: Light, field: Float32, fps: int) -> Patch | None:
    """A flame that grows to `effect.size` metres, with its own light."""
    size = effect.size
    box = _plume(effect, view, up=1.35 * size, wide=0.75 * size + 0.2)
    if box is None:
        return None
    corner, px, py = box
    power = strength(effect, frames)[:, None, None]
    fps_time = frames[:, None, None] / fps
    cells = 14.0 / max(0.6, size)
    lift = fps_time * LIVELY * 3.0
    rough = _sample(field, px * cells * 2 + effect.seed % 128, -py * cells * 1.4 + lift + effect.seed % 199)
    fine = _sample(field, px * cells * 4 - effect.seed % 77, -py * cells * 2.4 + lift * 1.7)
    grown = size * (0.25 + 0.75 * power)
    tall = np.clip(py / grown, -0.3, 1.6)
    sway = 0.12 * size * np.maximum(tall, 0) * np.sin(fps_time * 5 + tall * 4 + effect.seed)
    half = np.maximum(0.36 * grown * (1.05 - 0.75 * tall), 0.02)
    body = 1.25 - (np.abs(px - sway) / half) ** 2 - np.maximum(tall, 0) * 0.9 - np.maximum(-tall, 0) * 6
    heat = (body * 0.75 + (rough - 0.5) * 1.5 * np.clip(0.3 + tall, 0, 1) + (fine - 0.5) * 0.6) * (power > 0)
    opacity = np.clip(heat * 3.0, 0, 1) * np.minimum(1.0, power * 3)
    hot = np.clip(heat, 0, 1)
    out = np.empty((len(frames), 4, py.size, px.size), np.float32)
    out[:, 0] = np.clip(170 + 260 * hot, 0, 255) * opacity
    out[:, 1] = np.clip(20 + 330 * hot**1.1, 0, 250) * opacity
    out[:, 2] = np.clip(-40 + 260 * hot**2, 8, 200) * opacity
    out[:, 3] = opacity
    # Light on the surroundings: colour added without covering.
    flicker = 0.8 + 0.2 * np.sin(fps_time * 23 + effect.seed) * np.sin(fps_time * 14)
    glow = np.exp(-((px / (0.9 * size)) ** 2 + ((py - 0.4 * size) / (0.9 * size)) ** 2) * 2.2) * power * flicker
    glow = glow * (70.0 if light.night else 34.0) * (1 - opacity)
    out[:, 0] += glow
    out[:, 1] += 0.5 * glow
    out[:, 2] += 0.15 * glow
    return _patch(out, corner, effect, view, ahead=0.05)


def smoke(effect: Effect, frames: Int64, view: View, light: Light, field: Float32, fps: int) -> Patch | None:
    """A plume that rises, widens and thins."""
    size = effect.size
    box = _plume(effect, view, up=1.5 * size, wide=0.7 * size + 0.3)
    if box is None:
        return None
    corner, px, py = box
    power = strength(effect, frames)[:, None, None]
    time = (frames[:, None, None] - effect.start_frame) / fps
    cells = 7.0 / max(0.8, size)
    rough = _sample(field, px * cells * 2 + effect.seed % 101, -py * cells * 1.6 + time * 9 + effect.seed % 151)
    fine = _sample(field, px * cells * 5 + effect.seed % 31, -py * cells * 4 + time * 17)
    tall = py / size
    front = np.minimum(1.45, 0.15 + 0.55 * time)
    drift = 0.22 * size * tall**2 * (1 if effect.seed % 2 else -1)
    half = size * (0.12 + 0.3 * np.clip(tall, 0, 1.5))
    body = 1.0 - ((px - drift) / half) ** 2
    thick = np.clip(1.6 * body + 1.4 * (rough - 0.55) + 0.5 * (fine - 0.5), 0, 1)
    thick = thick * np.clip((front - tall) * 3, 0, 1) * np.clip(1.5 - tall, 0, 1) * np.clip(1 + 5 * tall, 0, 1)
    opacity = 0.9 * thick * power
    grey = (48.0 + 46.0 * fine + 50.0 * np.clip(tall, 0, 1)) * float(np.mean(light.ambient)) ** 0.5
    out = np.empty((len(frames), 4, py.size, px.size), np.float32)
    out[:, :3] = (grey * opacity)[:, None]
    out[:, 3] = opacity
    return _patch(out, corner, effect, view, ahead=0.1)


def pieces(effect: Effect, frames: Int64, view: View, light: Light, field: Float32, fps: int) -> Patch | None:
    """Bits thrown from one point that fall to the ground and stay there."""
    rng = np.random.default_rng(effect.seed)
    angle, out_speed = rng.uniform(0, 2 * np.pi, PIECES), rng.uniform(0.4, 1.0, PIECES) * effect.size * 1.6
    rise = rng.uniform(0.5, 1.0, PIECES) * effect.size * 2.2
    radius, tone = rng.uniform(0.02, 0.055, PIECES), rng.uniform(30, 190, PIECES)
    t = np.maximum(frames - effect.start_frame, 0)[:, None] / fps
    fall = (rise + np.sqrt(rise**2 + 19.6 * effect.y)) / 9.8
    flown = np.minimum(t, fall)
    x, z = effect.x + np.cos(angle) * out_speed * flown, effect.z + np.sin(angle) * out_speed * flown
    y = np.maximum(0.02, effect.y + rise * flown - 4.9 * flown**2)
    points, depth = view.project(np.stack([x, y, z], -1))
    reach = np.maximum(0.55, radius * view.focal / depth)
    # One box for all frames and all pieces in the picture.
    shown = (points[..., 0] > 1) & (points[..., 0] < view.width - 1)
    shown &= (points[..., 1] > 1) & (points[..., 1] < view.height - 1)
    if not shown.any():
        return None
    low, high = points[shown].min(0) - 3, points[shown].max(0) + 3
    column, row = (max(0, int(n)) for n in low)
    w, h = min(view.width, int(high[0]) + 1) - column, min(view.height, int(high[1]) + 1) - row
    out = np.zeros((len(frames), 4, h, w), np.float32)
    shade = float(np.mean(light.ambient))
    for b, k in zip(*np.nonzero(shown), strict=True):
        u, v, r = points[b, k, 0] - column, points[b, k, 1] - row, reach[b, k]
        left, top = max(0, int(u - r)), max(0, int(v - r))
        right, bottom = max(left + 1, int(np.ceil(u + r))), max(top + 1, int(np.ceil(v + r)))
        out[b, :3, top:bottom, left:right] = tone[k] * shade
        out[b, 3, top:bottom, left:right] = 1.0
    return _patch(out, (column, row), effect, view, ahead=0.6)


def flash(effect: Effect, frames: Int64, view: View, light: Light, field: Float32, fps: int) -> Patch | None:
    """A burst of light over the whole picture that dies away."""
    t = (frames - effect.start_frame) / max(1, effect.end_frame - effect.start_frame)
    power = np.where((t >= 0) & (t < 1), (1 - t) ** 2, 0.0)
    if not power.any():
        return None
    centre, depth = view.project(np.array([[effect.x, effect.y + 0.8, effect.z]]))
    scale = float(view.focal / depth[0])
    px = (np.arange(view.width) + 0.5 - centre[0, 0]) / scale
    py = (np.arange(view.height) + 0.5 - centre[0, 1]) / scale
    far = np.hypot(px[None, :], py[:, None]) / effect.size
    reach = np.exp(-(far**2) / 2)[None] * power[:, None, None]
    opacity = np.clip(1.3 * reach + 0.35 * power[:, None, None], 0, 0.97)
    out = np.empty((len(frames), 4, view.height, view.width), np.float32)
    for channel, colour in enumerate((255.0, 244.0, 205.0)):
        out[:, channel] = colour * opacity
    out[:, 3] = opacity
    return Patch(out, np.zeros((len(frames), 2), np.int64), np.zeros(len(frames)))


EFFECTS = {"fire": fire, "smoke": smoke, "pieces": pieces, "flash": flash}
