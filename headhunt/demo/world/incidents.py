"""Anomalies among people: each function writes one incident near a frame and records exactly when it is abnormal.

An incident takes the draft and the frame at which it should begin, and returns the ground point where it happens.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from headhunt.demo.world.draft import Draft, Part
from headhunt.demo.world.ordinary import (
    LEFT,
    RIGHT,
    across,
    arrive,
    bag_beside,
    enter,
    gather,
    meet,
    outward,
    spark,
    thing,
)
from headhunt.demo.world.plan import Effect

Incident = Callable[[Draft, int], tuple[float, float]]


def fight(draft: Draft, at: int) -> tuple[float, float]:
    """Two people hit each other; abnormal from the first blow to the last, or until whoever was knocked down is up."""
    x, z = draft.spot(at, inner=0.35)
    a, b = meet(draft, at - draft.frames(draft.uniform(0.3, 2.5)), x, z, gap=0.72)
    a.until(at, "talk", facing=RIGHT)
    b.until(at, "stand", facing=LEFT)
    end = at + draft.frames(draft.uniform(6.0, 9.0))
    attacker = 0
    while a.at < end:
        turn = min(end, a.at + draft.frames(draft.uniform(0.7, 1.4)))
        push = draft.uniform(0.1, 0.3) * (1 if attacker == 0 else -1)
        for i, (part, facing) in enumerate(((a, RIGHT), (b, LEFT))):
            name = "hit" if i == attacker or draft.chance(0.35) else "struck"
            drift = draft.uniform(-0.05, 0.05)
            part.move(part.x + push, part.z + drift, turn, name, facing=facing)
        attacker = 1 - attacker if draft.chance(0.75) else attacker
    if draft.chance(0.5):
        b.do("fall", draft.frames(0.7), facing=LEFT)
        a.do("kick", draft.frames(draft.uniform(1.0, 2.0)), facing=RIGHT)
        b.do("lie", draft.frames(draft.uniform(1.0, 2.5)), facing=LEFT)
        b.do("get up", draft.frames(1.5), facing=LEFT)
        end = b.at
    draft.event(at, end)
    a.leave(draft.uniform(1.4, 2.0), side=-1).done()
    b.do("stand", draft.frames(0.5), facing=LEFT).leave(draft.uniform(1.0, 1.3), side=1).done()
    return x, z


def fall(draft: Draft, at: int) -> tuple[float, float]:
    """A walker falls, lies and gets up; abnormal from the loss of balance until back on the feet."""
    x, z = draft.spot(at, inner=0.3)
    side = draft.side()
    part = arrive(draft, at, x, z, draft.uniform(1.2, 1.7), side=-side)
    facing = RIGHT * (side if draft.ground.axis == "x" else draft.side())
    part.do("fall", draft.frames(0.7), facing=facing)
    part.do("lie", draft.frames(draft.uniform(5.0, 8.0)), facing=facing)
    part.do("get up", draft.frames(1.5), facing=facing)
    draft.event(at, part.at)
    part.do("stand", draft.frames(0.6)).leave(draft.uniform(0.8, 1.1), side=side).done()
    return x, z


def chase(draft: Draft, at: int) -> tuple[float, float]:
    """One flees, one pursues, back and forth; abnormal from the pursuer's entry until both are out of view."""
    x, z = draft.spot(at, inner=0.3)
    prey = arrive(draft, at - draft.frames(draft.uniform(0.5, 3.0)), x, z, 1.3).until(at, "stand")
    along_x = draft.ground.axis == "x"
    speed = draft.uniform(3.4, 4.6)
    gate = draft.gate(side=draft.side() if along_x else 1, near=z if along_x else x)
    hunter = Part(draft, "person", *gate, prey.at).go(x, z, speed, "run")
    entered = next(f for f in range(prey.at, hunter.at + 1) if _shows(draft, hunter, f))
    prey.until(hunter.at - draft.frames(draft.uniform(0.5, 0.8)), "stand", facing=prey.toward(gate[0], gate[1]))
    left, right = draft.view.edges(z)
    for i in range(int(draft.rng.integers(5, 8))):
        point = draft.spot(at, inner=0.12 if i % 2 else 0.2)
        if along_x:  # from side to side: the longest way in view
            share = draft.uniform(0.08, 0.3)
            point = left + (right - left) * (share if prey.x >= x else 1.0 - share), point[1]
        prey.go(*point, speed, "run")
        hunter.go(*point, speed, "run")
    prey.leave(speed, "run")
    hunter.go(prey.x, prey.z, speed, "run")
    draft.event(entered, max(draft.last_seen(actor) for actor in (prey.done(), hunter.done())))
    return x, z


def _shows(draft: Draft, part: Part, frame: int) -> bool:
    at = [p[0] for p in part.path]
    x, z = (np.interp([frame], at, [p[i] for p in part.path]) for i in (1, 2))
    return bool(draft.view.inside(x, z)[0])


def panic(draft: Draft, at: int) -> tuple[float, float]:
    """A calm group suddenly scatters; abnormal until the last person is out of view."""
    x, z = draft.spot(at, inner=0.42)
    actors = []
    for part, angle in gather(draft, x, z, at):
        part.do("stand", int(draft.rng.integers(0, 8)))
        out = draft.kept(part.x + 2.0 * math.sin(angle), part.z + 2.0 * math.cos(angle))
        speed = draft.uniform(2.8, 4.2)
        for _ in range(int(draft.rng.integers(4, 8))):  # back and forth at first
            turn = angle + draft.uniform(-2.5, 2.5)
            aside = draft.kept(part.x + 2.0 * math.sin(turn), part.z + 2.0 * math.cos(turn))
            part.go(*aside, speed, "scatter")
        part.go(*out, speed, "scatter" if draft.chance(0.6) else "run")
        part.leave(speed, "run" if draft.chance(0.5) else "scatter", side=outward(draft, angle))
        actors.append(part.done())
    draft.event(at, max(draft.last_seen(actor) for actor in actors))
    return x, z


def theft(draft: Draft, at: int) -> tuple[float, float]:
    """Somebody snatches a bag and runs; abnormal from the grab until the thief is out of view."""
    x, z = draft.spot(at, inner=0.35)
    owner, thief = meet(draft, at - draft.frames(draft.uniform(0.2, 2.0)), x, z, gap=0.75)
    name, rgb = draft.colour()
    owner.take("bag", name, rgb, since=owner.path[0][0])
    owner.until(at, "stand", facing=draft.uniform(1.2, 2.0))
    thief.until(at, "stand", facing=LEFT)
    snatch = draft.frames(draft.uniform(3.0, 5.5))  # both pull at it
    thief.do("grab", snatch, facing=LEFT).take("bag", name, rgb)
    owner.do("struck", snatch, facing=RIGHT).drop()
    thief.leave(draft.uniform(3.8, 4.8), "run", side=1)
    if draft.chance(0.6):
        owner.do("stand", draft.frames(0.4), facing=RIGHT).leave(draft.uniform(2.8, 3.4), "run", side=1)
    else:
        owner.do("talk", draft.frames(2.5), facing=RIGHT).leave(1.2, side=-1)
    gone = draft.last_seen(thief.done())
    owner.done()
    draft.event(at, gone)
    return x, z


def abandoned_bag(draft: Draft, at: int) -> tuple[float, float]:
    """Somebody puts a bag down and leaves; abnormal from the first step away until another takes it, or to the end."""
    x, z = draft.spot(at, inner=0.3)
    name, rgb = draft.colour()
    part = arrive(draft, at - draft.frames(1.5), x, z, draft.uniform(1.1, 1.5))
    part.take("bag", name, rgb, since=part.path[0][0]).until(at - draft.frames(1.2), "stand")
    part.do("put down", draft.frames(0.6)).drop()
    bag = bag_beside(draft, part, name, rgb)
    part.do("stand", draft.frames(0.6), facing=draft.uniform(-3, 3))
    begin = part.at
    part.leave(draft.uniform(1.3, 1.8)).done()
    end = begin + draft.frames(draft.uniform(7.0, 11.0))
    if end < draft.n_frames - draft.frames(1.0):
        finder = enter(
            draft, "person", max(begin, end - draft.frames(4.0)), near=bag.z if draft.ground.axis == "x" else bag.x
        )
        side = across(draft, finder)
        finder.go(bag.x - 0.3, bag.z + 0.2, 1.4).until(end, "stand")
        finder.do("pick up", draft.frames(0.5))
        end = finder.at
        finder.take("bag", name, rgb).do("stand", draft.frames(0.4)).leave(1.3, "carry", side=side).done()
    else:
        end = draft.n_frames
    bag.until(max(end, bag.at + 1), "still").done()
    draft.event(begin, end)
    return x, z


def vandalism(draft: Draft, at: int) -> tuple[float, float]:
    """Somebody hits and kicks a parked car or a sign; abnormal from the first blow to the last."""
    x, z, target = thing(draft)
    side = draft.side()
    part = arrive(draft, at - draft.frames(draft.uniform(0.2, 1.5)), x, z, draft.uniform(1.3, 1.8), side=-side)
    if draft.chance(0.6):
        part.take("rod", *draft.colour("grey", "brown"), since=part.path[0][0])
    facing = 0.0 if target == "car" else RIGHT
    part.until(at, "stand", facing=facing)
    end = at + draft.frames(draft.uniform(6.0, 9.0))
    while part.at < end:
        name = "strike" if part.holds or draft.chance(0.5) else "kick"
        part.until(min(end, part.at + draft.frames(draft.uniform(1.5, 3.0))), name, facing=facing)
    ahead_x, ahead_z = (0.0, 0.55) if target == "car" else (0.6, 0.0)
    for blow in range(at + draft.frames(0.4), end, draft.frames(1.5)):
        gone = min(end + 50, draft.n_frames)
        if blow < gone:
            draft.effects.append(Effect("pieces", blow, gone, x + ahead_x, z + ahead_z, 0.9, 1.0, 1, spark(draft)))
    draft.event(at, end)
    part.leave(draft.uniform(2.4, 3.6), "run", side=side).done()
    return x, z


AMONG_PEOPLE: dict[str, Incident] = {
    "fight": fight,
    "fall": fall,
    "chase": chase,
    "panic": panic,
    "theft": theft,
    "abandoned bag": abandoned_bag,
    "vandalism": vandalism,
}
