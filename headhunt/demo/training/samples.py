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

from headhunt.arrays import Float32, Int64, UInt8
from headhunt.demo.training import bodies
from headhunt.demo.training.crowds import crowd
from headhunt.demo.training.grid import CELL, GRID
from headhunt.demo.training.patches import PATCH_WORDS, patches
from headhunt.demo.world.facts import Facts, describe
from headhunt.demo.world.plan import Actor, Kind, Split, VideoPlan
from headhunt.demo.world.rendering import BLOCK, Renderer
from headhunt.demo.world.script import plan_video
from headhunt.records import Interval
from headhunt.segments import sample_frames

FRAMES, LENGTH = 16, 48  # frames a segment shows, native frames it covers: as extraction does
ENCODED = 0.5  # share of segments and of single frames that go through a real H.264 encoding
CROWDS, TOLD_CROWDS = 0.65, 0.35  # share of the videos that are crowds: of single frames, of segments told in words


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
