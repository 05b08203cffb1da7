"""Training samples from seeds: segments and single frames of rendered videos, with the truth about them.

Every number of a sample follows from its seed, so any number of worker processes yields the same samples in the same
order. Nothing here knows the model or its tokens.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from headhunt.arrays import Float32, Int64, UInt8
from headhunt.demo.training.bodies import bodies
from headhunt.demo.training.crowds import crowd
from headhunt.demo.training.grid import GRID, SIDE, by_cell
from headhunt.demo.training.patches import PATCH_WORDS, patches
from headhunt.demo.world.facts import Facts, describe
from headhunt.demo.world.plan import Actor, Kind, Split, VideoPlan
from headhunt.demo.world.rendering import BLOCK, Renderer
from headhunt.demo.world.script import plan_video
from headhunt.records import Interval
from headhunt.segments import sample_frames

FRAMES, LENGTH = 16, 48  # frames shown of a segment, native frames it covers: as in extraction
ENCODED = 0.5  # share of segments and of single frames that pass through a real H.264 encoder
CROWDS, TOLD_CROWDS = 0.65, 0.35  # share of crowds: among single frames, among segments told in words


@dataclass(frozen=True)
class Sample:
    """One segment, or one frame.

    Attributes:
        pixels: uint8 (f, H, W, 3); empty where not needed.
        facts: What the segment shows; None for a frame.
        patches: uint8 (f, g, g, words of `PATCH_WORDS`), 1 where a patch shows the word; by cell after `pooled`.
        seed: Seed of the plan.
        start_frame: First native frame of the segment; -1 for a frame.
        bodies: float32 (f, GRID, GRID, 2 * POINTS + 1), see `bodies.bodies`; None where not needed.
        tokens: float16 (f, TOKENS, hidden), what the vision tower made of the frames; None before it has looked.
    """

    pixels: UInt8
    facts: Facts | None
    patches: UInt8
    seed: int
    start_frame: int
    bodies: Float32 | None = None
    tokens: npt.NDArray[np.float16] | None = None


def plan_of(seed: int, split: Split) -> VideoPlan:
    """The plan of a training video: three of five are abnormal, so that every action occurs."""
    return plan_video(seed, kind="abnormal" if seed % 5 < 3 else "normal", split=split)


def segments_of(seed: int, *, split: Split, n: int, encoded: float = ENCODED) -> list[Sample]:
    """`n` segments of one video, half of them around a change; a share `encoded` of them through H.264."""
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
    """`n` segments of one video, told in words: their patches say what the frames would show; there are no pixels.

    Some are of crowds, where rare actions are more frequent.
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
    """`n` single frames of one place, a sample each: of crowds, or of a video with extra actors; some through H.264."""
    rng = np.random.default_rng([4, seed])
    plan, at = _shots(seed, rng, split, n)
    renderer = Renderer(plan)
    frames = [renderer.frames(at[i : i + 1]) for i in range(n)]
    if rng.random() < ENCODED:
        frames = [through_codec(frame, crf=int(rng.integers(20, 29))) for frame in frames]
    shown = patches(plan, at)
    posed = bodies(plan, at, GRID)
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
    """A plan and the native frames (n,) to show of it."""
    plan = plan_of(seed, split)
    if rng.random() < CROWDS:
        return crowd(plan, rng, n)
    plan = _crowded(plan, rng, split)
    return plan, np.array([start + int(rng.integers(LENGTH)) for start in _starts(plan, rng, n)])


def _crowded(plan: VideoPlan, rng: np.random.Generator, split: Split) -> VideoPlan:
    """A video with the moving actors of another one of the same place added: each frame has more to learn from."""
    kind: Kind = "abnormal" if rng.random() < 0.6 else "normal"
    other = plan_video(int(rng.integers(1 << 40)), kind=kind, camera=plan.camera.place, split=split)
    more = [a for a in other.actors if a.kind in ("person", "cyclist", "bag") or _drives(a)]
    return replace(plan, actors=(*plan.actors, *more))


def _drives(actor: Actor) -> bool:
    return actor.kind == "car" and actor.path[0][1:] != actor.path[-1][1:]


def _starts(plan: VideoPlan, rng: np.random.Generator, n: int) -> list[int]:
    """First frames of `n` segments: every other one around the start of an action or effect, the rest anywhere."""
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


def pooled(samples: Sequence[Sample]) -> list[Sample]:
    """The samples with their words pooled by cell, (f, SIDE, SIDE, words): a sixteenth of the size."""
    shape = (-1, SIDE, SIDE, len(PATCH_WORDS))
    return [replace(s, patches=by_cell(s.patches).max(2).reshape(shape)) for s in samples]


def facts_of(samples: Sequence[Sample]) -> list[Facts]:
    """What segments show."""
    return [s.facts for s in samples if s.facts is not None]


def stacked(arrays: Sequence[npt.NDArray[Any]], device: torch.device) -> torch.Tensor:
    """Arrays of one shape as one tensor on a device."""
    return torch.from_numpy(np.stack(arrays)).to(device, non_blocking=True)


def through_codec(frames: UInt8, *, crf: int) -> UInt8:
    """Encode frames (f, H, W, 3) as H.264 of this quality and decode them again."""
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
