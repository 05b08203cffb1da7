"""Look-alikes: ordinary scenes that resemble an anomaly and differ from it only in context."""

from __future__ import annotations

import math

from headhunt.demo.world.draft import Draft, Part, fixture
from headhunt.demo.world.ordinary import (
    LEFT,
    MEET_S,
    RIGHT,
    Routine,
    across,
    approach,
    bag_beside,
    converse,
    enter,
    gather,
    meet,
    outward,
    part_ways,
    spark,
    thing,
)
from headhunt.demo.world.plan import PLACES, Effect
from headhunt.demo.world.scenery import BAY_WIDTH, BAYS


def jog(draft: Draft, at: int) -> int:
    """Look-alike of a chase: one or two people jog through, one behind the other."""
    lead = enter(draft, "person", at)
    side = across(draft, lead)
    speed = draft.uniform(2.6, 3.6)
    x, z = draft.gate(side=side, near=lead.x if draft.ground.axis == "z" else lead.z)
    lead.go(x, z, speed, "run").done()
    if draft.chance(0.6):
        behind = draft.frames(draft.uniform(0.5, 1.0))
        other = Part(draft, "person", lead.path[0][1], lead.path[0][2] + 0.3, at + behind)
        other.go(x, z + 0.3, speed, "run").done()
        return other.at
    return lead.at


def hug(draft: Draft, at: int) -> int:
    """Look-alike of a fight: two people meet, hug, talk and part."""
    x, z = draft.spot(at)
    ready = at + draft.frames(MEET_S)
    a, b = meet(draft, ready, x, z, gap=0.44)
    end = ready + draft.frames(draft.uniform(2.0, 4.0))
    a.until(end, "hug", facing=RIGHT)
    b.until(end, "hug", facing=LEFT)
    for part, step in ((a, -0.25), (b, 0.25)):
        part.go(part.x + step, z, 0.9, facing=RIGHT if part is a else LEFT)
    converse(draft, a, b, max(a.at, b.at) + draft.frames(draft.uniform(1.0, 3.0)))
    return part_ways(draft, a, b)


def free_bay(draft: Draft) -> float | None:
    """The x of an empty parking bay in view; None if all are taken."""
    z = 0.5 * (BAYS[0] + BAYS[1])
    left, right = draft.view.edges(z)
    taken = [a.path[-1][1] for a in draft.actors if a.kind == "car" and a.path[-1][2] > BAYS[0] + 0.5]
    bays = [i * BAY_WIDTH for i in range(-6, 7)]
    free = [x for x in bays if left + 1.5 < x < right - 1.5 and all(abs(x - t) > 1.0 for t in taken)]
    return float(draft.rng.choice(free)) if free else None


def park(draft: Draft, at: int) -> int:
    """Look-alike of a crash: a car slows down and stops close to another."""
    lane_z = draft.ground.road[0]
    left, _ = draft.view.edges(lane_z)
    bay = free_bay(draft) if draft.camera.place == "car park" else None
    if bay is not None:
        part = Part(draft, "car", left - 2.6, lane_z, at)
        part.go(bay - 3.2, lane_z, 4.5, "drive").go(bay - 1.4, lane_z + 0.6, 2.6, "drive")
        part.go(bay - 0.25, lane_z + 2.4, 1.9, "drive").go(bay, 13.4, 1.5, "drive").go(
            bay, 14.4, 0.9, "drive", facing=0.0
        )
        part.until(max(draft.n_frames, part.at + 10), "park", facing=0.0)
        part.done()
        return part.at
    # By the kerb, right behind a car that already stands there.
    z = draft.ground.road[0] - 0.55 if draft.camera.place == "street" else draft.ground.road[0] - 0.6
    left, right = draft.view.edges(z)
    spot = left + (right - left) * draft.uniform(0.55, 0.75)
    ahead = Part(draft, "car", spot + 0.4, z, 0)
    ahead.do("park", draft.n_frames, facing=RIGHT).done()
    part = Part(draft, "car", left - 2.6, lane_z, at)
    part.go(spot - 7.6, lane_z, 4.5, "drive").go(spot - 5.4, z, 2.6, "drive").go(spot - 4.5, z, 1.0, "drive")
    part.until(max(draft.n_frames, part.at + 10), "park", facing=RIGHT)
    part.done()
    return part.at


def barrel(draft: Draft, at: int) -> int:
    """Look-alike of a fire: people warm their hands at a fire kept in a barrel."""
    x, z = draft.spot(None, inner=0.3)
    fixture(draft, "barrel", x, z, colour="brown")
    draft.effects.append(
        Effect("fire", -50, draft.n_frames + 50, x, z - 0.02, 0.8, draft.uniform(0.55, 0.85), 25, spark(draft))
    )
    n = int(draft.rng.integers(1, 4))
    for angle in draft.rng.permutation([LEFT, RIGHT, 0.0, 2.2])[:n]:
        px, pz = x + 0.85 * math.sin(angle), z + 0.7 * math.cos(angle)
        facing = math.atan2(x - px, z - pz)
        arrive = int(draft.rng.integers(-120, max(1, draft.n_frames // 3)))
        if arrive <= 0:
            part = Part(draft, "person", px, pz, 0)
        else:
            part = approach(draft, arrive, px, pz)
            part.go(px, pz, draft.uniform(1.0, 1.4))
        part.until(max(part.at + 50, draft.n_frames), "reach", facing=facing)
        part.done()
    return draft.n_frames


def set_down(draft: Draft, at: int) -> int:
    """Look-alike of an abandoned bag: somebody puts a bag down, waits beside it and takes it away again."""
    x, z = draft.spot(at)
    part = approach(draft, at, x, z)
    side = across(draft, part)
    name, rgb = draft.colour()
    part.take("bag", name, rgb).go(x, z, draft.uniform(1.0, 1.4), "carry")
    part.do("put down", draft.frames(0.6)).drop()
    bag = bag_beside(draft, part, name, rgb)
    part.do("stand", draft.frames(draft.uniform(3.0, 7.0)), facing=draft.uniform(2.0, 4.2))
    part.do("pick up", draft.frames(0.5))
    bag.until(part.at, "still").done()
    part.take("bag", name, rgb).do("stand", draft.frames(0.4)).leave(draft.uniform(1.0, 1.4), "carry", side=side)
    part.done()
    return part.at


def hand_over(draft: Draft, at: int) -> int:
    """Look-alike of a theft: somebody gives a bag to another, who walks away with it."""
    x, z = draft.spot(at)
    ready = at + draft.frames(MEET_S)
    a, b = meet(draft, ready, x, z, gap=0.85)
    name, rgb = draft.colour()
    a.take("bag", name, rgb, since=a.path[0][0])
    converse(draft, a, b, ready + draft.frames(draft.uniform(1.0, 3.0)))
    give = draft.frames(0.9)
    a.do("reach", give, facing=RIGHT).drop()
    b.do("reach", give, facing=LEFT).take("bag", name, rgb)
    a.do("stand", draft.frames(1.0), facing=RIGHT)
    b.do("stand", draft.frames(0.8), facing=LEFT)
    b.leave(draft.uniform(1.1, 1.5), "carry", side=1).done()
    a.leave(draft.uniform(1.0, 1.4), side=-1).done()
    return max(a.at, b.at)


def rest(draft: Draft, at: int) -> int:
    """Look-alike of a fall: somebody lies down slowly, rests and gets up."""
    x, z = draft.spot(at)
    part = approach(draft, at, x, z)
    side = across(draft, part)
    part.go(x, z, draft.uniform(1.0, 1.3)).do("stand", draft.frames(0.6), facing=side * RIGHT)
    part.do("lie down", draft.frames(2.0), facing=side * RIGHT)
    part.do("lie", draft.frames(draft.uniform(2.0, 5.0)), facing=side * RIGHT)
    part.do("get up", draft.frames(1.5), facing=side * RIGHT).leave(draft.uniform(1.0, 1.4), side=side)
    part.done()
    return part.at


def wash(draft: Draft, at: int) -> int:
    """Look-alike of vandalism: somebody wipes a parked car or a sign."""
    x, z, target = thing(draft)
    part = approach(draft, at, x, z)
    side = across(draft, part)
    part.go(x, z, draft.uniform(1.0, 1.3))
    part.do("wipe", draft.frames(draft.uniform(3.0, 7.0)), facing=0.0 if target == "car" else RIGHT)
    part.leave(draft.uniform(1.0, 1.4), side=side).done()
    return part.at


def disperse(draft: Draft, at: int) -> int:
    """Look-alike of a panic: a group stands together and then walks off in all directions."""
    x, z = draft.spot(at, inner=0.42)
    apart = max(at, draft.frames(3.0)) + draft.frames(draft.uniform(1.0, 4.0))
    end = apart
    for part, angle in gather(draft, x, z, apart):
        part.do("stand", int(draft.rng.integers(1, 3 * draft.config.fps)))
        part.leave(draft.uniform(1.1, 1.7), side=outward(draft, angle)).done()
        end = max(end, part.at)
    return end


LOOK_ALIKES: dict[str, Routine] = {
    "jog": jog,
    "hug": hug,
    "park": park,
    "barrel": barrel,
    "set down": set_down,
    "hand over": hand_over,
    "rest": rest,
    "wash": wash,
    "disperse": disperse,
}

LOOK_ALIKE_PLACES: dict[str, tuple[str, ...]] = {
    "jog": ("square", "street", "car park", "corridor"),
    "hug": PLACES,
    "park": ("street", "car park"),
    "barrel": ("square", "street", "car park"),
    "set down": PLACES,
    "hand over": PLACES,
    "rest": ("square", "car park", "corridor"),
    "wash": PLACES,
    "disperse": ("square", "street", "car park", "shop"),
}
LOOK_ALIKE_OF = {
    "jog": "chase",
    "hug": "fight",
    "park": "car crash",
    "barrel": "fire",
    "set down": "abandoned bag",
    "hand over": "theft",
    "rest": "fall",
    "wash": "vandalism",
    "disperse": "panic",
}
