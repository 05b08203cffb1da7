"""Ordinary life: each function writes one small scene on a stage from a frame on; also the steps scenes share.

A routine takes the stage and the frame at which it may begin and gives the frame at which it is over.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from headhunt.demo.world.plan import RGB
from headhunt.demo.world.stage import Part, Stage, fixture

Routine = Callable[[Stage, int], int]
MEET_S = 5.0  # two people who will meet set out about this long before
LEFT, RIGHT = -math.pi / 2, math.pi / 2


def enter(stage: Stage, kind: str, at: int, *, near: float | None = None, side: int | None = None) -> Part:
    """A new actor just out of view, on a lane of the place (or where `near` says)."""
    lane = stage.lane(at) if near is None else near
    if stage.ground.axis == "x":
        lane += stage.uniform(-0.3, 0.3) if near is None else 0.0
    return Part(stage, kind, *stage.gate(side=stage.side() if side is None else side, near=lane), at)


def across(stage: Stage, part: Part) -> int:
    """The side opposite to where a part stands."""
    if stage.ground.axis == "z":
        return 1 if part.z < 8 else -1
    left, right = stage.view.edges(part.z)
    return 1 if part.x < 0.5 * (left + right) else -1


def passer(stage: Stage, at: int) -> int:
    """Somebody walks through, now and then with a bag."""
    part = enter(stage, "person", at)
    bag = stage.chance(0.3)
    if bag:
        part.take("bag", *stage.colour())
    part.leave(stage.uniform(1.0, 1.6), "carry" if bag else "walk", side=across(stage, part))
    part.done()
    return part.at


def loiterer(stage: Stage, at: int) -> int:
    """Somebody walks in, stands a while and walks on."""
    part = enter(stage, "person", at)
    side = across(stage, part)
    x, z = stage.spot(at, inner=0.15)
    part.go(x, z, stage.uniform(1.0, 1.5))
    for _ in range(int(stage.rng.integers(1, 3))):
        part.do("stand", stage.frames(stage.uniform(1.5, 4.0)), facing=stage.uniform(-math.pi, math.pi))
    part.leave(stage.uniform(1.0, 1.5), side=side if stage.chance(0.6) else -side)
    part.done()
    return part.at


def approach(stage: Stage, at: int, x: float, z: float) -> Part:
    """Somebody just out of view on the lane of a point, who sets out at a frame."""
    return enter(stage, "person", at, near=x if stage.ground.axis == "z" else z)


def arrive(stage: Stage, ready: int, x: float, z: float, speed: float, *, side: int | None = None) -> Part:
    """Somebody who has walked in from out of view and is at a point at a frame."""
    side = stage.side() if side is None else side
    gate_x, gate_z = stage.gate(side=side, near=x if stage.ground.axis == "z" else z)
    walk = stage.frames(math.hypot(x - gate_x, z - gate_z) / speed)
    return Part(stage, "person", gate_x, gate_z, ready - walk).move(x, z, ready, "walk")


def meet(stage: Stage, ready: int, x: float, z: float, *, gap: float) -> tuple[Part, Part]:
    """Two people who come from two sides and at a frame stand face to face, `gap` metres apart."""
    pair = []
    for side in (-1, 1):
        early = stage.frames(stage.uniform(0.0, 1.0))
        pair.append(arrive(stage, ready - early, x + 0.5 * gap * side, z, stage.uniform(1.1, 1.6), side=side))
    for part, facing in zip(pair, (RIGHT, LEFT), strict=True):
        part.until(ready, "stand", facing=facing)
    return pair[0], pair[1]


def talkers(stage: Stage, at: int) -> int:
    """Two people meet, talk and part."""
    x, z = stage.spot(at, inner=0.2)
    ready = at + stage.frames(MEET_S)
    a, b = meet(stage, ready, x, z, gap=stage.uniform(0.8, 1.1))
    end = ready + stage.frames(stage.uniform(3.0, 8.0))
    converse(stage, a, b, end)
    return part_ways(stage, a, b)


def converse(stage: Stage, a: Part, b: Part, end: int) -> None:
    """Talk in turns until a frame."""
    speaker = 0
    while min(a.at, b.at) < end:
        turn = min(end, a.at + stage.frames(stage.uniform(1.0, 2.5)))
        a.until(turn, "talk" if speaker == 0 else "stand", facing=RIGHT)
        b.until(turn, "talk" if speaker == 1 else "stand", facing=LEFT)
        speaker = 1 - speaker


def part_ways(stage: Stage, a: Part, b: Part) -> int:
    """Go, together or each another way; the frame when both are gone."""
    together = stage.chance(0.4)
    side = stage.side()
    for part, to in ((a, side if together else 1), (b, side if together else -1)):
        part.leave(stage.uniform(1.0, 1.5), side=to)
        part.done()
    return max(a.at, b.at)


def sitter(stage: Stage, at: int) -> int:
    """Somebody sits down on a bench and gets up again."""
    taken = {index for first, last, index in stage.seats if first <= at < last}
    benches = [i for i, actor in enumerate(stage.actors) if actor.kind == "bench" and i not in taken]
    if not benches:
        return loiterer(stage, at)
    index = int(stage.rng.choice(benches))
    bench = stage.actors[index]
    _, x, z = bench.path[0]
    part = enter(stage, "person", at)
    side = across(stage, part)
    seat = x + stage.uniform(-0.5, 0.5)
    part.go(seat, z - 0.55, stage.uniform(1.0, 1.5)).go(seat, z - 0.12, 1.0, facing=math.pi)
    part.do("sit", stage.frames(stage.uniform(4.0, 9.0)), facing=math.pi)
    part.go(seat, z - 0.7, 1.0).leave(stage.uniform(1.0, 1.5), side=side)
    part.done()
    stage.seats.append((at, part.at, index))
    return part.at


def cyclist(stage: Stage, at: int) -> int:
    """Somebody cycles through."""
    if not stage.ground.cycle:
        return passer(stage, at)
    part = enter(stage, "cyclist", at, near=stage.ground.cycle)
    part.leave(stage.uniform(3.0, 4.6), "cycle", side=across(stage, part))
    part.done()
    return part.at


def driver(stage: Stage, at: int) -> int:
    """A car drives through on its lane."""
    if not stage.ground.road:
        return passer(stage, at)
    lane = int(stage.rng.integers(2))
    side = -1 if lane == 0 else 1
    left, right = stage.view.edges(stage.ground.road[lane])
    z = stage.ground.road[lane]
    start, end = (left - 2.6, right + 2.6) if side < 0 else (right + 2.6, left - 2.6)
    part = Part(stage, "car", start, z, at)
    part.go(end, z, stage.uniform(4.5, 7.5), "drive")
    part.done()
    return part.at + stage.frames(0.8)


def bag_beside(stage: Stage, part: Part, name: str, rgb: RGB) -> Part:
    """A bag on the ground from now on, not yet on the stage."""
    bag = Part(stage, "bag", part.x + 0.3, part.z - 0.2, part.at, colour=name, size=1.35)
    bag.colours = [rgb]
    return bag


def thing(stage: Stage) -> tuple[float, float, str]:
    """Put a parked car (where cars go) or a sign in view; the point to stand at and what it is."""
    if stage.ground.road:
        z = stage.ground.road[0] - (0.3 if stage.camera.place == "street" else 0.0)
        left, right = stage.view.edges(z)
        x = left + (right - left) * stage.uniform(0.35, 0.65)
        Part(stage, "car", x, z, 0).do("park", stage.n_frames, facing=RIGHT).done()
        return x + stage.uniform(-1.0, 1.0), z - 1.3, "car"
    x, z = stage.spot(None, inner=0.35)
    fixture(stage, "sign", x + 0.75, z + 0.05, facing=LEFT - 0.6)
    return x, z, "sign"


def spark(stage: Stage) -> int:
    """The seed of one effect."""
    return int(stage.rng.integers(1 << 20))


def gather(stage: Stage, x: float, z: float, until: int) -> list[tuple[Part, float]]:
    """A group that stands and talks around a point until a frame, each with the heading that leads out of it."""
    group = []
    n = int(stage.rng.integers(5, 9))
    low, high = stage.ground.near, stage.ground.far
    for i in range(n):
        angle = 2 * math.pi * i / n + stage.uniform(-0.3, 0.3)
        reach = stage.uniform(0.6, 1.7)
        px, pz = x + reach * math.sin(angle), min(high, max(low, z + reach * math.cos(angle)))
        part = Part(stage, "person", min(1.5, max(-1.5, px)) if stage.ground.axis == "z" else px, pz, 0)
        while part.at < until:
            turn = min(until, part.at + stage.frames(stage.uniform(1.5, 4.0)))
            heading = part.toward(x, z) + stage.uniform(-0.4, 0.4)
            part.until(turn, "talk" if stage.chance(0.5) else "stand", facing=heading)
        group.append((part, angle))
    return group


def outward(stage: Stage, angle: float) -> int:
    """The side of the picture a heading leads to."""
    return 1 if (math.sin(angle) if stage.ground.axis == "x" else math.cos(angle)) > 0 else -1


ORDINARY: dict[str, Routine] = {
    "passer": passer,
    "loiterer": loiterer,
    "talkers": talkers,
    "sitter": sitter,
    "cyclist": cyclist,
    "driver": driver,
}
