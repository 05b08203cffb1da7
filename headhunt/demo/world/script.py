"""From a seed to the plan of one video: place, light, furniture, ordinary life, look-alikes and incidents."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from headhunt.demo.world.accidents import INCIDENT_PLACES, INCIDENTS
from headhunt.demo.world.draft import Draft, Part, fixture
from headhunt.demo.world.families import make_camera, make_light, make_surface, stream
from headhunt.demo.world.look_alikes import LOOK_ALIKE_PLACES, LOOK_ALIKES
from headhunt.demo.world.ordinary import ORDINARY, RIGHT
from headhunt.demo.world.plan import PLACES, SPLITS, Kind, Split, VideoPlan, WorldConfig
from headhunt.demo.world.scenery import BAY_WIDTH
from headhunt.errors import InputError

CATEGORIES = tuple(INCIDENTS)
SHORTEST_S, LONGEST_S = 10.0, 600.0
# In these scenes a car stands on the road, so nothing else drives there.
ROAD_TAKEN = ("car crash", "car on pavement", "fire", "explosion", "vandalism", "park", "wash")
FROM_THE_BEGINNING = "panic"  # its group stands there from the start
ONCE = (FROM_THE_BEGINNING, "fire", "explosion", "vandalism")  # what they need is there from the first frame on
SHORT_S = 24.0  # a shorter video has room for one incident
ROOM_S = 6.0  # room that an incident needs before the end of the video


def plan_video(
    seed: int,
    *,
    kind: Kind,
    category: str | None = None,
    second: str | None = None,
    look_alike: str | None = None,
    camera: str | None = None,
    duration_s: float | None = None,
    split: Split = "train",
    config: WorldConfig | None = None,
) -> VideoPlan:
    """Plan one video; the same arguments give the same plan.

    Args:
        seed: Any integer >= 0; each split has its own seeds.
        kind: "normal" or "abnormal".
        category: One of `CATEGORIES` for an abnormal video; None for a random one.
        second: Another one that follows it if the video is long enough; "" for none, None for a random one that fits.
        look_alike: One of `LOOK_ALIKES`, an ordinary scene that resembles a category; "" for none, None for random.
        camera: Place of the camera, one of `PLACES`; None for a random one that fits.
        duration_s: Length in seconds, 10 to 600; None for a random one of 26 to 34.
        split: "train" or "eval".
        config: Size, rate and noise; None for `WorldConfig()`.

    Raises:
        InputError: An unknown name, a look-alike or category that cannot happen at the place, or a length out of range.
    """
    config = WorldConfig() if config is None else config
    _check(seed, kind, category, second, look_alike, camera, duration_s, split)
    rng = stream(seed, split, 0)
    if kind == "abnormal" and category is None:
        fits = [c for c in CATEGORIES if camera is None or camera in INCIDENT_PLACES[c]]
        fits = [c for c in fits if c != second and not _clash(c, second or "")]
        category = str(rng.choice(fits))
    categories = [c for c in (category, second) if c] if kind == "abnormal" else []
    places = [p for p in PLACES if all(p in INCIDENT_PLACES[c] for c in categories)]
    places = [p for p in places if not look_alike or p in LOOK_ALIKE_PLACES[look_alike]]
    place = str(rng.choice(places or PLACES)) if camera is None else camera
    if place not in places:
        what = " and ".join(name for name in (*categories, look_alike) if name)
        raise InputError(f"{what!r} cannot happen at this place", got=place, expected=", ".join(places) or "no place")
    seconds = float(rng.uniform(26.0, 34.0)) if duration_s is None else duration_s
    if categories and second is None:
        fits = [c for c in CATEGORIES if place in INCIDENT_PLACES[c] and c not in categories]
        fits = [c for c in fits if not any(_clash(c, other) for other in (*categories, look_alike or ""))]
        categories.append(str(rng.choice(fits)))
    if seconds < SHORT_S:
        categories = categories[:1]
    if look_alike is None:
        fits = [
            n for n, where in LOOK_ALIKE_PLACES.items() if place in where and not any(_clash(c, n) for c in categories)
        ]
        look_alike = str(rng.choice(fits)) if rng.random() < 0.5 else ""
    categories.sort(key=lambda c: c != FROM_THE_BEGINNING)
    where = stream(seed, split, 1)
    draft = Draft(
        rng=stream(seed, split, 2),
        camera=make_camera(where, place, split),
        config=config,
        n_frames=max(1, round(seconds * config.fps)),
    )
    light = make_light(where, place, split)
    surface = make_surface(where, split)
    _furnish(draft)
    played = _play(draft, categories, look_alike)
    return VideoPlan(
        seed=seed,
        split=split,
        kind=kind,
        categories=tuple(played),
        look_alike=look_alike,
        config=config,
        n_frames=draft.n_frames,
        camera=draft.camera,
        light=light,
        surface=surface,
        actors=tuple(draft.actors),
        effects=tuple(e for e in draft.effects if e.start_frame < draft.n_frames),
        events=tuple(sorted(draft.events)),
    )


def _clash(one: str, other: str) -> bool:
    """Whether both need a car at the same place on the road."""
    return one in ROAD_TAKEN and other in ROAD_TAKEN


def _check(
    seed: int, kind: str, category: str | None, second: str | None, look_alike: str | None,
    camera: str | None, duration_s: float | None, split: str,
) -> None:  # fmt: skip
    for what, got, known in (
        ("kind", kind, ("normal", "abnormal")),
        ("category", category, (None, *CATEGORIES)),
        ("category", second, (None, "", *CATEGORIES)),
        ("look-alike", look_alike, (None, "", *LOOK_ALIKES)),
        ("camera", camera, (None, *PLACES)),
        ("split", split, SPLITS),
    ):
        if got not in known:
            raise InputError(f"the world has no such {what}", got=repr(got), expected=", ".join(map(repr, known)))
    if seed < 0:
        raise InputError("a seed must not be negative", got=seed, expected=">= 0")
    if kind == "normal" and (category or second):
        raise InputError("a normal video has no category", got=category or second, hint='plan it with kind="abnormal"')
    if second and second == category:
        raise InputError("the second incident is of the same category", got=second, hint="choose another")
    for one, other in itertools.combinations([name for name in (category, second, look_alike) if name], 2):
        if _clash(one, other):
            raise InputError("two scenes need the same stretch of road", got=(one, other), hint="choose another")
    if duration_s is not None and not SHORTEST_S <= duration_s <= LONGEST_S:
        raise InputError("a video of this length cannot be planned", got=duration_s, expected="10 to 600 seconds")


def _furnish(draft: Draft) -> None:
    """Add what stands in the place from the beginning."""
    place = draft.camera.place
    if place in ("square", "street"):
        for z in [11.0, 12.2] if place == "square" else [14.6]:
            left, right = draft.view.edges(z)
            for share in draft.rng.permutation([0.2, 0.5, 0.8])[: int(draft.rng.integers(1, 3))]:
                x = left + (right - left) * (float(share) + draft.uniform(-0.06, 0.06))
                fixture(draft, str(draft.rng.choice(["bench", "bench", "tree", "bin"])), x, z)
    if place == "car park":
        left, right = draft.view.edges(14.3)
        for i in range(-6, 7):
            x = i * BAY_WIDTH
            if left - 1 < x < right + 1 and draft.chance(0.5):
                Part(draft, "car", x, 14.3, 0).do(
                    "park", draft.n_frames, facing=0.0 if draft.chance(0.5) else math.pi
                ).done()
    if place == "shop":
        left, right = draft.view.edges(9.2)
        fixture(draft, "counter", left + (right - left) * draft.uniform(0.15, 0.85), 9.2)
        if draft.chance(0.6):
            fixture(
                draft,
                str(draft.rng.choice(["sign", "bin", "tree"])),
                left + (right - left) * draft.uniform(0.1, 0.9),
                8.9,
            )
    if place == "corridor":
        for side in (-1.75, 1.75):
            if draft.chance(0.5):
                facing = RIGHT if side < 0 else -RIGHT
                fixture(
                    draft,
                    str(draft.rng.choice(["bench", "bin", "tree"])),
                    side,
                    draft.uniform(7.0, 12.0),
                    facing=facing,
                )


def _incidents(draft: Draft, categories: Sequence[str]) -> int:
    """Write incidents one after the other with calm between, again in a long video; returns how many."""
    fps, n = draft.config.fps, draft.n_frames
    short = n < SHORT_S * fps
    at = round(draft.uniform(0.3, 0.4) * n) if short else draft.frames(draft.uniform(4.0, 7.0))
    before, after, played = draft.frames(3.0), draft.frames(1.5), 0
    again = [c for c in categories if c not in ONCE]
    for number, category in enumerate(itertools.chain(categories, itertools.cycle(again))):
        if number and at + ROOM_S * fps > n:
            break
        known = len(draft.events)
        x, z = INCIDENTS[category](draft, at)
        for event in draft.events[known:]:
            draft.busy.append((event.start_frame - before, event.end_frame + after, x, z))
        calm = (3.0, 5.0) if number + 1 < len(categories) else (10.0, 30.0)
        at = max(event.end_frame for event in draft.events) + draft.frames(draft.uniform(*calm))
        played += 1
    return played


def _play(draft: Draft, categories: Sequence[str], look_alike: str) -> Sequence[str]:
    """Write everything that happens; returns the categories there was room for."""
    fps, n = draft.config.fps, draft.n_frames
    categories = categories[: _incidents(draft, categories)] if categories else categories
    if look_alike:
        early = draft.frames(draft.uniform(0.0, 2.0)) if categories else round(draft.uniform(0.05, 0.3) * n)
        LOOK_ALIKES[look_alike](draft, early)
    share = {"passer": 3.0, "loiterer": 2.0, "talkers": 1.5, "sitter": 1.0, "cyclist": 0.8, "driver": 0.0}
    if draft.camera.place not in ("square", "street"):
        share["sitter"] = 0.3
    if draft.ground.road:
        share["driver"] = 3.0 if draft.camera.place == "street" else 1.0
    if any(scene in ROAD_TAKEN for scene in (*categories, look_alike)):
        share["driver"] = share["cyclist"] = 0.0
    names = list(share)
    weights = [share[k] / sum(share.values()) for k in names]
    slots = int(draft.rng.integers(1, 3))
    for _ in range(slots):
        cursor = -draft.frames(draft.uniform(0.5, 6.0))
        while cursor < n:
            end = ORDINARY[str(draft.rng.choice(names, p=weights))](draft, cursor)
            cursor = max(cursor + fps, end) + draft.frames(draft.uniform(0.3, 4.0))
    return categories
