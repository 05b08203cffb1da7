"""The look-alikes: ordinary scenes that resemble an anomaly and differ from it by context alone."""

from __future__ import annotations

import math

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
from headhunt.demo.world.stage import Part, Stage, fixture


def jog(stage: Stage, at: int) -> int:
    """Look-alike of a chase: one or two people jog through, one behind the other."""
    lead = enter(stage, "person", at)
    side = across(stage, lead)
    speed = stage.uniform(2.6, 3.6)
    x, z = stage.gate(side=side, near=lead.x if stage.ground.axis == "z" else lead.z)
    lead.go(x, z, speed, "run").done()
    if stage.chance(0.6):
        behind = stage.frames(stage.uniform(0.5, 1.0))
        other = Part(stage, "person", lead.path[0][1], lead.path[0][2] + 0.3, at + behind)
        other.go(x, z + 0.3, speed, "run").done()
        return other.at
    return lead.at


def hug(stage: Stage, at: int) -> int:
    """Look-alike of a fight: two people meet, hug, talk and part."""
    x, z = stage.spot(at)
    ready = at + stage.frames(MEET_S)
    a, b = meet(stage, ready, x, z, gap=0.44)
    end = ready + stage.frames(stage.uniform(2.0, 4.0))
    a.until(end, "hug", facing=RIGHT)
    b.until(end, "hug", facing=LEFT)
    for part, step in ((a, -0.25), (b, 0.25)):
        part.go(part.x + step, z, 0.9, facing=RIGHT if part is a else LEFT)
    converse(stage, a, b, max(a.at, b.at) + stage.frames(stage.uniform(1.0, 3.0)))
    return part_ways(stage, a, b)


def free_bay(stage: Stage) -> float | None:
    """The x of an empty parking bay in view, None when all are taken."""
    z = 0.5 * (BAYS[0] + BAYS[1])
    left, right = stage.view.edges(z)
    taken = [a.path[-1][1] for a in stage.actors if a.kind == "car" and a.path[-1][2] > BAYS[0] + 0.5]
    bays = [i * BAY_WIDTH for i in range(-6, 7)]
    free = [x for x in bays if left + 1.5 < x < right - 1.5 and all(abs(x - t) > 1.0 for t in taken)]
    return float(stage.rng.choice(free)) if free else None


def park(stage: Stage, at: int) -> int:
    """Look-alike of a crash: a car slows down and stops close to another."""
    lane_z = stage.ground.road[0]
    left, _ = stage.view.edges(lane_z)
    bay = free_bay(stage) if stage.camera.place == "car park" else None
    if bay is not None:
        part = Part(stage, "car", left - 2.6, lane_z, at)
        part.go(bay - 3.2, lane_z, 4.5, "drive").go(bay - 1.4, lane_z + 0.6, 2.6, "drive")
        part.go(bay - 0.25, lane_z + 2.4, 1.9, "drive").go(bay, 13.4, 1.5, "drive").go(
            bay, 14.4, 0.9, "drive", facing=0.0
        )
        part.until(max(stage.n_frames, part.at + 10), "park", facing=0.0)
        part.done()
        return part.at
    # By the kerb, right behind a car that already stands there.
    z = stage.ground.road[0] - 0.55 if stage.camera.place == "street" else stage.ground.road[0] - 0.6
    left, right = stage.view.edges(z)
    spot = left + (right - left) * stage.uniform(0.55, 0.75)
    ahead = Part(stage, "car", spot + 0.4, z, 0)
    ahead.do("park", stage.n_frames, facing=RIGHT).done()
    part = Part(stage, "car", left - 2.6, lane_z, at)
    part.go(spot - 7.6, lane_z, 4.5, "drive").go(spot - 5.4, z, 2.6, "drive").go(spot - 4.5, z, 1.0, "drive")
    part.until(max(stage.n_frames, part.at + 10), "park", facing=RIGHT)
    part.done()
    return part.at


def barrel(stage: Stage, at: int) -> int:
    """Look-alike of a fire: people warm their hands at a fire kept in a barrel."""
    x, z = stage.spot(None, inner=0.3)
    fixture(stage, "barrel", x, z, colour="brown")
    stage.effects.append(
        Effect("fire", -50, stage.n_frames + 50, x, z - 0.02, 0.8, stage.uniform(0.55, 0.85), 25, spark(stage))
    )
    n = int(stage.rng.integers(1, 4))
    for angle in stage.rng.permutation([LEFT, RIGHT, 0.0, 2.2])[:n]:
        px, pz = x + 0.85 * math.sin(angle), z + 0.7 * math.cos(angle)
        facing = math.atan2(x - px, z - pz)
        arrive = int(stage.rng.integers(-120, max(1, stage.n_frames // 3)))
        if arrive <= 0:
            part = Part(stage, "person", px, pz, 0)
        else:
            part = approach(stage, arrive, px, pz)
            part.go(px, pz, stage.uniform(1.0, 1.4))
        part.until(max(part.at + 50, stage.n_frames), "reach", facing=facing)
        part.done()
    return stage.n_frames


def set_down(stage: Stage, at: int) -> int:
    """Look-alike of an abandoned bag: somebody puts a bag down, waits beside it and takes it along."""
    x, z = stage.spot(at)
    part = approach(stage, at, x, z)
    side = across(stage, part)
    name, rgb = stage.colour()
    part.take("bag", name, rgb).go(x, z, stage.uniform(1.0, 1.4), "carry")
    part.do("put down", stage.frames(0.6), target="bag").drop()
    bag = bag_beside(stage, part, name, rgb)
    part.do("stand", stage.frames(stage.uniform(3.0, 7.0)), facing=stage.uniform(2.0, 4.2))
    part.do("pick up", stage.frames(0.5), target="bag")
    bag.until(part.at, "still").done()
    part.take("bag", name, rgb).do("stand", stage.frames(0.4)).leave(stage.uniform(1.0, 1.4), "carry", side=side)
    part.done()
    return part.at


def hand_over(stage: Stage, at: int) -> int:
    """Look-alike of a theft: somebody gives a bag to another, who walks away with it."""
    x, z = stage.spot(at)
    ready = at + stage.frames(MEET_S)
    a, b = meet(stage, ready, x, z, gap=0.85)
    name, rgb = stage.colour()
    a.take("bag", name, rgb, since=a.path[0][0])
    converse(stage, a, b, ready + stage.frames(stage.uniform(1.0, 3.0)))
    give = stage.frames(0.9)
    a.do("reach", give, facing=RIGHT, target="bag").drop()
    b.do("reach", give, facing=LEFT, target="bag").take("bag", name, rgb)
    a.do("stand", stage.frames(1.0), facing=RIGHT)
    b.do("stand", stage.frames(0.8), facing=LEFT)
    b.leave(stage.uniform(1.1, 1.5), "carry", side=1).done()
    a.leave(stage.uniform(1.0, 1.4), side=-1).done()
    return max(a.at, b.at)


def rest(stage: Stage, at: int) -> int:
    """Look-alike of a fall: somebody lies down slowly, rests and gets up."""
    x, z = stage.spot(at)
    part = approach(stage, at, x, z)
    side = across(stage, part)
    part.go(x, z, stage.uniform(1.0, 1.3)).do("stand", stage.frames(0.6), facing=side * RIGHT)
    part.do("lie down", stage.frames(2.0), facing=side * RIGHT)
    part.do("lie", stage.frames(stage.uniform(2.0, 5.0)), facing=side * RIGHT)
    part.do("get up", stage.frames(1.5), facing=side * RIGHT).leave(stage.uniform(1.0, 1.4), side=side)
    part.done()
    return part.at


def wash(stage: Stage, at: int) -> int:
    """Look-alike of vandalism: somebody wipes a parked car or a sign."""
    x, z, target = thing(stage)
    part = approach(stage, at, x, z)
    side = across(stage, part)
    part.go(x, z, stage.uniform(1.0, 1.3))
    part.do("wipe", stage.frames(stage.uniform(3.0, 7.0)), facing=0.0 if target == "car" else RIGHT, target=target)
    part.leave(stage.uniform(1.0, 1.4), side=side).done()
    return part.at


def disperse(stage: Stage, at: int) -> int:
    """Look-alike of a panic: a group stands together and then walks off in all directions."""
    x, z = stage.spot(at, inner=0.42)
    apart = max(at, stage.frames(3.0)) + stage.frames(stage.uniform(1.0, 4.0))
    end = apart
    for part, angle in gather(stage, x, z, apart):
        part.do("stand", int(stage.rng.integers(1, 3 * stage.config.fps)))
        part.leave(stage.uniform(1.1, 1.7), side=outward(stage, angle)).done()
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
