"""What families have in common: a loaded model with its proved heads, visual tokens in their places, positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models.backbone import find_decoder, prove_heads, read_spec
from headhunt.models.grid import Grid
from headhunt.models.preprocess import Pixels
from headhunt.records import Json, ModelSpec

if TYPE_CHECKING:
    import torch
    from torch import nn

# Relative error allowed when the heads are proved at load: rounding of one o_proj in that precision.
TOLERANCE = {"float32": 1e-4, "bfloat16": 3e-2, "float16": 5e-3}


class Loaded:
    """The part of `headhunt.models.backbone.Backbone` that most families share; a family adds the rest.

    It adds `grid`, `visual_tokens`, `token_ids` and `encode_frames`, and overrides what it does in another way.

    Args:
        model: The loaded model.
        tokenizer: Its tokenizer.
        name: The id or folder it was asked for by.
        fingerprint: What its activations depend on, as far as loading knows.
        notes: What the user should know of it.
        preprocess: How frames become pixels.
        placeholder_id: Id of the token that visual tokens take the place of.
        vision_layers: The layers of its vision tower.
        packing: How frames are shown to it.
        frames_per_unit: Frames that form one visual unit.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        *,
        name: str,
        fingerprint: Json,
        notes: tuple[str, ...],
        preprocess: Pixels,
        placeholder_id: int,
        vision_layers: Sequence[nn.Module],
        packing: str = "image",
        frames_per_unit: int = 1,
    ) -> None:
        self.name, self.model, self.tokenizer, self.notes = name, model, tokenizer, notes
        self.preprocess = preprocess
        self.packing, self.frames_per_unit = packing, frames_per_unit
        self.placeholder_id = int(placeholder_id)
        self.vision_layers: Sequence[nn.Module] = tuple(vision_layers)
        self.decoder = find_decoder(model)
        self.spec: ModelSpec = read_spec(self.decoder)
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self.attention: str = self.decoder.config._attn_implementation  # type: ignore[union-attr, assignment]
        dtype = str(self.dtype).removeprefix("torch.")
        self.fingerprint = fingerprint | {"dtype": dtype, "attention": self.attention, "packing": packing}
        self.head_error = prove_heads(self.decoder, self.spec, device=self.device, tolerance=TOLERANCE[dtype])

    def placeholder(self, token_id: int | None = None) -> str:
        """How the tokenizer spells the token that visual tokens take the place of, or another one.

        Raises:
            ModelError: It spells it in several tokens.
        """
        spelt = str(self.tokenizer.convert_ids_to_tokens(self.placeholder_id if token_id is None else int(token_id)))
        self.check_token(spelt)
        return spelt

    def check_token(self, spelt: str) -> None:
        """Raise ModelError unless this is one token."""
        ids = self.tokenizer(spelt, add_special_tokens=False)["input_ids"]
        if len(ids) != 1:
            raise ModelError(
                f"{spelt!r} is not one token of {self.name}",
                got=f"{len(ids)} tokens",
                hint="use the -hf checkpoint",
            )

    def embed(self, ids: Sequence[int], visual: torch.Tensor | None, *, batch: int) -> torch.Tensor:
        """Input embeddings (batch, len(ids), hidden), visual tokens (batch, u, tokens, width) put in their places."""
        import torch

        row = torch.tensor(ids, device=self.device)
        embedded = self.model.get_input_embeddings()(row)[None].expand(batch, -1, -1)
        where = row == self.placeholder_id
        if visual is None:
            assert self.placeholder_id not in ids
            return embedded  # type: ignore[no-any-return]
        embedded = embedded.clone()
        embedded[:, where] = self.in_a_row(visual).to(embedded.dtype)
        return embedded  # type: ignore[no-any-return]

    def in_a_row(self, visual: torch.Tensor) -> torch.Tensor:
        """Visual tokens (b, u, tokens, width) as they follow each other in the input: (b, n, hidden)."""
        return visual.flatten(1, 2)

    def early(self, ids: Sequence[int], visual: torch.Tensor | None) -> Mapping[str, Any]:
        """Nothing: the decoder's input is all it gets."""
        return {}

    def positions(self, ids: Sequence[int], grid: Grid | None, *, after: Sequence[int] = ()) -> torch.Tensor:
        """Position ids (1, len(ids)) of a run of tokens: one a token, from the first of the input on."""
        import torch

        return torch.arange(len(after), len(after) + len(ids), device=self.device)[None]
