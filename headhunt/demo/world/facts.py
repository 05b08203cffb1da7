"""What can be seen in a range of frames, in neutral words: the ground truth for descriptions, without judgement."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from headhunt.arrays import Float64, Int64
from headhunt.demo.world.camera import View
from headhunt.demo.world.effects import strength
from headhunt.demo.world.motion import Track, action_index, during, track
from headhunt.demo.world.plan import Actor, Effect, VideoPlan
from headhunt.demo.world.scenery import ROAD
from headhunt.errors import InputError

Direction = Literal["", "left", "right", "toward", "away"]
Speed = Literal["still", "slow", "fast"]
Region = Literal["left", "centre", "right"]

# What a viewer would call an action; those not listed keep their names.
SEEN_AS = {
    "scatter": "run",
    "carry": "walk",
    "struck": "stagger",
    "strike": "hit",
    "reach": "hold out hands",
    "crash": "collide",
    "still": "stand",
}
EFFECT_ACTION = {"fire": "burn", "smoke": "smoke", "flash": "flash", "pieces": "fly apart"}
CALM = ("stand", "walk", "park")
ALONE_M = 1.5  # a bag stands alone if nobody is this close
KERB_SLACK_M = 0.85  # half a car: closer to the kerb than this, a wheel is on the pavement
ON_PAVEMENT = {"drive": "drive on pavement", "park": "park on pavement"}
FAST = {"cyclist": 5.5, "car": 5.0}  # metres a second from which an actor is fast
STILL, FAST_ON_FOOT = 0.35, 2.2  # metres a second


@dataclass(frozen=True)
class Activity:
    """One action of one actor within the range.

    Attributes:
        action: Neutral word: walk, run, stand, hit, fall, lie, hug, sit, cycle, drive, park, burn, ...
        start_frame: First native frame on which it is seen.
        end_frame: One past the last.
    """

    action: str
    start_frame: int
    end_frame: int


@dataclass(frozen=True)
class Seen:
    """One visible actor (or flame, smoke, flash) in the range.

    Attributes:
        index: Its index in `plan.actors`; effects are numbered after the actors.
        kind: "person", "cyclist", "car", "bag", "fire", "smoke", ...
        colour: Name of its main colour (a person's top), "" where it has none.
        action: What it does on most of the visible frames.
        activities: Everything it does, in time order.
        direction: Where it moves: left, right, toward the camera or away; "" if it stays.
        speed: "still", "slow" or "fast", by the upper quartile of its speed.
        objects: Things in its hand, such as "red bag".
        region: Part of the picture it is in, by its median position.
        low: How low its middle is in the picture, by its median position: 0 at the top, 1 at the bottom. On the ground,
            lower things are nearer.
        size: "small" or "large" for flames and smoke, "" for others.
    """

    index: int
    kind: str
    colour: str
    action: str
    activities: tuple[Activity, ...]
    direction: Direction
    speed: Speed
    objects: tuple[str, ...]
    region: Region
    low: float
    size: str = ""


@dataclass(frozen=True)
class Facts:
    """Everything visible in frames [start_frame, end_frame) of a plan.

    Attributes:
        place: Where the camera hangs.
        light: "day" or "night".
        start_frame: First native frame.
        end_frame: One past the last.
        actors: Moving or acting things; those that do more than stand, walk or park first, then the nearest.
        objects: Names of furniture in view ("bench", "sign", ...), sorted.
    """

    place: str
    light: Literal["day", "night"]
    start_frame: int
    end_frame: int
    actors: tuple[Seen, ...]
    objects: tuple[str, ...]


def describe(plan: VideoPlan, start_frame: int, end_frame: int) -> Facts:
    """The purely visual truth about frames [start_frame, end_frame).

    Raises:
        InputError: The range is empty or outside the video.
    """
    if not 0 <= start_frame < end_frame <= plan.n_frames:
        raise InputError(
            "there is nothing to describe in this range",
            got=f"[{start_frame}, {end_frame})",
            expected=f"a range inside [0, {plan.n_frames})",
        )
    view = View(plan.camera, plan.config.width, plan.config.height)
    actors, objects = [], set()
    for i, actor in enumerate(plan.actors):
        seen = _actor(plan, i, actor, view, start_frame, end_frame)
        if seen is None:
            continue
        if actor.kind in ("person", "cyclist", "car", "bag"):
            actors.append(seen)
        else:
            objects.add(actor.kind)
    for i, effect in enumerate(plan.effects):
        effect_seen = _effect(len(plan.actors) + i, effect, view, start_frame, end_frame)
        if effect_seen is not None:
            actors.append(effect_seen)
    actors.sort(key=lambda seen: (seen.action in CALM, -seen.low, seen.index))
    return Facts(
        plan.camera.place,
        "night" if plan.light.night else "day",
        start_frame,
        end_frame,
        tuple(actors),
        tuple(sorted(objects)),
    )


def _actor(plan: VideoPlan, index: int, actor: Actor, view: View, start: int, end: int) -> Seen | None:
    frames = np.arange(max(start, actor.start_frame), min(end, actor.end_frame))
    if not len(frames):
        return None
    way = track(actor, plan.config.fps)
    rows = way.rows(frames)
    shown = view.inside(way.x[rows], way.z[rows])
    if shown.sum() < min(4, end - start):
        return None
    frames, rows = frames[shown], rows[shown]
    which = action_index(actor, frames)
    names = seen_as(plan, actor, way, frames)
    turns = np.flatnonzero([i == 0 or (which[i], names[i]) != (which[i - 1], names[i - 1]) for i in range(len(frames))])
    activities = tuple(
        Activity(names[i], int(frames[i]), int(frames[j - 1]) + 1)
        for i, j in itertools.pairwise((*turns.tolist(), len(frames)))
    )
    lengths: dict[str, int] = {}
    for activity in activities:
        lengths[activity.action] = lengths.get(activity.action, 0) + activity.end_frame - activity.start_frame
    main = max(lengths, key=lambda name: lengths[name])
    uv, _ = view.middles(way.x[rows], way.z[rows])
    top = float(np.quantile(way.speed[rows], 0.75))
    speed: Speed = "still" if top < STILL else "slow" if top < FAST.get(actor.kind, FAST_ON_FOOT) else "fast"
    held = [f"{h.colour} {h.name}" for h in actor.held if during(h, frames).any()]
    return Seen(
        index=index,
        kind=actor.kind,
        colour=actor.colour,
        action=main,
        activities=activities,
        direction=_overall(way.x[rows], way.z[rows]) if speed != "still" else "",
        speed=speed,
        objects=tuple(held),
        region=_region(float(np.median(uv[:, 0])), view.width),
        low=float(np.median(uv[:, 1])) / view.height,
    )


def seen_as(plan: VideoPlan, actor: Actor, way: Track, frames: Int64) -> list[str]:
    """What a viewer would call an actor's action, on each of some native frames of its life.

    For some it depends on the place: a bag may stand alone, a car may drive on the pavement.
    """
    names = [actor.actions[i].name for i in action_index(actor, frames)]
    names = [SEEN_AS.get(name, name) for name in names]
    rows = way.rows(frames)
    if actor.kind == "bag":
        near = np.zeros(len(frames), bool)
        for other in plan.actors:
            if other.kind == "person":
                path = track(other, plan.config.fps)
                at = path.rows(frames)
                near |= during(other, frames) & (np.hypot(path.x[at] - way.x[rows], path.z[at] - way.z[rows]) < ALONE_M)
        return [name if by else "stand alone" for name, by in zip(names, near, strict=True)]
    if actor.kind == "car" and plan.camera.place == "street":
        kerb = way.z[rows] < ROAD[0] + KERB_SLACK_M
        return [ON_PAVEMENT.get(name, name) if up else name for name, up in zip(names, kerb, strict=True)]
    return names


def _overall(x: Float64, z: Float64) -> Direction:
    dx, dz = float(x[-1] - x[0]), float(z[-1] - z[0])
    return "" if math.hypot(dx, dz) < 0.3 else direction(dx, dz)


def direction(dx: float, dz: float) -> Direction:
    """Which way a step on the ground goes in the picture."""
    if abs(dx) >= abs(dz):
        return "right" if dx > 0 else "left"
    return "away" if dz > 0 else "toward"


def _region(u: float, width: int) -> Region:
    return "left" if u < width / 3 else "right" if u > 2 * width / 3 else "centre"


def _effect(index: int, effect: Effect, view: View, start: int, end: int) -> Seen | None:
    frames = np.arange(max(start, effect.start_frame), min(end, effect.end_frame))
    if not len(frames):
        return None
    uv, _ = view.project(np.array([[effect.x, effect.y + 0.3 * effect.size, effect.z]]))
    u, v = float(uv[0, 0]), float(uv[0, 1])
    if not (0 <= u < view.width and -0.3 * view.height <= v < view.height):
        return None
    grown = effect.size * float(strength(effect, frames).max())
    large = {"fire": 1.2, "smoke": 1.2}.get(effect.kind, 0.0)
    activity = Activity(EFFECT_ACTION[effect.kind], int(frames[0]), int(frames[-1]) + 1)
    return Seen(
        index=index,
        kind=effect.kind,
        colour={"fire": "orange", "smoke": "grey", "flash": "white"}.get(effect.kind, ""),
        action=activity.action,
        activities=(activity,),
        direction="",
        speed="still",
        objects=(),
        region=_region(u, view.width),
        low=v / view.height,
        size="large" if grown >= large else "small",
    )
