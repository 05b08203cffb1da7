"""The draft of a video plan, and `Part`, which writes one actor's record step by step; paints nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from headhunt.demo.world.camera import View
from headhunt.demo.world.families import COLOURS, GROUND, HAIRS, LEGS, SKINS
from headhunt.demo.world.motion import track
from headhunt.demo.world.plan import RGB, Action, Actor, Camera, Effect, Held, WorldConfig
from headhunt.records import Interval

CLEAR = 0.95  # metres that others keep clear of the lane of an incident
DISTANT = 12.0  # metres; people farther away are too small to tell what they do
SOON_S = 10.0  # a routine that starts this long before an incident may still be going on


@dataclass
class Draft:
    """A video plan in the making: what scripts write to.

    Attributes:
        rng: Random stream of the script.
        camera: The camera.
        config: Size and frame rate.
        n_frames: Length in native frames.
        actors: Finished actors.
        effects: Finished effects.
        events: Abnormal intervals.
        busy: (first frame, one past the last, x, z) of ground points that others keep clear of.
        seats: (first frame, one past the last, index of the bench in `actors`) of taken seats.
    """

    rng: np.random.Generator
    camera: Camera
    config: WorldConfig
    n_frames: int
    actors: list[Actor] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    events: list[Interval] = field(default_factory=list)
    busy: list[tuple[int, int, float, float]] = field(default_factory=list)
    seats: list[tuple[int, int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.view = View(self.camera, self.config.width, self.config.height)
        self.ground = GROUND[self.camera.place]

    def frames(self, seconds: float) -> int:
        """Seconds as a whole number of frames, at least 1."""
        return max(1, round(seconds * self.config.fps))

    def uniform(self, low: float, high: float) -> float:
        """A random number in [low, high)."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True with probability `share`."""
        return bool(self.rng.random() < share)

    def _around(self, at: int | None) -> list[tuple[float, float]]:
        """Ground points of incidents that a routine starting at a frame (None: one that lasts) could walk into."""
        soon = self.frames(SOON_S)
        return [(x, z) for first, last, x, z in self.busy if at is None or first - soon < at < last]

    def lane(self, at: int | None, *, close: bool = False) -> float:
        """A random lane (if `close`, not a distant one), clear of incidents around this frame if there is one."""
        lanes = [lane for lane in self.ground.lanes if not close or lane < DISTANT]
        busy = [x if self.ground.axis == "z" else z for x, z in self._around(at)]
        room = [min([abs(lane - b) for b in busy], default=math.inf) for lane in lanes]
        enough = min(CLEAR, max(room))
        return float(self.rng.choice([lane for lane, r in zip(lanes, room, strict=True) if r >= enough]))

    def spot(self, at: int | None, *, inner: float = 0.25) -> tuple[float, float]:
        """A ground point in view, between `inner` and 1 - `inner` of the picture's width, clear of incidents.

        `at` is the frame at which it is needed; None if it is needed throughout.
        """
        if self.ground.axis == "z":
            far = any(z < 8.0 for _, z in self._around(at))
            return self.uniform(-0.7, 0.7), self.uniform(8.8, 11.0) if far else self.uniform(5.4, 7.4)
        z = self.lane(at, close=True)
        left, right = self.view.edges(z)
        return left + (right - left) * self.uniform(inner, 1 - inner), z

    def gate(self, *, side: int, near: float) -> tuple[float, float]:
        """A point just out of view, or the end door of a corridor; side -1 is left or near, 1 is right or far."""
        if self.ground.axis == "z":
            return (float(np.clip(near, -1.3, 1.3)), 1.6) if side < 0 else (float(np.clip(near, -1.3, 1.3)), 16.4)
        left, right = self.view.edges(near)
        return (left - 0.9, near) if side < 0 else (right + 0.9, near)

    def kept(self, x: float, z: float) -> tuple[float, float]:
        """The nearest ground point that people may go to."""
        x = float(np.clip(x, -1.6, 1.6)) if self.ground.axis == "z" else x
        return x, float(np.clip(z, self.ground.near, self.ground.far))

    def side(self) -> int:
        """-1 or 1, at random."""
        return 1 if self.chance(0.5) else -1

    def colour(self, *names: str) -> tuple[str, RGB]:
        """A random named colour, one of `names` if given, in a shade of its own."""
        name = str(self.rng.choice(list(names) or list(COLOURS)))
        shade = self.rng.uniform(-12, 12, 3) + self.uniform(-10, 10)
        rgb = np.clip(np.array(COLOURS[name]) + shade, 8, 246)
        return name, (float(rgb[0]), float(rgb[1]), float(rgb[2]))

    def last_seen(self, actor: Actor) -> int:
        """One past the last native frame of the video that shows an actor."""
        way = track(actor, self.config.fps)
        frames = np.arange(actor.start_frame, actor.end_frame)
        shown = frames[self.view.inside(way.x, way.z) & (frames >= 0) & (frames < self.n_frames)]
        return int(shown[-1]) + 1 if len(shown) else max(0, min(self.n_frames, actor.start_frame + 1))

    def event(self, start: int, end: int) -> None:
        """Record abnormal activity, cut to the video."""
        self.events.append(Interval(max(0, start), min(self.n_frames, end)))


class Part:
    """One actor's script, written in order; `done` adds the actor to the draft.

    Args:
        draft: The draft of its video.
        kind: Kind of actor.
        x: First position, metres to the right.
        z: First position, metres away.
        at: First frame (may be negative).
        colour: Name of the main colour; None for a random one.
        size: Size factor; None for a random one.
    """

    def __init__(
        self,
        draft: Draft,
        kind: str,
        x: float,
        z: float,
        at: int,
        *,
        colour: str | None = None,
        size: float | None = None,
    ) -> None:
        rng = draft.rng
        self.draft, self.kind, self.at = draft, kind, at
        names = [colour] if colour else []
        if kind == "car" and not colour:
            names = ["red", "blue", "white", "black", "grey", "green", "yellow", "orange"]
        self.colour, rgb = draft.colour(*names)
        self.colours: list[RGB] = [rgb]
        if kind in ("person", "cyclist"):
            self.colours += [pool[int(rng.integers(len(pool)))] for pool in (LEGS, SKINS, HAIRS)]
            if kind == "cyclist":
                self.colours.append(draft.colour()[1])
        elif kind == "car":
            self.colours.append((float(rng.choice([0.7, 0.95, 1.6])), 0.0, 0.0))
        usual = (0.93, 1.1) if kind in ("person", "cyclist") else (0.92, 1.06)
        self.size = draft.uniform(*usual) if size is None else size
        self.path: list[tuple[int, float, float]] = [(at, x, z)]
        self.actions: list[Action] = []
        self.held: list[Held] = []
        self._holding: tuple[str, str, RGB, int] | None = None
        self.phase = draft.uniform(0, 2 * math.pi)

    @property
    def x(self) -> float:
        """Current position, metres to the right."""
        return self.path[-1][1]

    @property
    def z(self) -> float:
        """Current position, metres away."""
        return self.path[-1][2]

    def move(self, x: float, z: float, frame: int, action: str, *, facing: float | None = None) -> Part:
        """Be at a point at a native frame; do nothing if that frame has passed."""
        if frame > self.at:
            self.actions.append(Action(action, self.at, frame, facing))
            self.at = frame
            self.path.append((frame, x, z))
        return self

    def go(self, x: float, z: float, speed: float, action: str = "walk", *, facing: float | None = None) -> Part:
        """Move straight to a point, at a speed in metres a second."""
        frames = max(1, round(math.hypot(x - self.x, z - self.z) / speed * self.draft.config.fps))
        return self.move(x, z, self.at + frames, action, facing=facing)

    def until(self, frame: int, action: str, *, facing: float | None = None) -> Part:
        """Stay and do something until a native frame; do nothing if that frame has passed."""
        return self.move(self.x, self.z, frame, action, facing=facing)

    def do(self, action: str, frames: int, *, facing: float | None = None) -> Part:
        """Stay and do something for a number of frames."""
        return self.until(self.at + frames, action, facing=facing)

    def take(self, name: str, colour: str, rgb: RGB, *, since: int | None = None) -> Part:
        """Hold an object from now on, or from an earlier frame."""
        self._holding = (name, colour, rgb, self.at if since is None else since)
        return self

    @property
    def holds(self) -> bool:
        """Whether something is in its hand now."""
        return self._holding is not None

    def drop(self) -> Part:
        """Hold nothing from now on."""
        if self._holding is not None:
            name, colour, rgb, since = self._holding
            if self.at > since:
                self.held.append(Held(name, colour, rgb, since, self.at))
            self._holding = None
        return self

    def toward(self, x: float, z: float) -> float:
        """Heading from here to a point."""
        return math.atan2(x - self.x, z - self.z)

    def leave(self, speed: float, action: str = "walk", *, side: int | None = None) -> Part:
        """Go out of view the shorter way, or to the given side."""
        draft = self.draft
        if side is None:
            left, right = draft.view.edges(self.z)
            side = -1 if self.x - left < right - self.x else 1
            side = draft.side() if draft.ground.axis == "z" else side
        near = self.x if draft.ground.axis == "z" else self.z
        return self.go(*draft.gate(side=side, near=near), speed, action)

    def done(self) -> Actor:
        """Add the actor to the draft, unless it lives outside the video."""
        self.drop()
        actor = Actor(
            self.kind, self.colour, tuple(self.colours), self.size, tuple(self.path), tuple(self.actions),
            tuple(self.held), self.phase,
        )  # fmt: skip
        if actor.end_frame > 0 and actor.start_frame < self.draft.n_frames:
            self.draft.actors.append(actor)
        return actor


def fixture(
    draft: Draft, kind: str, x: float, z: float, *, facing: float = math.pi, colour: str | None = None
) -> Actor:
    """Add a thing that stands there from the first to the last frame."""
    part = Part(draft, kind, x, z, 0, colour=colour)
    if kind == "sign":
        part.colours.append(draft.colour()[1])
    return part.do("still", draft.n_frames, facing=facing).done()
