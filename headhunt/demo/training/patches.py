"""Which words every patch of a frame shows: kinds, colours, actions, directions, numbers, things, light, place."""

from __future__ import annotations

import functools

import numpy as np

from headhunt.arrays import Float64, Int64, UInt8
from headhunt.demo.training.grid import CELL, GRID
from headhunt.demo.training.language import COLOURS, DOING, OBJECTS, THINGS
from headhunt.demo.world.camera import View
from headhunt.demo.world.effects import strength
from headhunt.demo.world.facts import EFFECT_ACTION, FAST, FAST_ON_FOOT, STILL, direction, seen_as
from headhunt.demo.world.motion import during, track
from headhunt.demo.world.plan import Actor, VideoPlan

# The words a patch can show, all from the descriptions.
_VERBS = sorted(
    {word for doing in DOING.values() for word in doing.split()} - {"down", "up", "out", "hands", "on", "the"}
)
WHOLE_WORDS = ("day", "night", "square", "street", "corridor", "park", "shop")
WAYS = ("left", "right", "toward", "away", "fast")
MANY = ("one", "two", "three", "four")
PATCH_WORDS = (
    *WHOLE_WORDS, "person", "cyclist", "car", "bag", *THINGS.values(), *OBJECTS, *COLOURS, *_VERBS, *WAYS,
    *MANY, "cars",
)  # fmt: skip
INDEX = {word: i for i, word in enumerate(PATCH_WORDS)}
# The words by topic: actions, who and what there is, place and furniture, colours, directions.
TOPICS = (
    tuple(_VERBS), ("person", "cyclist", "car", "bag", *THINGS.values(), *MANY, "cars"),
    (*WHOLE_WORDS, *OBJECTS), COLOURS, WAYS,
)  # fmt: skip
# Length (along the heading), width and height in metres of each kind when upright; LYING is a person on the ground.
SIZES = {
    "person": (0.5, 0.55, 1.75), "cyclist": (1.7, 0.5, 1.75), "car": (4.1, 1.7, 1.4), "bag": (0.3, 0.4, 0.4),
    "barrel": (0.6, 0.6, 0.9), "bench": (0.5, 1.7, 0.85), "bin": (0.5, 0.5, 0.95), "counter": (0.8, 2.2, 1.05),
    "sign": (0.2, 0.9, 2.1), "tree": (1.0, 1.0, 2.4),
}  # fmt: skip
LYING = (1.7, 0.6, 0.5)
# The eight corners of a box of length, width and height 1: forward, sideways, up.
EDGES = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0.0, 1.0)]).T


def patches(plan: VideoPlan, frames: Int64) -> UInt8:
    """Which words each patch of each frame shows.

    The patch at a person's middle also shows how many people have their middle in the same cell; that of a car, "cars".

    Args:
        plan: The video.
        frames: int (f,), native frames.

    Returns:
        uint8 (f, GRID, GRID, words).
    """
    view = View(plan.camera, plan.config.width, plan.config.height)
    out = np.zeros((len(frames), GRID, GRID, len(PATCH_WORDS)), np.uint8)
    out[..., INDEX["night" if plan.light.night else "day"]] = 1
    out[..., INDEX[plan.camera.place.split()[-1]]] = 1
    heads = np.zeros((len(frames), GRID // CELL, GRID // CELL), np.int64)
    middles = [place for actor in plan.actors for place in _actor(plan, actor, view, frames, out)]
    for at, high, across in middles:
        heads[at, high // CELL, across // CELL] += 1
    for at, high, across in middles:
        many = MANY[min(int(heads[at, high // CELL, across // CELL]), len(MANY)) - 1]
        out[at, high, across, [INDEX[word] for word in MANY]] = 0
        out[at, high, across, INDEX[many]] = 1
    for effect in plan.effects:
        power = strength(effect, frames)
        burning = np.flatnonzero(power > 0.05)
        if not len(burning):
            continue
        words = _mask((THINGS[effect.kind], *DOING[EFFECT_ACTION[effect.kind]].split()))
        # Plumes are taller than wide; smoke stands above what burns.
        size = effect.size * (0.4 + 0.6 * power[burning])
        wide, tall = (0.35, 1.1) if effect.kind in ("fire", "smoke") else (0.5, 0.8)
        sizes = np.stack([np.full_like(size, 0.1), 2 * wide * size, tall * size], -1)
        x, z = np.full_like(size, effect.x), np.full_like(size, effect.z)
        first, last = _boxes(view, _corners(x, z, np.zeros_like(size), sizes, effect.y))
        for k, row in enumerate(burning.tolist()):
            _fill(out[row], first[k], last[k], words)
    return out


def _actor(plan: VideoPlan, actor: Actor, view: View, frames: Int64, out: UInt8) -> list[tuple[int, int, int]]:
    """Write an actor's words; if it is a person, return (frame, row, column) of its middle wherever that is in view."""
    fps = plan.config.fps
    alive = np.flatnonzero(during(actor, frames))
    if not len(alive):
        return []
    way = track(actor, fps)
    rows = way.rows(frames[alive])
    shown = view.inside(way.x[rows], way.z[rows], margin=-0.3)
    alive, rows = alive[shown], rows[shown]
    if not len(alive):
        return []
    names = seen_as(plan, actor, way, frames[alive])
    sizes = np.array([_size(actor.kind, action) for action in names]) * actor.size
    first, last = _boxes(view, _corners(way.x[rows], way.z[rows], way.heading[rows], sizes, 0.0))
    before, after = way.rows(frames[alive] - 6), way.rows(frames[alive] + 6)
    dx, dz = way.x[after] - way.x[before], way.z[after] - way.z[before]
    fast = FAST.get(actor.kind, FAST_ON_FOOT)
    for k, at in enumerate(alive.tolist()):
        words = [actor.kind]
        if actor.kind in ("person", "cyclist", "car", "bag"):
            words += [actor.colour, *DOING[names[k]].split()]
        speed = way.speed[rows[k]]
        if speed > STILL and actor.kind in ("person", "cyclist", "car"):
            words.append(direction(dx[k], dz[k]))
            if speed > fast:
                words.append("fast")
        if any(h.name == "bag" and h.start_frame <= frames[at] < h.end_frame for h in actor.held):
            words.append("bag")
        _fill(out[at], first[k], last[k], _mask(tuple(words)))
    if actor.kind not in ("person", "cyclist", "car"):
        return []
    uv, _ = view.middles(way.x[rows], way.z[rows])
    middle = np.floor(uv[:, ::-1] / (view.height, view.width) * GRID).astype(int)
    seen = ((middle >= 0) & (middle < GRID)).all(1)
    middles = [(int(alive[k]), int(middle[k, 0]), int(middle[k, 1])) for k in np.flatnonzero(seen)]
    if actor.kind == "car":
        for at, high, across in middles:
            out[at, high, across, INDEX["cars"]] = 1
        return []
    return middles


def _size(kind: str, action: str) -> tuple[float, float, float]:
    return LYING if action in ("lie", "lie down", "fall") else SIZES[kind]


@functools.lru_cache(maxsize=4096)
def _mask(words: tuple[str, ...]) -> UInt8:
    mask = np.zeros(len(PATCH_WORDS), np.uint8)
    mask[[INDEX[word] for word in words if word in INDEX]] = 1
    return mask


def _corners(x: Float64, z: Float64, heading: Float64, sizes: Float64, y: float) -> Float64:
    """Corners (n, 8, 3) of boxes of sizes (n, 3) (length, width, height) that stand at points."""
    forward, side, up = (sizes[:, i, None] * way for i, way in enumerate(EDGES))
    s, c = np.sin(heading)[:, None], np.cos(heading)[:, None]
    return np.stack([x[:, None] + forward * s + side * c, y + up, z[:, None] + forward * c - side * s], -1)


def _boxes(view: View, corners: Float64) -> tuple[Int64, Int64]:
    """First and one past the last patch (column, row), each (n, 2), of which boxes cover a third or more each way."""
    uv, _ = view.project(corners)
    low = uv.min(1) / (view.width, view.height) * GRID
    high = uv.max(1) / (view.width, view.height) * GRID
    slack = np.minimum(0.34, 0.49 * (high - low))
    first = np.clip(np.floor(low + slack), 0, GRID).astype(np.int64)
    return first, np.clip(np.floor(high - slack) + 1, 0, GRID).astype(np.int64)


def _fill(grid: UInt8, first: Int64, last: Int64, words: UInt8) -> None:
    grid[first[1] : last[1], first[0] : last[0]] |= words
