"""One decoder pass over a packed batch: its states and its head outputs."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch

from headhunt.demo.training.packing import Packed


class States(NamedTuple):
    """What the decoder computes on a packed batch.

    Attributes:
        last: Final hidden states, (b, t, hidden).
        hidden: Hidden states that enter each layer, before its norm; then `last`.
        heads: Head outputs of each layer, each (b, t, HEADS * d).
    """

    last: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    heads: tuple[torch.Tensor, ...]


def decode(model: Any, batch: Packed, visual: torch.Tensor, image: int) -> States:
    """Run the decoder over a packed batch with visual tokens (b, f, TOKENS, hidden)."""
    embedded = model.get_input_embeddings()(batch.ids)
    embedded = embedded.masked_scatter((batch.ids == image)[..., None], visual.to(embedded.dtype))
    dtype = torch.bfloat16 if torch.is_autocast_enabled(embedded.device.type) else embedded.dtype
    heads: list[torch.Tensor] = []
    handles = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _m, args: heads.append(args[0]))
        for layer in model.model.language_model.layers
    ]
    try:
        out = model.model.language_model(
            inputs_embeds=embedded,
            position_ids=batch.positions,
            attention_mask=batch.bias(dtype),
            use_cache=False,
            output_hidden_states=True,
        )
    finally:
        for handle in handles:
            handle.remove()
    return States(out.last_hidden_state, tuple(out.hidden_states), tuple(heads))
