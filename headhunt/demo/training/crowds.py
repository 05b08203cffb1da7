"""Crowds, for training only: a place full of people who each do something different, as no video shows it.

In a video most people walk or stand most of the time, so that rare actions are seen too rarely to be learnt. Here every
action is about equally frequent, alone, in pairs and beside cars and flames.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from headhunt.arrays import Int64
from headhunt.demo.world.accidents import WALK
from headhunt.demo.world.draft import Draft, Part
from headhunt.demo.world.ordinary import LEFT, RIGHT, bag_beside, spark
from headhunt.demo.world.plan import Actor, Effect, VideoPlan

MOMENT = 80  # frames of one moment, each with its own people
ROOM = 0.9  # metres between groups, where possible
# Metres a second.
MOVING = {"walk": (1.0, 1.6), "run": (2.6, 4.8), "scatter": (3.2, 4.8), "carry": (1.0, 1.5), "cycle": (3.0, 4.6)}
LASTING = {"fall": 0.8, "get up": 1.5, "lie down": 2.0, "grab": 0.5, "put down": 0.7, "pick up": 0.7}  # seconds
# Relative frequencies.
ALONE = {
    "walk": 2.0, "run": 3.0, "scatter": 1.0, "carry": 1.0, "cycle": 1.0, "stand": 1.5, "talk": 1.0, "sit": 0.7,
    "kick": 1.0, "strike": 1.5, "wipe": 0.7, "reach": 0.7, "put down": 0.8, "pick up": 0.8, "fall": 2.0, "lie": 2.0,
    "get up": 1.0, "lie down": 0.7,
}  # fmt: skip
TOGETHER = {"fight": 5.0, "hug": 2.5, "talk": 1.5, "snatch": 1.5}


def crowd(plan: VideoPlan, rng: np.random.Generator, n: int) -> tuple[VideoPlan, Int64]:
    """A video's place and light with `n` moments of crowds in it, and the native frame of each moment.

    Args:
        plan: Provides camera, light, textures and whatever stands there throughout.
        rng: Source of randomness.
        n: Number of moments, at least 1.
    """
    draft = Draft(rng=rng, camera=plan.camera, config=plan.config, n_frames=n * MOMENT)
    draft.actors += [_throughout(actor, draft.n_frames) for actor in plan.actors if _stands(actor, plan.n_frames)]
    frames = np.arange(n) * MOMENT + MOMENT // 2 + rng.integers(-10, 10, n)
    for frame in frames.tolist():
        taken: list[tuple[float, float]] = []
        for _ in range(int(rng.integers(3, 10))):
            x, z = _point(draft, taken)
            taken.append((x, z))
            if draft.chance(0.4):
                _pair(draft, _drawn(draft, TOGETHER), x, z, frame)
            else:
                _single(draft, _drawn(draft, ALONE), x, z, frame)
        if draft.ground.road and draft.chance(0.35):
            _car(draft, frame)
        if draft.chance(0.3):
            _bag(draft, frame, taken)
        if draft.chance(0.4):
            _effect(draft, frame)
    whole = replace(
        plan, n_frames=draft.n_frames, actors=tuple(draft.actors), effects=tuple(draft.effects), events=()
    )  # fmt: skip
    return whole, frames


def _stands(actor: Actor, n_frames: int) -> bool:
    still = len({(x, z) for _, x, z in actor.path}) == 1 and len(actor.actions) == 1
    return still and actor.kind not in ("person", "cyclist", "bag") and actor.end_frame >= n_frames


def _throughout(actor: Actor, n_frames: int) -> Actor:
    _, x, z = actor.path[0]
    action = replace(actor.actions[0], start_frame=0, end_frame=n_frames)
    return replace(actor, path=((0, x, z), (n_frames, x, z)), actions=(action,))


def _drawn(draft: Draft, weights: dict[str, float]) -> str:
    share = np.array(list(weights.values()))
    return str(draft.rng.choice(list(weights), p=share / share.sum()))


def _point(draft: Draft, taken: list[tuple[float, float]]) -> tuple[float, float]:
    ground = draft.ground
    x = z = 0.0
    for _ in range(12):
        if ground.axis == "z":
            x, z = draft.uniform(-1.5, 1.5), draft.uniform(ground.near + 0.6, 14.0)
        else:
            z = draft.uniform(ground.near, ground.far)
            left, right = draft.view.edges(z)
            x = left + (right - left) * draft.uniform(0.04, 0.96)
        if all(math.hypot(x - a, z - b) > ROOM for a, b in taken):
            break
    return x, z


def _heading(draft: Draft) -> float:
    """Usually along the place's axis, as in its videos."""
    if draft.chance(0.3):
        return draft.uniform(-math.pi, math.pi)
    along = (0.0, math.pi) if draft.ground.axis == "z" else (LEFT, RIGHT)
    return along[int(draft.rng.integers(2))] + draft.uniform(-0.2, 0.2)


def _single(draft: Draft, action: str, x: float, z: float, frame: int) -> None:
    way = _heading(draft)
    if action in MOVING:
        speed = draft.uniform(*MOVING[action])
        before = int(draft.rng.integers(12, 36))
        reach = speed * before / draft.config.fps
        kind = "cyclist" if action == "cycle" else "person"
        part = Part(draft, kind, x - reach * math.sin(way), z - reach * math.cos(way), frame - before)
        if action == "carry" or (action == "run" and draft.chance(0.2)):
            part.take("bag", *draft.colour(), since=part.at)
        part.go(x + reach * math.sin(way), z + reach * math.cos(way), speed, action).done()
        return
    part = Part(draft, "person", x, z, frame - 30)
    if action == "strike" and draft.chance(0.6):
        part.take("rod", *draft.colour("grey", "brown"), since=part.at)
    _do(draft, part, action, frame, way)


def _do(draft: Draft, part: Part, action: str, frame: int, facing: float) -> None:
    """Have an actor be in the middle of an action at a frame, and add it to the draft."""
    lasts = draft.frames(LASTING[action]) if action in LASTING else 0
    begun = int(draft.rng.integers(1, lasts)) if lasts else int(draft.rng.integers(5, 28))
    part.until(frame - begun, "stand", facing=facing)
    part.do(action, max(lasts, begun + 6), facing=facing)
    part.do("lie" if action in ("fall", "lie down", "lie") else "stand", 12, facing=facing).done()


def _pair(draft: Draft, what: str, x: float, z: float, frame: int) -> None:
    gap = {"fight": 0.72, "hug": 0.42, "talk": 0.95, "snatch": 0.75}[what] * draft.uniform(0.9, 1.15)
    a, b = (Part(draft, "person", x + side * 0.5 * gap, z, frame - 30) for side in (-1, 1))
    first, second = what, what
    if what == "fight":
        first = "kick" if draft.chance(0.2) else "hit"
        second = str(draft.rng.choice(["struck", "struck", "struck", "hit", "hit", "fall", "lie"]))
    elif what == "snatch":
        first, second = "grab", "struck"
        b.take("bag", *draft.colour(), since=b.at)
    elif what == "talk" and draft.chance(0.6):
        second = "stand"
    if draft.chance(0.5):  # swap sides
        first, second = second, first
    _do(draft, a, first, frame, RIGHT)
    _do(draft, b, second, frame, LEFT)
    if what == "talk" and draft.chance(0.15):
        bag_beside(draft, a, *draft.colour()).until(frame + 20, "still").done()


def _bag(draft: Draft, frame: int, taken: list[tuple[float, float]]) -> None:
    x, z = _point(draft, taken)
    bag_beside(draft, Part(draft, "person", x, z, frame - 30), *draft.colour()).until(frame + 20, "still").done()


def _car(draft: Draft, frame: int) -> None:
    lane = int(draft.rng.integers(2))
    z = draft.ground.road[lane]
    if draft.camera.place == "street" and draft.chance(0.35):
        z = WALK + draft.uniform(-0.2, 1.2)
    left, right = draft.view.edges(z)
    way, speed = (1 if lane == 0 else -1), draft.uniform(4.5, 7.5)
    x = left + (right - left) * draft.uniform(0.05, 0.95)
    reach = speed * 30 / draft.config.fps
    if draft.chance(0.25):
        Part(draft, "car", x, z, frame - 30).until(frame + 20, "park", facing=way * RIGHT).done()
    else:
        Part(draft, "car", x - way * reach, z, frame - 30).go(x + way * reach, z, speed, "drive").done()


def _effect(draft: Draft, frame: int) -> None:
    x, z = _point(draft, [])
    kind = _drawn(draft, {"fire": 2.0, "smoke": 1.0, "flash": 0.7, "pieces": 1.0})
    size, grow = draft.uniform(0.6, 2.2), int(draft.rng.integers(5, 30))
    begun = frame - int(draft.rng.integers(1, 4 if kind == "flash" else 30))
    if kind in ("flash", "pieces"):
        size, grow = draft.uniform(1.0, 2.6), 1
    end = begun + (8 if kind == "flash" else 45)
    draft.effects.append(Effect(kind, begun, end, x, z, draft.uniform(0.0, 0.9), size, grow, spark(draft)))
    if kind == "fire" and draft.chance(0.7):
        above = Effect("smoke", begun, end, x, z, 0.8, draft.uniform(1.0, 2.4), grow, spark(draft))
        draft.effects.append(above)
