"""Anomalies of cars, fire and explosions, written like those of `incidents`, and the table of all anomalies."""

from __future__ import annotations

import math

import numpy as np

from headhunt.demo.world.draft import Draft, Part, fixture
from headhunt.demo.world.incidents import AMONG_PEOPLE, Incident
from headhunt.demo.world.ordinary import RIGHT, spark
from headhunt.demo.world.plan import PLACES, Effect
from headhunt.demo.world.scenery import ROAD

WALK = 6.6  # z of a car on the pavement
HALF_CAR = 0.85


def crash(draft: Draft, at: int) -> tuple[float, float]:
    """A car hits a standing one, both are spun round, smoke rises; abnormal until they drive on."""
    z = draft.ground.road[0]
    left, right = draft.view.edges(z)
    x = left + (right - left) * draft.uniform(0.5, 0.66)
    speed = draft.uniform(6.5, 9.0)
    a = Part(draft, "car", left - 2.6, z, at - draft.frames(4.0))
    a.go(x, z, 5.0, "drive").until(at, "park", facing=RIGHT)
    length = 2.0 * (a.size + 1.0) - 0.25
    away = max(1, round((x - length - left + 2.6) / speed * draft.config.fps))
    b = Part(draft, "car", left - 2.6, z + 0.25, a.at - away, size=1.0).go(x - length, z + 0.25, speed, "drive")
    impact = b.at
    a.until(impact, "park", facing=RIGHT)
    turn = draft.uniform(0.35, 0.8) * draft.side()
    end = impact + draft.frames(draft.uniform(6.0, 9.0))
    a.go(x + 1.1, z - 0.25 * math.copysign(1, turn), 5.0, "crash", facing=RIGHT + turn)
    a.until(end, "park", facing=RIGHT + turn)
    b.go(x - length + 0.7, z + 0.3, 4.0, "crash", facing=RIGHT - 0.7 * turn)
    b.until(end + draft.frames(0.5), "park", facing=RIGHT - 0.7 * turn)
    draft.effects.append(Effect("pieces", impact, end, x - 1.9, z, 0.6, 2.2, 1, spark(draft)))
    size = draft.uniform(1.5, 2.2)
    draft.effects.append(Effect("smoke", impact + 3, end, x - 1.6, z + 0.2, 0.9, size, 10, spark(draft)))
    draft.event(impact, end)
    for part in (a, b):
        part.go(right + 3.0, z, 3.5, "drive").done()
    return x, z


def on_pavement(draft: Draft, at: int) -> tuple[float, float]:
    """A car leaves the road and drives on the pavement among people; abnormal while a wheel is on it."""
    road = draft.ground.road[0]
    left, right = draft.view.edges(WALK)
    width = right - left
    speed = draft.uniform(1.7, 2.6)
    turn_x = left + 0.12 * width
    for _ in range(int(draft.rng.integers(1, 3))):
        x = left + width * draft.uniform(0.5, 0.9)
        person = Part(draft, "person", x, draft.uniform(6.2, 6.9), max(-50, at - draft.frames(6.0)))
        person.until(at + draft.frames(0.3), "stand", facing=draft.uniform(-3, 3))
        person.go(x + draft.uniform(0.3, 1.0), 5.0, 3.6, "run").go(right + 1.5, 4.9, 3.6, "run").done()
    # The near wheels cross the kerb where the car's middle line is half a car's width from it.
    share = (road - ROAD[0] - HALF_CAR) / (road - WALK)
    swerve, back = 0.22 * width / speed, 0.25 * width / speed
    car = Part(draft, "car", left - 3.0, road, at - draft.frames((turn_x - left + 3.0) / speed + share * swerve))
    car.go(turn_x, road, speed, "drive")
    before = car.at
    car.go(turn_x + 0.22 * width, WALK, speed, "drive")
    begin = before + round(share * (car.at - before))
    car.go(left + 0.5 * width, WALK, speed, "drive").do("park", draft.frames(draft.uniform(1.5, 3.5)), facing=RIGHT)
    if draft.chance(0.5):
        car.go(left + 0.7 * width, WALK, speed, "drive")
        before = car.at
        car.go(left + 0.7 * width + back * speed, road, speed, "drive")
        end = before + round((1 - share) * (car.at - before))
        car.go(right + 4.0, road, speed, "drive").done()
    else:
        car.go(right + 3.0, WALK, speed, "drive")
        end = draft.last_seen(car.done())
    draft.event(begin, end)
    return 0.5 * (left + right), WALK


def _burning_thing(draft: Draft, x: float, z: float, *, share: float) -> tuple[float, float]:
    """Add a parked car or a bin at a point; returns its z and the height of its fire's foot."""
    if draft.ground.road and draft.chance(share):
        z = draft.ground.road[0]
        Part(draft, "car", x, z, 0).do("park", draft.n_frames, facing=RIGHT).done()
        return z, 0.8
    fixture(draft, "bin", x, z + 0.05)
    return z, 0.5


def fire(draft: Draft, at: int) -> tuple[float, float]:
    """Something catches fire and burns with a lot of smoke; abnormal from the first flame to the last smoke."""
    x, z = draft.spot(at, inner=0.3)
    z, foot = _burning_thing(draft, x, z, share=0.6)
    size = draft.uniform(1.5, 2.6)
    end = min(draft.n_frames, at + draft.frames(draft.uniform(8.0, 11.0)))
    grow = draft.frames(draft.uniform(1.5, 3.0))
    seed = spark(draft)
    draft.effects.append(Effect("fire", at, end, x, z - 0.03, foot, size, grow, seed))
    if draft.chance(0.6):
        side = 0.7 * draft.side()
        draft.effects.append(Effect("fire", at + grow // 2, end, x + side, z - 0.1, 0.02, 0.7 * size, grow, seed + 7))
    draft.effects.append(Effect("smoke", at + 8, end, x, z + 0.1, foot + 0.5 * size, 1.5 * size, grow, seed + 3))
    draft.event(at, end)
    return x, z


def explosion(draft: Draft, at: int) -> tuple[float, float]:
    """A flash, a ball of fire, flying pieces and smoke; people nearby fall or run. Abnormal until the smoke is gone."""
    x, z = draft.spot(at, inner=0.35)
    z, foot = _burning_thing(draft, x, z, share=0.5)
    foot -= 0.4
    seed = spark(draft)
    end = min(draft.n_frames, at + draft.frames(draft.uniform(7.0, 10.0)))
    size = draft.uniform(2.2, 3.2)
    draft.effects.append(Effect("flash", at, at + 9, x, z, foot, 2.4, 1, seed))
    burnt = min(end, at + draft.frames(draft.uniform(2.5, 4.5)))
    draft.effects.append(Effect("fire", at, burnt, x, z - 0.05, foot, size, 3, seed + 1))
    draft.effects.append(Effect("pieces", at, end, x, z, 0.8, 3.4, 1, seed + 2))
    draft.effects.append(Effect("smoke", at + 4, end, x, z + 0.1, foot + 0.3, 1.7 * size, 6, seed + 3))
    for _ in range(int(draft.rng.integers(1, 4))):
        side = draft.side()
        px = x + side * draft.uniform(1.3, 2.4)
        pz = float(np.clip(z - draft.uniform(0.0, 1.0), 5.0, 12.0))
        person = Part(draft, "person", px, pz, max(-50, at - draft.frames(8.0)))
        person.until(at + 2, "stand", facing=draft.uniform(-3, 3))
        if draft.chance(0.5):
            person.do("fall", draft.frames(0.7), facing=side * RIGHT)
            person.do("lie", draft.frames(draft.uniform(1.0, 2.0)), facing=side * RIGHT)
            person.do("get up", draft.frames(1.4), facing=side * RIGHT)
        person.leave(draft.uniform(3.2, 4.4), "run", side=side).done()
    draft.event(at, end)
    return x, z


INCIDENTS: dict[str, Incident] = AMONG_PEOPLE | {
    "car crash": crash,
    "car on pavement": on_pavement,
    "fire": fire,
    "explosion": explosion,
}
INCIDENT_PLACES: dict[str, tuple[str, ...]] = dict.fromkeys(INCIDENTS, PLACES) | {
    "panic": ("square", "street", "car park", "shop"),
    "car crash": ("street", "car park"),
    "car on pavement": ("street",),
    "explosion": ("square", "street", "car park"),
}
