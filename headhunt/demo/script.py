"""From a seed to the plan of one video: place, light, furniture, ordinary life, look-alikes and incidents."""

from __future__ import annotations

import math

from headhunt.demo.accidents import INCIDENT_PLACES, INCIDENTS
from headhunt.demo.families import make_camera, make_light, make_surface, stream
from headhunt.demo.look_alikes import LOOK_ALIKE_PLACES, LOOK_ALIKES
from headhunt.demo.ordinary import ORDINARY, RIGHT
from headhunt.demo.plan import PLACES, SPLITS, Kind, Split, VideoPlan, WorldConfig
from headhunt.demo.scenery import BAY_WIDTH
from headhunt.demo.stage import Part, Stage, fixture
from headhunt.errors import InputError

CATEGORIES = tuple(INCIDENTS)
SHORTEST_S, LONGEST_S = 10.0, 600.0
# With these a car stands on the road: nothing else drives on it.
ROAD_TAKEN = ("car crash", "car on pavement", "fire", "explosion", "vandalism", "park", "wash")
QUIET_S = 24.0  # in a long video incidents begin this far apart


def plan_video(
    seed: int,
    *,
    kind: Kind,
    category: str | None = None,
    look_alike: str | None = None,
    camera: str | None = None,
    duration_s: float | None = None,
    split: Split = "train",
    config: WorldConfig | None = None,
) -> VideoPlan:
    """Plan one video; the same arguments give the same plan.

    Args:
        seed: Any integer >= 0; the two splits have seed spaces of their own.
        kind: "normal" or "abnormal".
        category: One of `CATEGORIES` for an abnormal video, None to draw one.
        look_alike: One of `LOOK_ALIKES`: an ordinary scene that resembles a category; "" for none, None to draw.
        camera: Place of the camera, one of `PLACES`, None to draw one that fits.
        duration_s: Length in seconds, 10 to 600; None draws 14 to 26.
        split: "train" or "eval".
        config: Size, rate and noise; None is `WorldConfig()`.

    Raises:
        InputError: An unknown name, a look-alike or category that cannot happen at the place, or a length out of range.
    """
    config = WorldConfig() if config is None else config
    _check(seed, kind, category, look_alike, camera, duration_s, split)
    rng = stream(seed, split, 0)
    if kind == "abnormal" and category is None:
        fits = [c for c in CATEGORIES if camera is None or camera in INCIDENT_PLACES[c]]
        category = str(rng.choice(fits))
    category = category if kind == "abnormal" and category else ""
    places = [p for p in PLACES if not category or p in INCIDENT_PLACES[category]]
    places = [p for p in places if not look_alike or p in LOOK_ALIKE_PLACES[look_alike]]
    place = str(rng.choice(places)) if camera is None else camera
    if place not in places:
        raise InputError(
            f"{look_alike or category!r} cannot happen at this place", got=place, expected=", ".join(places)
        )
    if look_alike is None:
        fits = [n for n, where in LOOK_ALIKE_PLACES.items() if place in where and not _clash(category, n)]
        look_alike = str(rng.choice(fits)) if rng.random() < 0.5 else ""
    seconds = float(rng.uniform(14.0, 26.0)) if duration_s is None else duration_s
    where = stream(seed, split, 1)
    stage = Stage(
        rng=stream(seed, split, 2),
        camera=make_camera(where, place, split),
        config=config,
        n_frames=max(1, round(seconds * config.fps)),
    )
    light = make_light(where, place, split)
    surface = make_surface(where, split)
    _furnish(stage)
    _play(stage, category, look_alike)
    return VideoPlan(
        seed=seed,
        split=split,
        kind=kind,
        category=category,
        look_alike=look_alike,
        config=config,
        n_frames=stage.n_frames,
        camera=stage.camera,
        light=light,
        surface=surface,
        actors=tuple(stage.actors),
        effects=tuple(e for e in stage.effects if e.start_frame < stage.n_frames),
        events=tuple(sorted(stage.events)),
    )


def _clash(category: str, look_alike: str) -> bool:
    """Whether both put a car on the road where the other's would be."""
    return category in ROAD_TAKEN and look_alike in ROAD_TAKEN


def _check(
    seed: int, kind: str, category: str | None, look_alike: str | None, camera: str | None,
    duration_s: float | None, split: str,
) -> None:  # fmt: skip
    for what, got, known in (
        ("kind", kind, ("normal", "abnormal")),
        ("category", category, (None, *CATEGORIES)),
        ("look-alike", look_alike, (None, "", *LOOK_ALIKES)),
        ("camera", camera, (None, *PLACES)),
        ("split", split, SPLITS),
    ):
        if got not in known:
            raise InputError(f"the world knows no such {what}", got=repr(got), expected=", ".join(map(repr, known)))
    if seed < 0:
        raise InputError("a seed must not be negative", got=seed, expected=">= 0")
    if kind == "normal" and category:
        raise InputError("a normal video has no category", got=category, hint='plan it with kind="abnormal"')
    if look_alike and _clash(category or "", look_alike):
        raise InputError("two scenes need the same stretch of road", got=(category, look_alike), hint="choose another")
    if duration_s is not None and not SHORTEST_S <= duration_s <= LONGEST_S:
        raise InputError("a video of this length is not planned", got=duration_s, expected="10 to 600 seconds")


def _furnish(stage: Stage) -> None:
    """Things that stand in the place from the beginning."""
    place = stage.camera.place
    if place in ("square", "street"):
        for z in [11.0, 12.2] if place == "square" else [14.6]:
            left, right = stage.view.edges(z)
            for share in stage.rng.permutation([0.2, 0.5, 0.8])[: int(stage.rng.integers(1, 3))]:
                x = left + (right - left) * (float(share) + stage.uniform(-0.06, 0.06))
                fixture(stage, str(stage.rng.choice(["bench", "bench", "tree", "bin"])), x, z)
    if place == "car park":
        left, right = stage.view.edges(14.3)
        for i in range(-6, 7):
            x = i * BAY_WIDTH
            if left - 1 < x < right + 1 and stage.chance(0.5):
                Part(stage, "car", x, 14.3, 0).do(
                    "park", stage.n_frames, facing=0.0 if stage.chance(0.5) else math.pi
                ).done()
    if place == "shop":
        left, right = stage.view.edges(9.2)
        fixture(stage, "counter", left + (right - left) * stage.uniform(0.15, 0.85), 9.2)
        if stage.chance(0.6):
            fixture(
                stage,
                str(stage.rng.choice(["sign", "bin", "tree"])),
                left + (right - left) * stage.uniform(0.1, 0.9),
                8.9,
            )
    if place == "corridor":
        for side in (-1.75, 1.75):
            if stage.chance(0.5):
                facing = RIGHT if side < 0 else -RIGHT
                fixture(
                    stage,
                    str(stage.rng.choice(["bench", "bin", "tree"])),
                    side,
                    stage.uniform(7.0, 12.0),
                    facing=facing,
                )


def _play(stage: Stage, category: str, look_alike: str) -> None:
    fps, n = stage.config.fps, stage.n_frames
    if category:
        long = n / fps >= 2 * QUIET_S
        for i in range(int((n / fps - 6.0) // QUIET_S) if long else 1):
            quiet = 8.0 + i * QUIET_S + stage.uniform(0.0, 6.0)
            at = round(quiet * fps if long else stage.uniform(0.32, 0.5) * n)
            if i == 0 or stage.chance(0.45):
                known = len(stage.events)
                x, z = INCIDENTS[category](stage, at)
                for event in stage.events[known:]:
                    before, after = stage.frames(3.0), stage.frames(1.5)
                    stage.busy.append((event.start_frame - before, event.end_frame + after, x, z))
    if look_alike:
        early = stage.frames(stage.uniform(0.0, 2.0)) if category else round(stage.uniform(0.05, 0.3) * n)
        LOOK_ALIKES[look_alike](stage, early)
    share = {"passer": 3.0, "loiterer": 2.0, "talkers": 1.5, "sitter": 1.0, "cyclist": 0.8, "driver": 0.0}
    if stage.camera.place not in ("square", "street"):
        share["sitter"] = 0.3
    if stage.ground.road:
        share["driver"] = 3.0 if stage.camera.place == "street" else 1.0
    if category in ROAD_TAKEN or look_alike in ROAD_TAKEN:
        share["driver"] = share["cyclist"] = 0.0
    names = list(share)
    weights = [share[k] / sum(share.values()) for k in names]
    slots = int(stage.rng.integers(1, 3 if stage.ground.axis == "z" else 4))
    for _ in range(slots):
        cursor = -stage.frames(stage.uniform(0.5, 6.0))
        while cursor < n:
            end = ORDINARY[str(stage.rng.choice(names, p=weights))](stage, cursor)
            cursor = max(cursor + fps, end) + stage.frames(stage.uniform(0.3, 4.0))
