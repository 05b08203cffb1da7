"""The InternVL family (InternVL3, InternVL3.5, ...: transformers' InternVLForConditionalGeneration)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models.grid import Grid
from headhunt.models.loaded import Loaded
from headhunt.models.preprocess import read_settings, square_tile
from headhunt.records import IMAGE, Json

if TYPE_CHECKING:
    import torch

# Largest tensor of the vision tower on a CPU: memory of larger ones is given back to the system and faulted in again
# each time (glibc), which takes a quarter of the time.
LARGEST_ON_CPU = 16 << 20


class InternVL(Loaded):
    """A loaded InternVL checkpoint; see `headhunt.models.backbone.Backbone`."""

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
        if packing == "video":
            raise ModelError(
                "InternVL has no packing of its own for video", got="--as video", hint="leave it out, or --as image"
            )
        self.tile = square_tile(read_settings(root))
        super().__init__(
            model,
            tokenizer,
            name=name,
            fingerprint=fingerprint,
            notes=notes,
            preprocess=self.tile,
            placeholder_id=model.config.image_token_id,
            vision_layers=model.model.vision_tower.encoder.layer,
        )
        self.tokens_per_frame = int(model.config.image_seq_length)
        self._check_tokens()

    def _check_tokens(self) -> None:
        tokenizer = self.tokenizer
        if not tokenizer.chat_template:
            raise ModelError(f"{self.name} has no chat template", hint="fetch chat_template.jinja of the checkpoint")
        self.image_token = self.placeholder()
        self.start_token = str(getattr(tokenizer, "start_image_token", None) or "<img>")
        self.end_token = str(getattr(tokenizer, "end_image_token", None) or "</img>")
        for token in (self.start_token, self.end_token):
            self.check_token(token)
        grid = self.grid(1, self.tile.height, self.tile.width)
        if grid.rows * grid.columns != self.tokens_per_frame:
            raise ModelError(
                f"{self.name} disagrees with itself on the visual tokens a frame",
                got=f"{self.tokens_per_frame} configured, {grid.rows * grid.columns} from a "
                f"{self.tile.height}x{self.tile.width} tile",
            )

    def grid(self, n_frames: int, height: int, width: int, *, step_s: float | None = None) -> Grid:
        """A tile a frame; time is in the text that numbers them."""
        patch, ratio = self.model.config.vision_config.patch_size, self.model.config.downsample_ratio
        return Grid(tuple(range(n_frames)), int(height // patch[0] * ratio), int(width // patch[1] * ratio))

    def visual_tokens(self, grid: Grid) -> int:
        """How many visual tokens an input with this grid has."""
        return grid.units * grid.rows * grid.columns

    def token_ids(self, text: str, *, grid: Grid, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input: chat template, frames' placeholders, `text`, generation prompt."""
        tile = f"{self.start_token}{self.image_token * self.tokens_per_frame}{self.end_token}"
        for part in (text, frame_text.replace(IMAGE, ""), system or ""):
            if self.image_token in part:
                raise ModelError(f"a prompt holds the image token {self.image_token!r}", got=part)
        frames = "".join(frame_text.replace("{i}", str(i + 1)).replace(IMAGE, tile) for i in range(grid.units))
        messages = [{"role": "system", "content": system}] if system is not None else []
        messages.append({"role": "user", "content": frames + text})
        rendered = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids: list[int] = self.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        placed = ids.count(self.placeholder_id)
        if placed != self.visual_tokens(grid):
            raise ModelError(
                f"the chat template of {self.name} lost frames",
                got=f"{placed} visual tokens",
                expected=self.visual_tokens(grid),
            )
        return ids

    def encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """uint8 (f, 3, height, width) on any device -> visual tokens (f, tokens, hidden) of the model's dtype."""
        import torch

        config = self.model.config
        parts = [
            self.model.model.get_image_features(
                pixel_values=self.preprocess.normalize(part.to(self.device, non_blocking=True)),
                vision_feature_layer=config.vision_feature_layer,
                vision_feature_select_strategy=config.vision_feature_select_strategy,
            ).pooler_output
            for part in pixels.tensor_split(self._passes(len(pixels)))
        ]
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _passes(self, n_frames: int) -> int:
        """How many passes of the vision tower so many frames take."""
        if self.device.type != "cpu":
            return 1
        vision = self.model.config.vision_config
        high, wide = map(int, vision.patch_size)
        tokens = (self.tile.height // high) * (self.tile.width // wide) + 1  # the class token
        widest = max(3 * int(vision.hidden_size), int(vision.intermediate_size))
        return -(-n_frames // max(1, LARGEST_ON_CPU // (tokens * widest * self.dtype.itemsize)))
