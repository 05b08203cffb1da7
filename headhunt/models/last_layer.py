"""The last layer that is needed, run only at the positions that are read: keys and values of all, queries of those.

A hook in front of the layer works out keys and values of every position and hands the layer nothing but the positions
that are read; attention, o_proj and what follows are the layer's own code. It knows no prompts and no heads.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError

if TYPE_CHECKING:
    import torch
    from torch import nn

# Decoders whose last layer may be narrowed, with their layers: norm, attention that asks its cache's `update` for all
# keys and values, residual, MLP; after the last layer a norm for each position alone.
KNOWN = {
    "LlamaModel": "LlamaDecoderLayer",
    "Qwen2Model": "Qwen2DecoderLayer",
    "Qwen3Model": "Qwen3DecoderLayer",
    "Qwen2_5_VLTextModel": "Qwen2_5_VLDecoderLayer",
    "Qwen3VLTextModel": "Qwen3VLTextDecoderLayer",
}


def cache_name(module: nn.Module) -> str:
    """What a decoder or one of its layers calls the cache it is given: "cache" from transformers 5.24 on."""
    return "cache" if "cache" in inspect.signature(module.forward).parameters else "past_key_values"


class StopForwardError(Exception):
    """All that is needed of a forward pass has been computed."""


def can_narrow(decoder: nn.Module, layer: int, *, attention: str) -> bool:
    """Whether `narrowed` knows this decoder, and its layer attends to everything before it."""
    block: Any = decoder.layers[layer]  # type: ignore[index]
    return (
        KNOWN.get(type(decoder).__name__) == type(block).__name__
        and attention in {"sdpa", "eager"}
        and hasattr(sys.modules[type(block.self_attn).__module__], "apply_rotary_pos_emb")
        and not getattr(block.self_attn, "sliding_window", None)
    )


@contextmanager
def narrowed(decoder: nn.Module, layer: int, rows: Sequence[int]) -> Iterator[None]:
    """Run one layer of a decoder at some positions only; the model leaves as it came, also after an error.

    Inside, `o_proj` of that layer sees (b, len(rows), h * d), and what follows it (b, len(rows), hidden). With no rows
    the layer's keys and values go into the cache, and the pass ends there.

    Args:
        decoder: One for which `can_narrow` is true.
        layer: The last layer that is needed, 0-based.
        rows: Positions to go on with, ascending.

    Raises:
        StopForwardError: In the forward pass, when `rows` is empty.
        ModelError: The layer did not take the keys and values that were worked out for it.
    """
    import torch

    block: Any = decoder.layers[layer]  # type: ignore[index]
    # Made before the pass, which would wait for the copy to the device.
    index = torch.tensor(rows, dtype=torch.long, device=block.self_attn.k_proj.weight.device)
    given: list[_Given] = []
    name = cache_name(block)

    def narrow(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        hidden, (cos, sin) = args[0], kwargs["position_embeddings"]
        keys, values = _keys_and_values(block, hidden, cos, sin)
        cache = kwargs.get(name)
        if cache is not None:
            keys, values = cache.update(keys, values, block.self_attn.layer_idx)
        if not len(rows):
            raise StopForwardError
        given.append(_Given(keys, values))
        mask = kwargs.get("attention_mask")
        places = kwargs.get("position_ids")  # None where positions have axes of their own, which cos and sin hold
        sees_all = mask is None and [*rows] == [hidden.shape[1] - 1]
        changed = {
            "position_embeddings": (cos[:, index], sin[:, index]),
            "position_ids": None if places is None else places[:, index],
            "attention_mask": None if sees_all else _mask(mask, index, hidden, keys),
            name: given[-1],
        }
        return (hidden[:, index], *args[1:]), kwargs | changed

    handle = block.register_forward_pre_hook(narrow, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
    if any(cache.taken != 1 for cache in given):
        raise ModelError("the last layer did not take its keys and values", got=[cache.taken for cache in given])


class _Given:
    """Stands in for the cache of one layer: whatever a layer adds to it, it answers with all keys and values."""

    def __init__(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        self.keys, self.values, self.taken = keys, values, 0

    def update(self, _keys: Any, _values: Any, _layer: int, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor]:
        self.taken += 1
        return self.keys, self.values


def _keys_and_values(
    block: Any, hidden: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Of every position, each (b, key-value heads, t, d), keys turned to their positions."""
    attention = block.self_attn
    normal = block.input_layernorm(hidden)
    shape = (*normal.shape[:-1], -1, attention.head_dim)
    keys = attention.k_proj(normal).view(shape)
    norm = getattr(attention, "k_norm", None)
    keys = (keys if norm is None else norm(keys)).transpose(1, 2)
    values = attention.v_proj(normal).view(shape).transpose(1, 2)
    rotate = sys.modules[type(attention).__module__].apply_rotary_pos_emb
    return rotate(keys[:, :1], keys, cos, sin)[1], values


def _mask(mask: Any, rows: torch.Tensor, hidden: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """The mask's rows that are read, (b or 1, 1, r, t'); a causal one where the layer was to mask by itself."""
    import torch

    if mask is not None:
        return mask[:, :, rows]  # type: ignore[no-any-return]
    new, total = hidden.shape[1], keys.shape[2]
    later = torch.arange(total, device=rows.device) > (total - new + rows)[:, None]
    causal = torch.zeros(1, 1, len(rows), total, dtype=hidden.dtype, device=rows.device)
    return causal.masked_fill_(later, torch.finfo(hidden.dtype).min)
