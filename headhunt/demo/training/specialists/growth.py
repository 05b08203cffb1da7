"""A grown model: the same model with specialists behind its own heads."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F

from headhunt.demo.training import network
from headhunt.demo.training.specialists.heads import ADDED, ADDED_KEYS, DIM, Specialists
from headhunt.demo.training.specialists.looked import Batch, Looked

FLOOR = 0.01  # least variance assumed of a direction, as a share of the widest one's


def even(given: torch.Tensor) -> torch.Tensor:
    """A symmetric basis (..., d, d) in which vectors (n, ..., heads, d) spread evenly in all directions.

    To the read-outs any basis is as good as another. In this one, no direction counts more than another by chance;
    directions of almost no variance are not blown up.
    """
    own = given.movedim(0, -2).flatten(-3, -2)
    own = own - own.mean(-2, keepdim=True)
    size, way = torch.linalg.eigh(own.mT @ own / own.shape[-2])
    wide = (size.clamp(min=0) + FLOOR * size[..., -1:]).rsqrt()
    basis: torch.Tensor = way * wide[..., None, :] @ way.mT
    return basis


def grown(model: Any, specialists: Specialists, segments: Sequence[Looked]) -> Any:
    """The model with the new heads behind its own; nothing reads them.

    Their outputs are brought into an `even` basis, with a root mean square of `network.LEVEL`.

    Args:
        model: InternVLForConditionalGeneration without them.
        specialists: The new heads, after `fit`.
        segments: Segments on which to measure their outputs.
    """
    import transformers

    batches = [Batch.of(segments[i : i + 16], specialists.q.device) for i in range(0, len(segments), 16)]
    with torch.no_grad():
        given = torch.cat([specialists(batch).transpose(1, 2)[batch.real] for batch in batches])
        given = given.unflatten(2, (ADDED_KEYS, -1))  # (questions, layers, ADDED_KEYS, heads of them, DIM)
        basis = even(given)
        basis *= (network.LEVEL / (given @ basis).square().mean((0, 3, 4)).sqrt())[..., None, None]
        values = (specialists.v.unflatten(2, (ADDED_KEYS, DIM)).transpose(1, 2) @ basis).transpose(1, 2).flatten(2)
        value_bias = (specialists.v_bias.unflatten(1, (ADDED_KEYS, 1, DIM)) @ basis).flatten(1)
        added = {
            "q_proj.weight": specialists.q.mT, "q_proj.bias": specialists.q_bias,
            "k_proj.weight": specialists.k.mT, "k_proj.bias": specialists.k_bias,
            "v_proj.weight": values.mT, "v_proj.bias": value_bias,
        }  # fmt: skip
    config = copy.deepcopy(model.config)
    config.text_config.num_attention_heads += ADDED
    config.text_config.num_key_value_heads += ADDED_KEYS
    config.text_config.head_dim = DIM
    larger: Any = transformers.InternVLForConditionalGeneration(config).float()
    weights = dict(model.state_dict())
    for index in range(len(specialists.q)):
        attention = f"model.language_model.layers.{index}.self_attn."
        for name, rows in added.items():
            weights[attention + name] = torch.cat([weights[attention + name], rows[index].to(model.dtype)])
        weights[attention + "o_proj.weight"] = F.pad(weights[attention + "o_proj.weight"], (0, ADDED * DIM))
    larger.load_state_dict(weights)
    return larger.eval()
