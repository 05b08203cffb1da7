"""Frames of a plan: background, then everything that stands or burns in it from far to near, then sensor noise."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from headhunt.arrays import Float32, Float64, Int64, UInt8
from headhunt.demo.world.camera import View
from headhunt.demo.world.effects import EFFECTS, turbulence
from headhunt.demo.world.motion import Track, during, poses, track
from headhunt.demo.world.painting import Patch, blend, paint
from headhunt.demo.world.people import person
from headhunt.demo.world.plan import Actor, VideoPlan
from headhunt.demo.world.scenery import background
from headhunt.demo.world.things import THINGS
from headhunt.errors import InputError

BLOCK = 12  # frames painted together; patches of this many stay in the processor's cache
NOISE_MARGIN = 32  # pixels: the noise is this much larger than a picture, so that every shift is new noise
NOISE_PICTURES = 4


class Renderer:
    """A renderer of one plan; holds everything that is computed once per video.

    Args:
        plan: What to render.
    """

    def __init__(self, plan: VideoPlan) -> None:
        config = plan.config
        self.plan = plan
        self.view = View(plan.camera, config.width, config.height)
        self._still = background(plan.camera, plan.light, plan.surface, width=config.width, height=config.height)
        self._tracks: list[Track] = [track(actor, config.fps) for actor in plan.actors]
        self._poses: list[Float64 | None] = [
            poses(actor, config.fps) if actor.kind in ("person", "cyclist") else None for actor in plan.actors
        ]
        self._still_patches: dict[int, Patch | None] = {}
        self._field = turbulence()
        rng = np.random.default_rng([plan.surface.seed, 77])
        spread = config.noise * (2.0 if plan.light.night else 1.0)
        shape = (NOISE_PICTURES, 3, config.height + NOISE_MARGIN, config.width + NOISE_MARGIN)
        self._noise = rng.standard_normal(shape, dtype=np.float32) * np.float32(spread)
        self._noise += np.float32(0.5)  # rounds the cast to uint8
        self._shifts = rng.integers(0, (NOISE_PICTURES, NOISE_MARGIN, NOISE_MARGIN), (plan.n_frames, 3))

    def block(self, start: int, stop: int) -> UInt8:
        """Frames [start, stop) as (b, H, W, 3)."""
        return self.frames(np.arange(start, stop))

    def frames(self, frames: Int64) -> UInt8:
        """Some frames, ascending numbers (b,), as (b, H, W, 3), painted together."""
        queue: list[list[tuple[float, Patch, int]]] = [[] for _ in frames]
        for i, actor in enumerate(self.plan.actors):
            alive = frames[during(actor, frames)]
            if len(alive):
                self._queue(self._patch(i, actor, alive), np.searchsorted(frames, alive), queue)
        for effect in self.plan.effects:
            alive = frames[during(effect, frames)]
            if len(alive):
                patch = EFFECTS[effect.kind](
                    effect, alive, self.view, self.plan.light, self._field, self.plan.config.fps
                )
                self._queue(patch, np.searchsorted(frames, alive), queue)
        out = np.empty((len(frames), self.view.height, self.view.width, 3), np.uint8)
        for row, entries in enumerate(queue):
            picture = self._still.copy()
            for _, patch, index in sorted(entries, key=lambda entry: -entry[0]):
                blend(picture, patch, index)
            self._finish(picture, int(frames[row]), out[row])
        return out

    def _queue(self, patch: Patch | None, rows: Int64, queue: list[list[tuple[float, Patch, int]]]) -> None:
        if patch is None:
            return
        single = len(patch.pixels) == 1
        for index, row in enumerate(rows):
            at = 0 if single else index
            if patch.depth[at] >= 0:
                queue[row].append((float(patch.depth[at]), patch, at))

    def _patch(self, i: int, actor: Actor, frames: Int64) -> Patch | None:
        way, view, light = self._tracks[i], self.view, self.plan.light
        angles = self._poses[i]
        if angles is not None:
            return paint(person(actor, way, angles, frames, view, light), width=view.width, height=view.height)
        rows = way.rows(frames)
        parked = way.travelled[-1] == 0.0 and np.ptp(way.heading) == 0.0
        if parked and i in self._still_patches:
            return self._still_patches[i]
        shown = frames[:1] if parked or _at_rest(way, rows) else frames
        patch = paint(THINGS[actor.kind](actor, way, shown, view, light), width=view.width, height=view.height)
        if parked:
            self._still_patches[i] = patch
        return patch

    def _finish(self, picture: Float32, frame: int, out: UInt8) -> None:
        which, down, right = (int(n) for n in self._shifts[frame])
        picture += self._noise[which, :, down : down + self.view.height, right : right + self.view.width]
        np.clip(picture, 0, 255, out=picture)
        out[...] = picture.transpose(1, 2, 0)


def _at_rest(way: Track, rows: Int64) -> bool:
    moved = float(way.travelled[rows[-1]] - way.travelled[rows[0]]) + float(np.ptp(way.heading[rows]))
    return moved == 0.0


def render_blocks(plan: VideoPlan, *, start_frame: int = 0, end_frame: int | None = None) -> Iterator[UInt8]:
    """Frames [start_frame, end_frame) of a plan in blocks (b, H, W, 3) uint8, RGB, b <= 12.

    A frame does not depend on where the range begins.

    Raises:
        InputError: The range is empty or outside the video.
    """
    stop = plan.n_frames if end_frame is None else end_frame
    if not 0 <= start_frame < stop <= plan.n_frames:
        raise InputError(
            "there is nothing to render in this range",
            got=f"[{start_frame}, {stop})",
            expected=f"a range inside [0, {plan.n_frames})",
        )
    renderer = Renderer(plan)
    # Blocks lie on a fixed grid: patch boxes and thus rounding are the same for every range.
    for low in range(start_frame - start_frame % BLOCK, stop, BLOCK):
        block = renderer.block(low, min(low + BLOCK, plan.n_frames))
        yield block[max(0, start_frame - low) : stop - low]


def render_frames(plan: VideoPlan, *, start_frame: int = 0, end_frame: int | None = None) -> Iterator[UInt8]:
    """Frames [start_frame, end_frame) of a plan one by one, (H, W, 3) uint8, RGB.

    Raises:
        InputError: The range is empty or outside the video.
    """
    for block in render_blocks(plan, start_frame=start_frame, end_frame=end_frame):
        yield from block
