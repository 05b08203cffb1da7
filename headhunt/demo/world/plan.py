"""What one rendered video is: frozen records of camera, light, actors, effects and events; knows nothing of pixels.

The ground is a plane in metres: x to the right, z away from the camera, y up. A heading is an angle in radians whose
forward direction is (sin h, cos h) in (x, z): 0 walks away from the camera, pi/2 walks right. Frames are native frame
numbers, ranges half-open; an actor may start before frame 0 so that a video can open in the middle of things.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from headhunt.errors import InputError
from headhunt.records import Interval

WORLD_VERSION = 3

Split = Literal["train", "eval"]
Kind = Literal["normal", "abnormal"]
RGB = tuple[float, float, float]

PLACES = ("square", "street", "corridor", "car park", "shop")
SPLITS: tuple[Split, ...] = ("train", "eval")


@dataclass(frozen=True)
class WorldConfig:
    """How videos are made, whatever they show.

    Attributes:
        width: Pixels, even, 96 to 1920.
        height: Pixels, even, 72 to 1080.
        fps: Frames per second, 5 to 60.
        noise: Standard deviation of the sensor noise by day, in grey levels; doubled at night.
        crf: Quality of the H.264 encoding, 0 (best) to 51.
        preset: Speed setting of the H.264 encoder.
    """

    width: int = 192
    height: int = 144
    fps: int = 25
    noise: float = 2.5
    crf: int = 25
    preset: str = "ultrafast"

    def __post_init__(self) -> None:
        even = self.width % 2 == 0 and self.height % 2 == 0
        if not (even and 96 <= self.width <= 1920 and 72 <= self.height <= 1080):
            raise InputError(
                "the world cannot be rendered at this size",
                got=f"{self.width}x{self.height}",
                expected="even numbers, 96x72 to 1920x1080",
            )
        if not 5 <= self.fps <= 60:
            raise InputError("the world cannot be rendered at this rate", got=self.fps, expected="5 to 60 frames/s")
        if not 0 <= self.crf <= 51 or not 0.0 <= self.noise <= 50.0:
            raise InputError("noise or crf is out of range", got=(self.noise, self.crf), expected="0..50 and 0..51")


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks along +z, turned by yaw and tilted down by pitch.

    Attributes:
        place: One of `PLACES`.
        x: Sideways position, metres.
        height: Metres above the ground.
        yaw: Radians, positive looks right.
        pitch: Radians, positive looks down.
        focal: Focal length in image widths.
    """

    place: str
    x: float
    height: float
    yaw: float
    pitch: float
    focal: float


@dataclass(frozen=True)
class Light:
    """How a place is lit.

    Attributes:
        night: True at night.
        ambient: Colour factor everywhere.
        lamps: (x, z, radius in metres, strength) of each pool of lamp light.
        sun: Shadow of a point one metre high on the ground, (dx, dz) in metres.
        shadow: Darkness of shadows, 0 to 1.
    """

    night: bool
    ambient: RGB
    lamps: tuple[tuple[float, float, float, float], ...]
    sun: tuple[float, float]
    shadow: float


@dataclass(frozen=True)
class Surface:
    """Textures of the background.

    Attributes:
        seed: Seed of the texture noise.
        ground: Colour of the main ground.
        wall: Colour of walls and fronts.
        accent: Colour of doors, goods, strips.
        tile: Size of tiles, bricks, slabs, metres.
        pattern: Which of the place's patterns, 0 to 2.
    """

    seed: int
    ground: RGB
    wall: RGB
    accent: RGB
    tile: float
    pattern: int


@dataclass(frozen=True)
class Action:
    """What an actor does for a while.

    Attributes:
        name: A key of `ACTIONS`.
        start_frame: First frame.
        end_frame: One past the last frame.
        facing: Fixed heading in radians; None to face the direction of motion.
    """

    name: str
    start_frame: int
    end_frame: int
    facing: float | None = None


@dataclass(frozen=True)
class Held:
    """An object in a hand for a while."""

    name: str
    colour: str
    rgb: RGB
    start_frame: int
    end_frame: int


@dataclass(frozen=True)
class Actor:
    """One thing that stands or moves in the place.

    Attributes:
        kind: "person", "cyclist", "car", "bag", "barrel", "bench", "bin", "counter", "sign" or "tree".
        colour: Name of its main colour.
        colours: The colours it is painted with; a person's are top, legs, skin, hair.
        size: Factor on the usual size.
        path: (frame, x, z) way points, in order of frames.
        actions: What it does, in time order.
        held: Objects in its hand.
        phase: Where its own rhythm starts, in radians.
    """

    kind: str
    colour: str
    colours: tuple[RGB, ...]
    size: float
    path: tuple[tuple[int, float, float], ...]
    actions: tuple[Action, ...]
    held: tuple[Held, ...] = ()
    phase: float = 0.0

    @property
    def start_frame(self) -> int:
        """First frame on which it exists."""
        return self.actions[0].start_frame

    @property
    def end_frame(self) -> int:
        """One past the last frame on which it exists."""
        return self.actions[-1].end_frame


@dataclass(frozen=True)
class Effect:
    """Fire, smoke, flash or flying pieces.

    Attributes:
        kind: "fire", "smoke", "flash" or "pieces".
        start_frame: First frame.
        end_frame: One past the last frame.
        x: Where on the ground, metres.
        z: Where on the ground, metres.
        y: Height of its foot, metres.
        size: Height of a flame or plume when grown, metres.
        grow_frames: Frames it takes to grow (and to die down).
        seed: Seed of its turbulence.
    """

    kind: str
    start_frame: int
    end_frame: int
    x: float
    z: float
    y: float
    size: float
    grow_frames: int
    seed: int


@dataclass(frozen=True)
class VideoPlan:
    """Everything a video shows, and the truth about it; equal plans give equal frames, bit for bit.

    Attributes:
        seed: Seed it was planned from.
        split: "train" or "eval": two worlds that share no seed, camera or texture.
        kind: "normal" or "abnormal".
        categories: Of `CATEGORIES`, in the order in which they happen; empty for a normal video.
        look_alike: The ordinary scene in it that resembles a category, one of `LOOK_ALIKES`; "" for none.
        config: Size, rate, noise and encoding.
        n_frames: Length in native frames.
        camera: The camera; `camera.place` is the place.
        light: Day or night and where shadows fall.
        surface: Background textures.
        actors: All actors.
        effects: Fire, smoke, flashes.
        events: Abnormal activity in native frames, empty when normal.
    """

    seed: int
    split: Split
    kind: Kind
    categories: tuple[str, ...]
    look_alike: str
    config: WorldConfig
    n_frames: int
    camera: Camera
    light: Light
    surface: Surface
    actors: tuple[Actor, ...]
    effects: tuple[Effect, ...] = ()
    events: tuple[Interval, ...] = field(default=())

    @property
    def category(self) -> str:
        """All categories as a manifest names them: "fight", "fire+theft"; "" for a normal video."""
        return "+".join(self.categories)
