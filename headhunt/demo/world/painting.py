"""Anti-aliased capsules and quads painted on small patches of many frames at once; knows no scene.

A `Sprite` is a list of layers over b frames, painted in order. All shapes of a sprite are evaluated together on the
smallest box that holds them in every frame, then laid on the picture with one blend a frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Float32, Float64


@dataclass(frozen=True)
class Capsules:
    """k round-ended strokes on b frames.

    Attributes:
        a: (b, k, 2) start in pixels.
        b: (b, k, 2) end in pixels.
        r: (b, k, 2) radius at start and end in pixels.
        colour: (b, k, 4) red, green, blue in 0..255 and opacity in 0..1.
        order: (b, k) distance, the largest painted first; None to paint in the given order.
        merged: Paint the union of all strokes in the colour of the first, so that shadows do not darken each other.
    """

    a: Float64
    b: Float64
    r: Float64
    colour: Float64
    order: Float64 | None = None
    merged: bool = False


@dataclass(frozen=True)
class Quads:
    """k convex four-cornered faces on b frames: corners (b, k, 4, 2) in pixels, either winding; colour (b, k, 4)."""

    corners: Float64
    colour: Float64


@dataclass(frozen=True)
class Sprite:
    """Layers of one thing over b frames.

    Attributes:
        layers: Painted first to last.
        depth: (b,) distance of the thing from the camera, for painting far things first.
    """

    layers: tuple[Capsules | Quads, ...]
    depth: Float64


@dataclass(frozen=True)
class Patch:
    """A painted sprite: premultiplied colour and opacity (b, 4, h, w); left top corner (b, 2) as column, row."""

    pixels: Float32
    corner: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    depth: Float64


def paint(sprite: Sprite, *, width: int, height: int) -> Patch | None:
    """Evaluate a sprite on its own box; None if no frame shows it."""
    low, high = _bounds(sprite)
    size_limit = np.array([width, height])
    corner = np.clip(np.floor(low), 0, size_limit).astype(np.int64)
    far = np.clip(np.ceil(high) + 1, 0, size_limit).astype(np.int64)
    extent = far - corner
    shown = (extent > 0).all(1)
    if not shown.any():
        return None
    w, h = (int(n) for n in extent[shown].max(0))
    # A box at the border is moved inwards so that one size serves all frames.
    corner = np.minimum(corner, np.array([width - w, height - h]))
    alphas, colours = [], []
    for layer in sprite.layers:
        cover, colour = _capsules(layer, corner, w, h) if isinstance(layer, Capsules) else _quads(layer, corner, w, h)
        alphas.append(cover)
        colours.append(colour)
    alpha = np.concatenate(alphas, 1) if len(alphas) > 1 else alphas[0]
    colour = np.concatenate(colours, 1) if len(colours) > 1 else colours[0]
    return Patch(_flatten(alpha, colour.astype(np.float32)), corner, np.where(shown, sprite.depth, -1.0))


def _flatten(alpha: Float32, colour: Float32) -> Float32:
    """Stack k covers (b, k, h, w) with colours (b, k, 4) into premultiplied colour and opacity (b, 4, h, w)."""
    b, k, h, w = alpha.shape
    alpha *= colour[:, :, 3, None, None]
    seen = np.ones((b, h, w), np.float32)
    for i in range(k - 1, -1, -1):
        layer = alpha[:, i]
        layer *= seen
        seen -= layer
    out = np.empty((b, 4, h, w), np.float32)
    # einsum without BLAS: the same sum in the same order whatever the number of threads.
    paint3 = np.ascontiguousarray(colour[:, :, :3].transpose(0, 2, 1))
    out[:, :3] = np.einsum("bck,bkn->bcn", paint3, alpha.reshape(b, k, h * w)).reshape(b, 3, h, w)
    np.subtract(1.0, seen, out=out[:, 3])
    return out


def blend(picture: Float32, patch: Patch, frame: int) -> None:
    """Lay one frame of a patch on a picture (3, H, W), in place."""
    pixels = patch.pixels[frame]
    column, row = (int(n) for n in patch.corner[frame])
    h, w = pixels.shape[1:]
    region = picture[:, row : row + h, column : column + w]
    region *= 1.0 - pixels[3]
    region += pixels[:3]


def _bounds(sprite: Sprite) -> tuple[Float64, Float64]:
    low, high = [], []
    for layer in sprite.layers:
        if isinstance(layer, Capsules):
            r = layer.r.max(2)[..., None]
            low.append((np.minimum(layer.a, layer.b) - r).min(1))
            high.append((np.maximum(layer.a, layer.b) + r).max(1))
        else:
            low.append(layer.corners.min((1, 2)))
            high.append(layer.corners.max((1, 2)))
    return np.minimum.reduce(low) - 1, np.maximum.reduce(high) + 1


def _grid(corner: np.ndarray[tuple[int, int], np.dtype[np.int64]], w: int, h: int) -> tuple[Float32, Float32]:
    x = (corner[:, 0, None] + np.arange(w) + 0.5).astype(np.float32)
    y = (corner[:, 1, None] + np.arange(h) + 0.5).astype(np.float32)
    return x[:, None, None, :], y[:, None, :, None]


def _capsules(
    layer: Capsules, corner: np.ndarray[tuple[int, int], np.dtype[np.int64]], w: int, h: int
) -> tuple[Float32, Float64]:
    a, b, r, colour = layer.a, layer.b, layer.r, layer.colour
    if layer.order is not None:
        order = np.argsort(-layer.order, axis=1, kind="stable")
        a, b, r, colour = (np.take_along_axis(v, order[..., None], 1) for v in (a, b, r, colour))
    ax, ay = (a[..., i, None, None].astype(np.float32) for i in (0, 1))
    ex, ey = ((b - a)[..., i, None, None].astype(np.float32) for i in (0, 1))
    r0, dr = r[..., 0, None, None].astype(np.float32), (r[..., 1] - r[..., 0])[..., None, None].astype(np.float32)
    length2 = np.maximum(ex * ex + ey * ey, np.float32(1e-3))
    x, y = _grid(corner, w, h)
    px, py = x - ax, y - ay
    dot = px * ex + py * ey
    t = dot / length2
    np.clip(t, 0.0, 1.0, out=t)
    # |p - a - t e|^2 = |p - a|^2 + t (t |e|^2 - 2 dot)
    dot *= -2.0
    dot += t * length2
    dot *= t
    dot += px * px + py * py
    np.maximum(dot, 0.0, out=dot)
    np.sqrt(dot, out=dot)
    t *= dr
    t -= dot
    t += r0 + np.float32(0.5)
    cover = np.asarray(np.clip(t, 0.0, 1.0, out=t), np.float32)
    return (cover.max(1, keepdims=True), colour[:, :1]) if layer.merged else (cover, colour)


def _quads(
    layer: Quads, corner: np.ndarray[tuple[int, int], np.dtype[np.int64]], w: int, h: int
) -> tuple[Float32, Float64]:
    corners = layer.corners
    nxt = np.roll(corners, -1, axis=2)
    edge = nxt - corners
    area = (corners[..., 0] * nxt[..., 1] - nxt[..., 0] * corners[..., 1]).sum(2)
    sign = np.where(area < 0, -1.0, 1.0)[..., None]
    length = np.maximum(np.hypot(edge[..., 0], edge[..., 1]), 1e-6)
    # Outward normal of each edge; a point is inside where all four distances are negative.
    normal_x, normal_y = sign * edge[..., 1] / length, -sign * edge[..., 0] / length
    offset = normal_x * corners[..., 0] + normal_y * corners[..., 1]
    nx, ny, c = (v[..., None, None].astype(np.float32) for v in (normal_x, normal_y, offset))
    x, y = _grid(corner, w, h)
    worst = x * nx[:, :, 0] + (y * ny[:, :, 0] - c[:, :, 0])
    for i in (1, 2, 3):
        np.maximum(worst, x * nx[:, :, i] + (y * ny[:, :, i] - c[:, :, i]), out=worst)
    np.subtract(0.5, worst, out=worst)
    np.clip(worst, 0.0, 1.0, out=worst)
    # A face seen edge-on has no inside.
    worst *= (np.abs(area) > 0.5)[..., None, None]
    return np.asarray(worst, np.float32), layer.colour
