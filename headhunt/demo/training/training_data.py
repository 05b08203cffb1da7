"""Training samples from seeds: segments of rendered videos with their facts and what stands in every patch.

Every number of a sample follows from its seed, so any number of worker processes gives the same samples in the same
order. Nothing here knows the model or its tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from headhunt.arrays import Float32, Float64, Int64, UInt8
from headhunt.demo.training import bodies
from headhunt.demo.training.crowds import crowd
from headhunt.demo.training.language import COLOURS, DOING, OBJECTS, THINGS
from headhunt.demo.world.camera import View
from headhunt.demo.world.effects import strength
from headhunt.demo.world.facts import EFFECT_ACTION, SLOW, Facts, describe, seen_as
from headhunt.demo.world.motion import track
from headhunt.demo.world.plan import Actor, Kind, Split, VideoPlan
from headhunt.demo.world.rendering import BLOCK, Renderer
from headhunt.demo.world.script import plan_video
from headhunt.records import Interval
from headhunt.segments import sample_frames

FRAMES, LENGTH = 16, 48  # frames a segment shows, native frames it covers: as extraction does
GRID = 16  # patches across and down
ENCODED = 0.5  # share of segments and of single frames that go through a real H.264 encoding
CROWDS, TOLD_CROWDS = 0.65, 0.35  # share of the videos that are crowds: of single frames, of segments told in words
# Words a patch can be said to show, each a word of the descriptions.
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
CELL = 4  # patches a visual token is wide and high
INDEX = {word: i for i, word in enumerate(PATCH_WORDS)}
# The words by what they are about: what is done, who and what there is, place and furniture, colours, ways.
TOPICS = (
    tuple(_VERBS), ("person", "cyclist", "car", "bag", *THINGS.values(), *MANY, "cars"),
    (*WHOLE_WORDS, *OBJECTS), COLOURS, WAYS,
)  # fmt: skip
# Length along the heading, width, height in metres of what stands upright; things on the ground lie in LYING.
SIZES = {
    "person": (0.5, 0.55, 1.75), "cyclist": (1.7, 0.5, 1.75), "car": (4.1, 1.7, 1.4), "bag": (0.3, 0.4, 0.4),
    "barrel": (0.6, 0.6, 0.9), "bench": (0.5, 1.7, 0.85), "bin": (0.5, 0.5, 0.95), "counter": (0.8, 2.2, 1.05),
    "sign": (0.2, 0.9, 2.1), "tree": (1.0, 1.0, 2.4),
}  # fmt: skip
LYING = (1.7, 0.6, 0.5)
# Of a box's eight corners: halves of its length forward, of its width aside, its whole height up.
EDGES = np.array([[i, j, k] for i in (-0.5, 0.5) for j in (-0.5, 0.5) for k in (0.0, 1.0)]).T


@dataclass(frozen=True)
class Sample:
    """One segment, or some frames of a video.

    Attributes:
        pixels: uint8 (f, H, W, 3); empty where they are not needed.
        facts: What the segment shows; None for frames from here and there.
        patches: uint8 (f, GRID, GRID, words of `PATCH_WORDS`), 1 where the patch shows it; see `by_cells`.
        seed: Seed of the plan.
        start_frame: First native frame of the segment.
        bodies: float32 (f, GRID, GRID, 2 * POINTS + 1), see `bodies`; None where they are not needed.
        tokens: (f, tokens a frame, hidden): what a vision tower made of the frames, None when nothing has looked yet.
    """

    pixels: UInt8
    facts: Facts | None
    patches: UInt8
    seed: int
    start_frame: int
    bodies: Float32 | None = None
    tokens: npt.NDArray[np.float16] | None = None


def plan_of(seed: int, split: Split) -> VideoPlan:
    """The plan of a training video: ordinary and eventful scenes of every sort in turn, so that every action is met."""
    return plan_video(seed, kind="abnormal" if seed % 5 < 3 else "normal", split=split)


def segments_of(seed: int, *, split: Split, n: int, encoded: float = ENCODED) -> list[Sample]:
    """`n` segments of one video, half of them where most is going on."""
    rng = np.random.default_rng([1, seed])
    plan = plan_of(seed, split)
    renderer = Renderer(plan)
    out = []
    for start in _starts(plan, rng, n):
        low, stop = start - start % BLOCK, start + LENGTH
        shown = sample_frames(Interval(start, stop), FRAMES)
        if rng.random() < encoded:
            blocks = [renderer.block(at, min(at + BLOCK, plan.n_frames)) for at in range(low, stop, BLOCK)]
            frames = np.concatenate(blocks)[start - low : stop - low]
            pixels = through_codec(frames, crf=int(rng.integers(20, 29)))[shown - start]
        else:
            pixels = renderer.frames(shown)
        out.append(Sample(pixels, describe(plan, start, stop), patches(plan, shown), seed, start))
    return out


def told_of(seed: int, *, split: Split, n: int) -> list[Sample]:
    """`n` segments of one video told in words: their patches say what their frames would show; they have no pixels.

    Some are of crowds, where seldom actions are met more often.
    """
    rng = np.random.default_rng([2, seed])
    plan = plan_of(seed, split)
    if rng.random() < TOLD_CROWDS:
        plan, middle = crowd(plan, rng, n)
        starts = (middle - LENGTH // 2).tolist()
    else:
        starts = _starts(plan, rng, n)
    out = []
    for start in starts:
        shown = patches(plan, sample_frames(Interval(start, start + LENGTH), FRAMES))
        facts = describe(plan, start, start + LENGTH)
        out.append(Sample(np.zeros((0, 0, 0, 3), np.uint8), facts, shown, seed, start))
    return out


def shots_of(seed: int, *, split: Split, n: int) -> list[Sample]:
    """`n` single frames of one place, through a real encoding now and then, a sample each: crowds or a fuller video."""
    rng = np.random.default_rng([4, seed])
    plan, at = _shots(seed, rng, split, n)
    renderer = Renderer(plan)
    frames = [renderer.frames(at[i : i + 1]) for i in range(n)]
    if rng.random() < ENCODED:
        frames = [through_codec(frame, crf=int(rng.integers(20, 29))) for frame in frames]
    shown = patches(plan, at)
    posed = bodies.bodies(plan, at, GRID)
    return [Sample(frames[i], None, shown[i : i + 1], seed, -1, posed[i : i + 1]) for i in range(n)]


@functools.cache
def shares(*, split: Split, n: int = 30) -> tuple[float, ...]:
    """How often a patch shows each of `PATCH_WORDS`, over 8 single frames of each of the first `n` videos."""
    total = np.zeros(len(PATCH_WORDS))
    for seed in range(n):
        plan, at = _shots(seed, np.random.default_rng([4, seed]), split, 8)
        total += patches(plan, at).mean((0, 1, 2)) / n
    return tuple(total.tolist())


def _shots(seed: int, rng: np.random.Generator, split: Split, n: int) -> tuple[VideoPlan, Int64]:
    plan = plan_of(seed, split)
    if rng.random() < CROWDS:
        return crowd(plan, rng, n)
    plan = _crowded(plan, rng, split)
    return plan, np.array([start + int(rng.integers(LENGTH)) for start in _starts(plan, rng, n)])


def _crowded(plan: VideoPlan, rng: np.random.Generator, split: Split) -> VideoPlan:
    """A video with the moving actors of one more of the same place, so that a frame has more to learn from."""
    kind: Kind = "abnormal" if rng.random() < 0.6 else "normal"
    other = plan_video(int(rng.integers(1 << 40)), kind=kind, camera=plan.camera.place, split=split)
    more = [a for a in other.actors if a.kind in ("person", "cyclist", "bag") or _drives(a)]
    return replace(plan, actors=(*plan.actors, *more))


def _drives(actor: Actor) -> bool:
    return actor.kind == "car" and actor.path[0][1:] != actor.path[-1][1:]


def _starts(plan: VideoPlan, rng: np.random.Generator, n: int) -> list[int]:
    """First frames of `n` segments: half anywhere, half around a change of what an actor does."""
    last = plan.n_frames - LENGTH
    changes = [
        action.start_frame for actor in plan.actors for action in actor.actions
        if action.name not in ("stand", "walk", "talk", "carry", "park", "still")
    ]  # fmt: skip
    changes += [effect.start_frame for effect in plan.effects]
    out = []
    for i in range(n):
        start = int(rng.integers(last + 1))
        if i % 2 and changes:
            start = int(rng.choice(changes)) + int(rng.integers(-36, 24))
        out.append(min(last, max(0, start)))
    return out


def by_cells(samples: Sequence[Sample]) -> list[Sample]:
    """Samples whose patches are those of visual tokens, (f, GRID / CELL, GRID / CELL, words): a sixteenth in size."""
    side = GRID // CELL
    return [
        replace(s, patches=s.patches.reshape(-1, side, CELL, side, CELL, len(PATCH_WORDS)).max((2, 4))) for s in samples
    ]


def through_codec(frames: UInt8, *, crf: int) -> UInt8:
    """Frames (f, H, W, 3) as they come back from an H.264 file of this quality."""
    import av

    coder = av.CodecContext.create("libx264", "w")
    coder.height, coder.width = frames.shape[1:3]
    coder.pix_fmt, coder.framerate, coder.time_base = "yuv420p", Fraction(25), Fraction(1, 25)
    coder.thread_count = 1
    coder.options = {"crf": str(crf), "preset": "ultrafast", "g": "50", "threads": "1"}
    packets = []
    for i, picture in enumerate(frames):
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = i, Fraction(1, 25)
        packets += coder.encode(frame)
    packets += coder.encode(None)
    reader = av.CodecContext.create("h264", "r")
    reader.thread_count = 1
    pictures = [frame for packet in packets for frame in reader.decode(packet)] + list(reader.decode(None))
    return np.stack([picture.to_ndarray(format="rgb24") for picture in pictures])


def patches(plan: VideoPlan, frames: Int64) -> UInt8:
    """Which words each patch of each frame shows.

    In the middle of a person stands how many have their middle in the same visual token, in that of a car "cars".

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
        # A plume is taller than wide; smoke stands on top of what burns.
        size = effect.size * (0.4 + 0.6 * power[burning])
        wide, tall = (0.35, 1.1) if effect.kind in ("fire", "smoke") else (0.5, 0.8)
        sizes = np.stack([np.full_like(size, 0.1), 2 * wide * size, tall * size], -1)
        x, z = np.full_like(size, effect.x), np.full_like(size, effect.z)
        first, last = _boxes(view, _corners(x, z, np.zeros_like(size), sizes, effect.y))
        for k, row in enumerate(burning.tolist()):
            _fill(out[row], first[k], last[k], words)
    return out


def _actor(plan: VideoPlan, actor: Actor, view: View, frames: Int64, out: UInt8) -> list[tuple[int, int, int]]:
    """Write an actor's words; (frame, row, column) of its middle wherever a person's is in the picture."""
    fps = plan.config.fps
    alive = np.flatnonzero((frames >= actor.start_frame) & (frames < actor.end_frame))
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
    slow, fast = SLOW.get(actor.kind, (0.35, 2.2))
    for k, at in enumerate(alive.tolist()):
        words = [actor.kind]
        if actor.kind in ("person", "cyclist", "car", "bag"):
            words += [actor.colour, *DOING[names[k]].split()]
        speed = way.speed[rows[k]]
        if speed > slow and actor.kind in ("person", "cyclist", "car"):
            across = abs(dx[k]) >= abs(dz[k])
            words.append(("right" if dx[k] > 0 else "left") if across else "away" if dz[k] > 0 else "toward")
            if speed > fast:
                words.append("fast")
        if any(h.start_frame <= frames[at] < h.end_frame and h.name == "bag" for h in actor.held):
            words.append("bag")
        _fill(out[at], first[k], last[k], _mask(tuple(words)))
    if actor.kind not in ("person", "cyclist", "car"):
        return []
    uv, _ = view.project(np.stack([way.x[rows], np.full(len(rows), 0.8), way.z[rows]], -1))
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
    """(n, 8, 3) corners of boxes (length, width, height) that stand at points."""
    forward, side, up = (sizes[:, i, None] * way for i, way in enumerate(EDGES))
    s, c = np.sin(heading)[:, None], np.cos(heading)[:, None]
    return np.stack([x[:, None] + forward * s + side * c, y + up, z[:, None] + forward * c - side * s], -1)


def _boxes(view: View, corners: Float64) -> tuple[Int64, Int64]:
    """First and one past the last patch, (n, 2) as column and row, that boxes cover a third of in each direction."""
    uv, _ = view.project(corners)
    low = uv.min(1) / (view.width, view.height) * GRID
    high = uv.max(1) / (view.width, view.height) * GRID
    slack = np.minimum(0.34, 0.49 * (high - low))
    first = np.clip(np.floor(low + slack), 0, GRID).astype(np.int64)
    return first, np.clip(np.floor(high - slack) + 1, 0, GRID).astype(np.int64)


def _fill(grid: UInt8, first: Int64, last: Int64, words: UInt8) -> None:
    grid[first[1] : last[1], first[0] : last[0]] |= words
