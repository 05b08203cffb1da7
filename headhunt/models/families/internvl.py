"""The InternVL family (InternVL3, InternVL3.5, ...: transformers' InternVLForConditionalGeneration)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models.backbone import find_decoder, prove_heads, read_spec
from headhunt.models.preprocess import Preprocess, read_settings, square_tile
from headhunt.records import IMAGE, Json, ModelSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

# Relative error allowed when the heads are proved at load: rounding of one o_proj in that precision.
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2, "float16": 5e-3}

# Largest tensor of the vision tower on a CPU: memory of larger ones is given back to the system and faulted in again
# each time (glibc), which takes a quarter of the time.
LARGEST_ON_CPU = 16 << 20


class InternVL:
    """A loaded InternVL checkpoint; see `headhunt.models.backbone.Backbone`."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        preprocess: Preprocess,
        fingerprint: Json,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.name = name
        self.model = model
        self.tokenizer = tokenizer
        self.preprocess = preprocess
        self.notes = notes
        self.decoder = find_decoder(model)
        self.vision_layers: Sequence[nn.Module] = tuple(model.model.vision_tower.encoder.layer)
        self.spec: ModelSpec = read_spec(self.decoder)
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self.attention: str = self.decoder.config._attn_implementation  # type: ignore[union-attr, assignment]
        dtype = str(self.dtype).removeprefix("torch.")
        self.fingerprint = fingerprint | {"dtype": dtype, "attention": self.attention}
        self.tokens_per_frame = int(model.config.image_seq_length)
        self.image_token_id = int(model.config.image_token_id)
        self._check_tokens()
        self.head_error = prove_heads(self.decoder, self.spec, device=self.device, tolerance=TOLERANCE[dtype])

    def _check_tokens(self) -> None:
        tokenizer = self.tokenizer
        if not tokenizer.chat_template:
            raise ModelError(f"{self.name} has no chat template", hint="fetch chat_template.jinja of the checkpoint")
        self.image_token = str(tokenizer.convert_ids_to_tokens(self.image_token_id))
        self.start_token = str(getattr(tokenizer, "start_image_token", None) or "<img>")
        self.end_token = str(getattr(tokenizer, "end_image_token", None) or "</img>")
        for token in (self.image_token, self.start_token, self.end_token):
            ids = tokenizer(token, add_special_tokens=False)["input_ids"]
            if len(ids) != 1:
                raise ModelError(
                    f"{token!r} is not one token of {self.name}",
                    got=f"{len(ids)} tokens",
                    hint="use the -hf checkpoint",
                )
        height, width = self.preprocess.height, self.preprocess.width
        vision = self.model.config.vision_config
        expected = (height // vision.patch_size[0]) * (width // vision.patch_size[1])
        expected = int(expected * self.model.config.downsample_ratio**2)
        if expected != self.tokens_per_frame:
            raise ModelError(
                f"{self.name} disagrees with itself on the visual tokens a frame",
                got=f"{self.tokens_per_frame} configured, {expected} from a {height}x{width} tile",
            )

    def token_ids(self, text: str, *, n_frames: int, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input: chat template, frames' placeholders, `text`, generation prompt."""
        tile = f"{self.start_token}{self.image_token * self.tokens_per_frame}{self.end_token}"
        for part in (text, frame_text.replace(IMAGE, ""), system or ""):
            if self.image_token in part:
                raise ModelError(f"a prompt holds the image token {self.image_token!r}", got=part)
        frames = "".join(frame_text.replace("{i}", str(index + 1)).replace(IMAGE, tile) for index in range(n_frames))
        messages = [{"role": "system", "content": system}] if system is not None else []
        messages.append({"role": "user", "content": frames + text})
        rendered = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        ids: list[int] = self.tokenizer(rendered, add_special_tokens=False)["input_ids"]
        placed = ids.count(self.image_token_id)
        if placed != n_frames * self.tokens_per_frame:
            raise ModelError(
                f"the chat template of {self.name} lost frames",
                got=f"{placed} visual tokens",
                expected=n_frames * self.tokens_per_frame,
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
        tokens = (self.preprocess.height // high) * (self.preprocess.width // wide) + 1  # the class token
        widest = max(3 * int(vision.hidden_size), int(vision.intermediate_size))
        return -(-n_frames // max(1, LARGEST_ON_CPU // (tokens * widest * self.dtype.itemsize)))

    def embed(self, ids: Sequence[int], visual: torch.Tensor | None, *, batch: int) -> torch.Tensor:
        """Input embeddings (batch, len(ids), hidden), visual tokens (batch, f, tokens, hidden) put in their places."""
        import torch

        row = torch.tensor(ids, device=self.device)
        embedded = self.model.get_input_embeddings()(row)[None].expand(batch, -1, -1)
        where = row == self.image_token_id
        if visual is None:
            assert self.image_token_id not in ids
            return embedded  # type: ignore[no-any-return]
        embedded = embedded.clone()
        embedded[:, where] = visual.flatten(1, 2).to(embedded.dtype)
        return embedded  # type: ignore[no-any-return]

    def positions(self, ids: Sequence[int], start: int) -> torch.Tensor:
        """Position ids (1, len(ids)) of a run of tokens that starts at token `start`: one a token."""
        import torch

        return torch.arange(start, start + len(ids), device=self.device)[None]


def internvl(
    model: Any, tokenizer: Any, *, name: str, root: Path, fingerprint: Json, notes: tuple[str, ...]
) -> InternVL:
    """A loaded checkpoint as a backbone; `root` is the folder of its files."""
    preprocess = square_tile(read_settings(root))
    return InternVL(model, tokenizer, name=name, preprocess=preprocess, fingerprint=fingerprint, notes=notes)
