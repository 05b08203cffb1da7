"""Pixels the way a checkpoint's own processor makes them, with torch alone; knows nothing of models or files of video.

Resizing is done on uint8 on the CPU (the kernel that the reference processors use there, so the result is equal bit for
bit); normalisation is done in float32 on the model's device.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headhunt.arrays import UInt8
from headhunt.documents import MalformedError, read_json, shown
from headhunt.errors import ModelError
from headhunt.records import Json

if TYPE_CHECKING:
    import torch

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
    """

    height: int
    width: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    resample: str

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or min(self.std) <= 0 or self.resample not in RESAMPLE.values():
            raise ModelError("a processor configuration makes no sense", got=asdict(self))

    def resize(self, frame: UInt8) -> UInt8:
        """Resize one frame.

        Args:
            frame: uint8 (H, W, 3) RGB.

        Returns:
            uint8 (3, height, width).
        """
        import torch
        import torch.nn.functional as F

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
        import torch

        mean = torch.tensor(self.mean, device=pixels.device).mul_(255.0).view(3, 1, 1)
        std = torch.tensor(self.std, device=pixels.device).mul_(255.0).view(3, 1, 1)
        return pixels.to(torch.float32).sub_(mean).div_(std)

    def to_json(self) -> Json:
        """The settings as plain JSON, for a fingerprint."""
        return asdict(self) | {"mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_json(cls, data: Json) -> Preprocess:
        """What `to_json` gave."""
        return cls(data["height"], data["width"], _three(data["mean"]), _three(data["std"]), data["resample"])


def read_settings(folder: Path) -> Mapping[str, Any]:
    """The pixel settings of a checkpoint folder: the video processor's if there are any, else the image processor's.

    Raises:
        ModelError: The folder has none of the processor configuration files, or one is damaged.
    """
    tried = []
    for name, keys in (
        ("processor_config.json", ("video_processor", "image_processor")),
        ("video_preprocessor_config.json", (None,)),
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
            if isinstance(found, dict) and "size" in found:
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
    from headhunt.schemas import checked

    what = "a processor configuration lacks a setting, or has one that makes no sense"
    found = checked(PixelSettings, dict(settings), what, error=ModelError, hint="fetch the checkpoint again")
    if abs(found.rescale_factor * 255 - 1) > 1e-6 or found.do_center_crop:
        raise ModelError("a processor configuration asks for steps that are not supported", got=shown(settings))
    size, mean, std = found.size, _three(found.image_mean), _three(found.image_std)
    return Preprocess(size.height, size.width, mean, std, RESAMPLE[found.resample])


def _three(values: Any) -> tuple[float, float, float]:
    red, green, blue = (float(v) for v in values)
    return red, green, blue
