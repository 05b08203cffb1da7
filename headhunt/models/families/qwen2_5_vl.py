"""The Qwen2.5-VL family (transformers' Qwen2_5_VLForConditionalGeneration).

Frames keep their shape, so a video's size decides how many tokens it has. As a video, two frames that follow each other
are one visual unit, and positions carry true time; the vision tower looks at each unit alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from headhunt.models import templates
from headhunt.models.grid import Grid, unit_times
from headhunt.models.loaded import Loaded
from headhunt.models.positions import three_axes
from headhunt.models.preprocess import fitted, read_settings
from headhunt.records import Json

if TYPE_CHECKING:
    import torch


class Qwen25VL(Loaded):
    """A loaded Qwen2.5-VL checkpoint; see `headhunt.models.backbone.Backbone`."""

    together = False  # each frame is within the bounds on pixels, not all of a video together

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
        self.patch, self.merge = int(vision.patch_size), int(vision.spatial_merge_size)
        self.temporal = int(vision.temporal_patch_size)
        super().__init__(
            model,
            tokenizer,
            name=name,
            fingerprint=fingerprint,
            notes=notes,
            preprocess=fitted(
                read_settings(root, "video" if video else "image"),
                factor=self.patch * self.merge,
                together=self.together and video,
            ),
            placeholder_id=config.video_token_id if video else config.image_token_id,
            # Attention there is cut into windows, a call each, which a compiler would unroll.
            vision_layers=[block.mlp for block in model.model.visual.blocks],
            packing="video" if video else "image",
            frames_per_unit=self.temporal if video else 1,
        )
        self.template = templates.read_template(root)
        self.placeholders = [self.placeholder(token) for token in (config.video_token_id, config.image_token_id)]

    def grid(self, n_frames: int, height: int, width: int, *, step_s: float | None = None) -> Grid:
        """Units of two frames at their times, or frames one by one; a visual token stands for 2 x 2 patches."""
        units = -(-n_frames // self.frames_per_unit)
        side = self.patch * self.merge
        if self.packing == "image":
            return Grid(tuple(range(units)), height // side, width // side)
        seconds = None if step_s is None else step_s * self.temporal
        rate = float(self.model.config.vision_config.tokens_per_second)
        return Grid(unit_times(units, seconds, per_second=rate), height // side, width // side)

    def visual_tokens(self, grid: Grid) -> int:
        """How many visual tokens an input with this grid has."""
        return grid.units * grid.rows * grid.columns

    def token_ids(self, text: str, *, grid: Grid, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input; as one video, `frame_text` is not written."""
        templates.refuse_placeholders(self.placeholders, text, frame_text, system)
        one = grid.rows * grid.columns
        video = self.packing == "video"
        shown = [{"type": "video"}] if video else templates.numbered(frame_text, grid.units)
        rendered = templates.render(self.tokenizer, self.template, [*shown, templates.text(text)], system=system)
        counts = [grid.units * one] if video else [one] * grid.units
        return templates.tokenize(self.tokenizer, rendered, self.placeholder(), counts=counts, name=self.name)

    def encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 (u * frames_per_unit, 3, height, width) on any device -> visual tokens (u, tokens, hidden)."""
        import torch

        patches, grid = self.patches(pixels)
        tokens = torch.cat(list(self.model.model.get_video_features(patches, grid).pooler_output))
        return tokens.view(int(grid[0, 0]), -1, tokens.shape[-1])

    def patches(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Normalised patches (n, values) in the order of the tower, and its grid (1, 3): units, rows, columns."""
        import torch

        frames = self.preprocess.normalize(pixels.to(self.device, non_blocking=True)).to(self.dtype)
        if self.frames_per_unit != self.temporal:
            frames = frames.repeat_interleave(self.temporal, 0)  # an image is a unit of its own
        units, height, width = len(frames) // self.temporal, *frames.shape[2:]
        rows, columns = height // self.patch, width // self.patch
        merge, patch = self.merge, self.patch
        # Patches in the order of merged tokens: unit, row, column, row and column within, channel, time, y, x.
        cut = frames.view(units, self.temporal, 3, rows // merge, merge, patch, columns // merge, merge, patch)
        patches = cut.permute(0, 3, 6, 4, 7, 2, 1, 5, 8).reshape(units * rows * columns, -1)
        return patches, torch.tensor([[units, rows, columns]], device=self.device)

    def positions(self, ids: Sequence[int], grid: Grid | None, *, after: Sequence[int] = ()) -> torch.Tensor:
        """Position ids (3, 1, len(ids)) of a run of tokens: time, row and column."""
        import torch

        found = three_axes(np.array([*after, *ids]) == self.placeholder_id, grid)[:, len(after) :]
        return torch.from_numpy(found).to(self.device)[:, None]
