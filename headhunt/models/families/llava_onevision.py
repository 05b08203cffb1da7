"""The LLaVA-OneVision family (transformers' LlavaOnevisionForConditionalGeneration).

As a video, the tokens of each frame are pooled to a quarter, and one learnt token ends the video. As images, each frame
keeps its tokens and is ended by that token; frames are not cut into tiles.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models import templates
from headhunt.models.grid import Grid
from headhunt.models.loaded import Loaded
from headhunt.models.preprocess import padded_tile, read_settings, square_tile
from headhunt.records import IMAGE, Json

if TYPE_CHECKING:
    import torch


class LlavaOnevision(Loaded):
    """A loaded LLaVA-OneVision checkpoint; see `headhunt.models.backbone.Backbone`."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        root: Path,
        fingerprint: Json,
        notes: tuple[str, ...] = (),
        packing: str = "auto",
    ) -> None:
        config, vision = model.config, model.config.vision_config
        video = packing != "image"
        tile = square_tile(read_settings(root)) if video else padded_tile(read_settings(root, "image"))
        self.side = int(vision.image_size) // int(vision.patch_size)
        if (tile.height, tile.width) != (int(vision.image_size),) * 2:
            raise ModelError(
                f"{name} disagrees with itself on the size of a frame",
                got=f"{tile.height}x{tile.width} in the processor's file, {vision.image_size} in the model's",
                hint="fetch the checkpoint again",
            )
        super().__init__(
            model,
            tokenizer,
            name=name,
            fingerprint=fingerprint,
            notes=notes,
            preprocess=tile,
            placeholder_id=config.video_token_id if video else config.image_token_id,
            vision_layers=_layers(model.model.vision_tower),
            packing="video" if video else "image",
        )
        self.template = templates.read_template(root)
        self.placeholders = [self.placeholder(token) for token in (config.video_token_id, config.image_token_id)]

    def grid(self, n_frames: int, height: int, width: int, *, step_s: float | None = None) -> Grid:
        """One tile a frame, whatever its size and time."""
        side = math.ceil(self.side / 2) if self.packing == "video" else self.side
        return Grid(tuple(range(n_frames)), side, side)

    def visual_tokens(self, grid: Grid) -> int:
        """How many visual tokens an input with this grid has, those that end a video or an image among them."""
        return grid.units * grid.rows * grid.columns + (1 if self.packing == "video" else grid.units)

    def token_ids(self, text: str, *, grid: Grid, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input; as one video, `frame_text` is not written."""
        templates.refuse_placeholders(self.placeholders, text, frame_text.replace(IMAGE, ""), system)
        if self.packing == "video":
            shown, counts = [{"type": "video"}, templates.text(text)], [self.visual_tokens(grid)]
        else:  # the template would write all images before all text, so they are a part of the text
            one = frame_text.replace(IMAGE, self.placeholder())
            frames = "".join(one.replace("{i}", str(i + 1)) for i in range(grid.units))
            shown = [templates.text(frames + text)]
            counts = [grid.rows * grid.columns + 1] * grid.units
        rendered = templates.render(self.tokenizer, self.template, shown, system=system)
        return templates.tokenize(self.tokenizer, rendered, self.placeholder(), counts=counts, name=self.name)

    def encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 (f, 3, height, width) on any device -> visual tokens (f, tokens, hidden) of the model's dtype."""
        import torch

        frames = self.preprocess.normalize(pixels.to(self.device, non_blocking=True)).to(self.dtype)
        core = self.model.model
        if self.packing == "video":
            found = core.get_video_features(frames[None]).pooler_output.flatten(0, -2)
            each = math.ceil(self.side / 2) ** 2
            # Later versions of transformers than 5.17 give the token that ends the video with them.
            return found[: len(frames) * each].view(len(frames), each, -1)  # type: ignore[no-any-return]
        sizes = torch.tensor([frames.shape[-2:]] * len(frames))
        several = torch.tensor([max(2, len(frames))])  # a single image would be expected in tiles
        return torch.stack(list(core.get_image_features(frames, sizes, batch_num_images=several).pooler_output))

    def in_a_row(self, visual: torch.Tensor) -> torch.Tensor:
        """Visual tokens (b, f, tokens, hidden) one after the other, a video ended by its token: (b, n, hidden)."""
        import torch

        row = visual.flatten(1, 2)
        if self.packing == "image":
            return row
        end = self.model.model.image_newline.to(row).expand(len(row), 1, -1)
        return torch.cat([row, end], 1)


def _layers(tower: Any) -> Any:
    """The tower's layers, which some versions of transformers keep one module deeper."""
    return getattr(tower, "vision_model", tower).encoder.layers
