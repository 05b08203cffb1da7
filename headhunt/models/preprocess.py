"""Pixels the way a checkpoint's own processor makes them, with torch alone; knows nothing of models or files of video.

A family with one tile for every frame has a `Preprocess`; one that keeps a frame's shape has a `Fitted`, which gives a
`Preprocess` for a video's size.

Resizing is done on uint8 on the CPU (the kernel that the reference processors use there, so the result is equal bit for
bit); normalisation is done in float32 on the model's device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from headhunt.arrays import UInt8
from headhunt.documents import MalformedError, read_json, shown
from headhunt.errors import ModelError
from headhunt.models.sizes import fit, fit_video
from headhunt.records import Json

if TYPE_CHECKING:
    import torch

    from headhunt.models.schemas import Steps

S = TypeVar("S", bound="Steps")

# PIL's resampling codes, which processor configurations use.
RESAMPLE = {2: "bilinear", 3: "bicubic"}


@dataclass(frozen=True)
class Preprocess:
    """How one frame becomes the model's input; picklable, so decoder processes can hold it.

    Attributes:
        height: Height of the tile in pixels.
        width: Width of the tile in pixels.
        mean: Mean a channel, RGB, in units of [0, 1].
        std: Standard deviation a channel, RGB, > 0.
        resample: "bicubic" or "bilinear", antialiased.
        background: Colour that a frame is made square with first, RGB; None stretches it.
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: str
    background: tuple[int, int, int] | None = None

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or min(self.std) <= 0 or self.resample not in RESAMPLE.values():
            raise ModelError("a processor configuration makes no sense", got=asdict(self))

    def of(self, height: int, width: int, n_frames: int) -> Preprocess:
        """What is done with so many frames of a video of this size in pixels."""
        return self

    def resize(self, frame: UInt8) -> UInt8:
        """Resize one frame.

        Args:
            frame: uint8 (H, W, 3) RGB.

        Returns:
            uint8 (3, height, width).
        """
        import torch
        import torch.nn.functional as F

        if self.background is not None:
            frame = _square(frame, self.background)
        pixels = torch.from_numpy(np.ascontiguousarray(frame.transpose(2, 0, 1)))[None]
        if pixels.shape[-2:] != (self.height, self.width):
            pixels = F.interpolate(
                pixels, size=(self.height, self.width), mode=self.resample, align_corners=False, antialias=True
            )
        resized: UInt8 = pixels[0].numpy()
        return resized

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """Normalise resized pixels on whatever device they are.

        Args:
            pixels: uint8 (..., 3, height, width).

        Returns:
            float32 of the same shape.
        """
        return _normalize(pixels, self.mean, self.std)

    def to_json(self) -> Json:
        """The settings as plain JSON, for a fingerprint."""
        data = asdict(self) | {"mean": list(self.mean), "std": list(self.std)}
        background = data.pop("background")
        return data if background is None else data | {"background": list(background)}


@dataclass(frozen=True)
class Fitted:
    """How frames become the model's input where they keep their shape; picklable.

    Attributes:
        factor: Height and width become multiples of it.
        least: Pixels that a frame has at least, 1 or more.
        most: Pixels that it has at most.
        mean: Mean a channel, RGB, in units of [0, 1].
        std: Standard deviation a channel, RGB, > 0.
        resample: "bicubic" or "bilinear", antialiased.
        together: The bounds are on all frames of a row together.
    """

    factor: int
    least: int
    most: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: str
    together: bool = False

    def __post_init__(self) -> None:
        good = self.factor >= 1 and 1 <= self.least <= self.most and self.factor**2 <= self.most
        if not good or min(self.std) <= 0 or self.resample not in RESAMPLE.values():
            raise ModelError("a processor configuration makes no sense", got=asdict(self))

    def of(self, height: int, width: int, n_frames: int) -> Preprocess:
        """What is done with so many frames of a video of this size in pixels.

        Raises:
            VideoError: It is so narrow that the model takes no frames of it.
        """
        bounds = {"factor": self.factor, "least": self.least, "most": self.most}
        tall, wide = fit_video(n_frames, height, width, **bounds) if self.together else fit(height, width, **bounds)
        return Preprocess(tall, wide, self.mean, self.std, self.resample)

    def normalize(self, pixels: torch.Tensor) -> torch.Tensor:
        """As `Preprocess.normalize`."""
        return _normalize(pixels, self.mean, self.std)

    def to_json(self) -> Json:
        """The settings as plain JSON, for a fingerprint."""
        data = asdict(self) | {"mean": list(self.mean), "std": list(self.std)}
        together = data.pop("together")
        return data | {"together": True} if together else data


Pixels = Preprocess | Fitted


def from_json(data: Json) -> Pixels:
    """What `to_json` of either gave."""
    mean, std, resample = _three(data["mean"]), _three(data["std"]), data["resample"]
    if "factor" in data:
        return Fitted(data["factor"], data["least"], data["most"], mean, std, resample, data.get("together", False))
    red, green, blue = data.get("background") or (0, 0, 0)
    background = (red, green, blue) if data.get("background") is not None else None
    return Preprocess(data["height"], data["width"], mean, std, resample, background)


def _square(frame: UInt8, background: tuple[int, int, int]) -> UInt8:
    """The frame (H, W, 3) in the middle of a square of one colour."""
    height, width = frame.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square: UInt8 = np.empty((side, side, 3), np.uint8)
    square[:] = background
    square[top : top + height, left : left + width] = frame
    return square


def _normalize(pixels: torch.Tensor, mean: tuple[float, float, float], std: tuple[float, float, float]) -> torch.Tensor:
    import torch

    middle = torch.tensor(mean, device=pixels.device).mul_(255.0).view(3, 1, 1)
    spread = torch.tensor(std, device=pixels.device).mul_(255.0).view(3, 1, 1)
    return pixels.to(torch.float32).sub_(middle).div_(spread)


def read_settings(folder: Path, kind: Literal["video", "image"] = "video") -> Mapping[str, Any]:
    """The pixel settings of a checkpoint folder, which transformers reads from the same files.

    Args:
        folder: With the checkpoint's files.
        kind: "video" takes the video processor's if there are any, else the image processor's; "image" the latter's.

    Raises:
        ModelError: The folder has none of the processor configuration files, or one is damaged.
    """
    tried = []
    video = kind == "video"
    for name, keys in (
        ("processor_config.json", ("video_processor", "image_processor") if video else ("image_processor",)),
        *((("video_preprocessor_config.json", (None,)),) if video else ()),
        ("preprocessor_config.json", (None,)),
    ):
        path = folder / name
        tried.append(name)
        if not path.is_file():
            continue
        try:
            data = read_json(path)
        except (OSError, MalformedError) as error:
            raise ModelError(f"{path} is not JSON", got=error, hint="fetch the checkpoint again") from error
        for key in keys:
            found = data if key is None or not isinstance(data, dict) else data.get(key)
            if isinstance(found, dict) and ("size" in found or "max_pixels" in found):
                return found
    raise ModelError(
        f"no processor configuration in {folder}", expected=" or ".join(tried), hint="fetch the whole checkpoint"
    )


def square_tile(settings: Mapping[str, Any]) -> Preprocess:
    """One fixed tile a frame, no tiling and no thumbnail (InternVL).

    Raises:
        ModelError: The settings ask for a step that this code does not take.
    """
    from headhunt.models.schemas import PixelSettings

    found = _checked(PixelSettings, settings)
    size, mean, std = found.size, _three(found.image_mean), _three(found.image_std)
    return Preprocess(size.height, size.width, mean, std, RESAMPLE[found.resample])


def padded_tile(settings: Mapping[str, Any]) -> Preprocess:
    """One fixed tile a frame, made square with the mean colour first (frames as images of LLaVA-OneVision).

    Raises:
        ModelError: As `square_tile`.
    """
    tile = square_tile(settings)
    red, green, blue = (int(value * 255) for value in tile.mean)
    return replace(tile, background=(red, green, blue))


def fitted(settings: Mapping[str, Any], *, factor: int, together: bool = False) -> Fitted:
    """Frames that keep their shape within bounds on their pixels (Qwen's families).

    Args:
        settings: With `size`, its bounds as shortest_edge and longest_edge, or min_pixels and max_pixels beside it.
        factor: Pixels along a side of one visual token.
        together: The bounds are on all frames of a row together.

    Raises:
        ModelError: The settings lack a bound, or ask for a step that this code does not take.
    """
    from headhunt.models.schemas import BoundedSettings

    found = _checked(BoundedSettings, settings)
    size = found.size or {}
    least = found.min_pixels if found.min_pixels is not None else size.get("shortest_edge", size.get("min_pixels"))
    most = found.max_pixels if found.max_pixels is not None else size.get("longest_edge", size.get("max_pixels"))
    if least is None or most is None:
        raise ModelError(
            "a processor configuration does not bound the pixels of a frame",
            got=shown(settings),
            expected="shortest_edge and longest_edge in `size`, or min_pixels and max_pixels",
            hint="fetch the checkpoint again",
        )
    return Fitted(
        factor, least, most, _three(found.image_mean), _three(found.image_std), RESAMPLE[found.resample], together
    )


def _checked(schema: type[S], settings: Mapping[str, Any]) -> S:
    from headhunt.schemas import checked

    what = "a processor configuration lacks a setting, or has one that makes no sense"
    found = checked(schema, dict(settings), what, error=ModelError, hint="fetch the checkpoint again")
    if abs(found.rescale_factor * 255 - 1) > 1e-6 or found.do_center_crop or found.cap_pixels_per_frame:
        raise ModelError("a processor configuration asks for steps that are not supported", got=shown(settings))
    return found


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
