"""Ordinary life: each function writes one small scene from a frame on; also the steps that scenes share.

A routine takes the draft and the frame at which it may begin, and returns the frame at which it is over.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from headhunt.demo.world.draft import Draft, Part, fixture
from headhunt.demo.world.plan import RGB

Routine = Callable[[Draft, int], int]
MEET_S = 5.0  # two people set out about this long before they meet
LEFT, RIGHT = -math.pi / 2, math.pi / 2


def enter(draft: Draft, kind: str, at: int, *, near: float | None = None, side: int | None = None) -> Part:
    """A new actor just out of view, on a lane of the place, or on the one `near` gives."""
    lane = draft.lane(at) if near is None else near
    if draft.ground.axis == "x":
        lane += draft.uniform(-0.3, 0.3) if near is None else 0.0
    return Part(draft, kind, *draft.gate(side=draft.side() if side is None else side, near=lane), at)


def across(draft: Draft, part: Part) -> int:
    """The side opposite a part."""
    if draft.ground.axis == "z":
        return 1 if part.z < 8 else -1
    left, right = draft.view.edges(part.z)
    return 1 if part.x < 0.5 * (left + right) else -1


def passer(draft: Draft, at: int) -> int:
    """Somebody walks through, sometimes with a bag."""
    part = enter(draft, "person", at)
    bag = draft.chance(0.3)
    if bag:
        part.take("bag", *draft.colour())
    part.leave(draft.uniform(1.0, 1.6), "carry" if bag else "walk", side=across(draft, part))
    part.done()
    return part.at


def loiterer(draft: Draft, at: int) -> int:
    """Somebody walks in, stands for a while and walks on."""
    part = enter(draft, "person", at)
    side = across(draft, part)
    x, z = draft.spot(at, inner=0.15)
    part.go(x, z, draft.uniform(1.0, 1.5))
    for _ in range(int(draft.rng.integers(1, 3))):
        part.do("stand", draft.frames(draft.uniform(1.5, 4.0)), facing=draft.uniform(-math.pi, math.pi))
    part.leave(draft.uniform(1.0, 1.5), side=side if draft.chance(0.6) else -side)
    part.done()
    return part.at


def approach(draft: Draft, at: int, x: float, z: float) -> Part:
    """Somebody just out of view on the lane of a point, setting out at a frame."""
    return enter(draft, "person", at, near=x if draft.ground.axis == "z" else z)


def arrive(draft: Draft, ready: int, x: float, z: float, speed: float, *, side: int | None = None) -> Part:
    """Somebody who has walked in from out of view and is at a point at a frame."""
    side = draft.side() if side is None else side
    gate_x, gate_z = draft.gate(side=side, near=x if draft.ground.axis == "z" else z)
    walk = draft.frames(math.hypot(x - gate_x, z - gate_z) / speed)
    return Part(draft, "person", gate_x, gate_z, ready - walk).move(x, z, ready, "walk")


def meet(draft: Draft, ready: int, x: float, z: float, *, gap: float) -> tuple[Part, Part]:
    """Two people who come from opposite sides and stand face to face at a frame, `gap` metres apart."""
    pair = []
    for side in (-1, 1):
        early = draft.frames(draft.uniform(0.0, 1.0))
        pair.append(arrive(draft, ready - early, x + 0.5 * gap * side, z, draft.uniform(1.1, 1.6), side=side))
    for part, facing in zip(pair, (RIGHT, LEFT), strict=True):
        part.until(ready, "stand", facing=facing)
    return pair[0], pair[1]


def talkers(draft: Draft, at: int) -> int:
    """Two people meet, talk and part."""
    x, z = draft.spot(at, inner=0.2)
    ready = at + draft.frames(MEET_S)
    a, b = meet(draft, ready, x, z, gap=draft.uniform(0.8, 1.1))
    end = ready + draft.frames(draft.uniform(3.0, 8.0))
    converse(draft, a, b, end)
    return part_ways(draft, a, b)


def converse(draft: Draft, a: Part, b: Part, end: int) -> None:
    """Talk in turns until a frame."""
    speaker = 0
    while min(a.at, b.at) < end:
        turn = min(end, a.at + draft.frames(draft.uniform(1.0, 2.5)))
        a.until(turn, "talk" if speaker == 0 else "stand", facing=RIGHT)
        b.until(turn, "talk" if speaker == 1 else "stand", facing=LEFT)
        speaker = 1 - speaker


def part_ways(draft: Draft, a: Part, b: Part) -> int:
    """Leave, together or in opposite directions; returns the frame when both are gone."""
    together = draft.chance(0.4)
    side = draft.side()
    for part, to in ((a, side if together else 1), (b, side if together else -1)):
        part.leave(draft.uniform(1.0, 1.5), side=to)
        part.done()
    return max(a.at, b.at)


def sitter(draft: Draft, at: int) -> int:
    """Somebody sits down on a bench and gets up again."""
    taken = {index for first, last, index in draft.seats if first <= at < last}
    benches = [i for i, actor in enumerate(draft.actors) if actor.kind == "bench" and i not in taken]
    if not benches:
        return loiterer(draft, at)
    index = int(draft.rng.choice(benches))
    bench = draft.actors[index]
    _, x, z = bench.path[0]
    part = enter(draft, "person", at)
    side = across(draft, part)
    seat = x + draft.uniform(-0.5, 0.5)
    part.go(seat, z - 0.55, draft.uniform(1.0, 1.5)).go(seat, z - 0.12, 1.0, facing=math.pi)
    part.do("sit", draft.frames(draft.uniform(4.0, 9.0)), facing=math.pi)
    part.go(seat, z - 0.7, 1.0).leave(draft.uniform(1.0, 1.5), side=side)
    part.done()
    draft.seats.append((at, part.at, index))
    return part.at


def cyclist(draft: Draft, at: int) -> int:
    """Somebody cycles through."""
    if not draft.ground.cycle:
        return passer(draft, at)
    part = enter(draft, "cyclist", at, near=draft.ground.cycle)
    part.leave(draft.uniform(3.0, 4.6), "cycle", side=across(draft, part))
    part.done()
    return part.at


def driver(draft: Draft, at: int) -> int:
    """A car drives through on its lane."""
    if not draft.ground.road:
        return passer(draft, at)
    lane = int(draft.rng.integers(2))
    side = -1 if lane == 0 else 1
    left, right = draft.view.edges(draft.ground.road[lane])
    z = draft.ground.road[lane]
    start, end = (left - 2.6, right + 2.6) if side < 0 else (right + 2.6, left - 2.6)
    part = Part(draft, "car", start, z, at)
    part.go(end, z, draft.uniform(4.5, 7.5), "drive")
    part.done()
    return part.at + draft.frames(0.8)


def bag_beside(draft: Draft, part: Part, name: str, rgb: RGB) -> Part:
    """A bag on the ground from now on, not yet in the draft."""
    bag = Part(draft, "bag", part.x + 0.3, part.z - 0.2, part.at, colour=name, size=1.35)
    bag.colours = [rgb]
    return bag


def thing(draft: Draft) -> tuple[float, float, str]:
    """Add a parked car (where cars go) or a sign in view; returns the point to stand at, and which it is."""
    if draft.ground.road:
        z = draft.ground.road[0] - (0.3 if draft.camera.place == "street" else 0.0)
        left, right = draft.view.edges(z)
        x = left + (right - left) * draft.uniform(0.35, 0.65)
        Part(draft, "car", x, z, 0).do("park", draft.n_frames, facing=RIGHT).done()
        return x + draft.uniform(-1.0, 1.0), z - 1.3, "car"
    x, z = draft.spot(None, inner=0.35)
    fixture(draft, "sign", x + 0.75, z + 0.05, facing=LEFT - 0.6)
    return x, z, "sign"


def spark(draft: Draft) -> int:
    """The seed of one effect."""
    return int(draft.rng.integers(1 << 20))


def gather(draft: Draft, x: float, z: float, until: int) -> list[tuple[Part, float]]:
    """A group that stands and talks around a point until a frame, each with the heading that leads away."""
    group = []
    n = int(draft.rng.integers(5, 9))
    low, high = draft.ground.near, draft.ground.far
    for i in range(n):
        angle = 2 * math.pi * i / n + draft.uniform(-0.3, 0.3)
        reach = draft.uniform(0.6, 1.7)
        px, pz = x + reach * math.sin(angle), min(high, max(low, z + reach * math.cos(angle)))
        part = Part(draft, "person", min(1.5, max(-1.5, px)) if draft.ground.axis == "z" else px, pz, 0)
        while part.at < until:
            turn = min(until, part.at + draft.frames(draft.uniform(1.5, 4.0)))
            heading = part.toward(x, z) + draft.uniform(-0.4, 0.4)
            part.until(turn, "talk" if draft.chance(0.5) else "stand", facing=heading)
        group.append((part, angle))
    return group


def outward(draft: Draft, angle: float) -> int:
    """The side of the picture that a heading leads to."""
    return 1 if (math.sin(angle) if draft.ground.axis == "x" else math.cos(angle)) > 0 else -1


ORDINARY: dict[str, Routine] = {
    "passer": passer,
    "loiterer": loiterer,
    "talkers": talkers,
    "sitter": sitter,
    "cyclist": cyclist,
    "driver": driver,
}
