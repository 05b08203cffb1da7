"""The Qwen3-VL family (transformers' Qwen3VLForConditionalGeneration).

As Qwen2.5-VL, but a video is written as its units one by one, each behind its time in seconds, so positions carry no
time; and what the vision tower saw half-way is added to the first layers of the decoder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headhunt.models import templates
from headhunt.models.families.qwen2_5_vl import Qwen25VL
from headhunt.models.grid import Grid

if TYPE_CHECKING:
    import torch

UNTIMED_S = 0.5
"""Seconds from frame to frame where they are not known: the rate at which the model was shown video."""


class Qwen3VL(Qwen25VL):
    """A loaded Qwen3-VL checkpoint; see `headhunt.models.backbone.Backbone`."""

    together = True

    def grid(self, n_frames: int, height: int, width: int, *, step_s: float | None = None) -> Grid:
        """Units of two frames with their times, or frames one by one; a visual token stands for 2 x 2 patches."""
        units, side = -(-n_frames // self.frames_per_unit), self.patch * self.merge
        plain = Grid(tuple(range(units)), height // side, width // side)
        if self.packing == "image":
            return plain
        step = UNTIMED_S if step_s is None else step_s
        at = [(frame + 0.5) * step for frame in range(n_frames)]  # frames are the centres of equal bins
        at += at[-1:] * (-n_frames % self.temporal)
        seconds = [(at[i] + at[i + self.temporal - 1]) / 2 for i in range(0, len(at), self.temporal)]
        return Grid(plain.times, plain.rows, plain.columns, tuple(f"{value:.1f}" for value in seconds))

    def token_ids(self, text: str, *, grid: Grid, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input; as a video, `frame_text` is not written."""
        if self.packing == "image":
            return super().token_ids(text, grid=grid, frame_text=frame_text, system=system)
        templates.refuse_placeholders(self.placeholders, text, system)
        spelt, config = self.placeholder(), self.model.config
        start, end = self.placeholder(config.vision_start_token_id), self.placeholder(config.vision_end_token_id)
        parts = [{"type": "video"}, templates.text(text)]
        rendered = templates.render(self.tokenizer, self.template, parts, system=system)
        units = "".join(f"<{seconds} seconds>{start}{spelt}{end}" for seconds in grid.stamps)
        counts = [grid.rows * grid.columns] * grid.units
        return templates.tokenize(self.tokenizer, rendered.replace(spelt, units), spelt, counts=counts, name=self.name)

    def encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 frames -> (u, tokens, (1 + early layers) * hidden): the decoder's input, then what its layers get."""
        import torch

        patches, grid = self.patches(pixels)
        found = self.model.model.get_video_features(patches, grid)
        # Some versions of transformers split the latter by videos, as they do the former, and some do not.
        seen = [part if isinstance(part, torch.Tensor) else torch.cat(part) for part in found.deepstack_features]
        tokens = torch.cat([part.to(self.dtype) for part in (torch.cat(found.pooler_output), *seen)], -1)
        return tokens.view(int(grid[0, 0]), -1, tokens.shape[-1])

    def in_a_row(self, visual: torch.Tensor) -> torch.Tensor:
        """Of visual tokens (b, u, tokens, width), what the decoder's input gets: (b, n, hidden)."""
        return visual.flatten(1, 2)[..., : self.spec.hidden]

    def early(self, ids: Sequence[int], visual: torch.Tensor | None) -> Mapping[str, Any]:
        """What is added to the states of visual tokens after the first layers, and where these tokens are."""
        import torch

        if visual is None:
            return {}
        where = torch.tensor(ids, device=self.device) == self.placeholder_id
        added = visual.flatten(0, 2)[:, self.spec.hidden :].split(self.spec.hidden, -1)
        return {"visual_pos_masks": where.expand(len(visual), -1), "deepstack_visual_embeds": list(added)}
