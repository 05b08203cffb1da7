"""Schema of a checkpoint's processor configuration, of which the pixel settings are read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from headhunt.schemas import Schema

Pixels = Annotated[int, Field(gt=0, le=1 << 14)]
Channels = Annotated[list[float], Field(min_length=3, max_length=3)]


class TileSize(Schema):
    """Size of the tile that a frame becomes."""

    height: Pixels
    width: Pixels


class Steps(Schema):
    """What is done with the pixels of a frame beside resizing it."""

    image_mean: Channels
    image_std: Channels
    resample: Literal[2, 3] = 3
    rescale_factor: float = 1 / 255
    do_center_crop: bool | None = None
    cap_pixels_per_frame: bool | None = None


class PixelSettings(Steps):
    """How a frame becomes a tile."""

    size: TileSize


class BoundedSettings(Steps):
    """How a frame becomes the model's input where it keeps its shape."""

    size: dict[str, Annotated[int, Field(gt=0)] | None] | None = None
    min_pixels: Annotated[int, Field(gt=0)] | None = None
    max_pixels: Annotated[int, Field(gt=0)] | None = None
