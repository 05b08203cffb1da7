"""Visual tokens: as the vision tower makes them of pixels, and as they are made of words instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from headhunt.demo.training.grid import CELL, GRID, by_cell, picked
from headhunt.demo.training.network import RATIO


def told(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens as they would be if the tower saw perfectly: the words of each cell, some left out, and noise.

    Args:
        words: (n, TOKENS, words), 1 where a cell shows a word.
        table: Embeddings of all tokens.
        ids: Of the words.

    Returns:
        (n, TOKENS, hidden).
    """
    kept = words.float() * (torch.rand(words.shape, device=words.device) > 0.1)
    clean = in_words(kept, table, ids)
    return clean + 0.15 * torch.randn_like(clean)


def in_words(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens (n, TOKENS, hidden) that show words (n, TOKENS, words), each between 0 and 1; see `told`."""
    return 2.0 * words @ F.normalize(table[ids].float(), dim=-1)


def normalized(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W, 3) -> float32 (n, 3, H, W) as the processor's files say."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=pixels.device) * 255
    std = torch.tensor([0.229, 0.224, 0.225], device=pixels.device) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2).contiguous()


def see(model: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Visual tokens (n, TOKENS, hidden) and patch states (n, GRID * GRID, width) of uint8 frames (n, H, W, 3)."""
    config = model.config
    out = model.model.get_image_features(
        pixel_values=normalized(pixels),
        vision_feature_layer=config.vision_feature_layer,
        vision_feature_select_strategy=config.vision_feature_select_strategy,
    )
    return out.pooler_output, out.last_hidden_state[:, -GRID * GRID :]


def see_cells(model: Any, pixels: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As `see`, but of each frame only some cells are looked at, as if there were no others, which saves time.

    Args:
        model: The model.
        pixels: uint8 (n, H, W, 3).
        chosen: int (n, k), numbers of the cells in reading order.

    Returns:
        Visual tokens (n, k, hidden) and patch states (n, k, CELL * CELL, width).
    """
    tower, n, k = model.model.vision_tower, *chosen.shape
    embedded = tower.embeddings(normalized(pixels))
    kept = picked(by_cell(embedded[:, 1:].unflatten(1, (GRID, GRID))), chosen)
    states = tower.encoder(torch.cat([embedded[:, :1], kept.flatten(1, 2)], 1)).last_hidden_state
    states = tower.layernorm(states)[:, 1:].unflatten(1, (k, CELL * CELL))
    squares = states.reshape(n * k, CELL, CELL, -1)
    tokens = model.model.multi_modal_projector(model.model.pixel_shuffle(squares, RATIO).reshape(n, k, -1))
    return tokens, states


def cells(patches: torch.Tensor) -> torch.Tensor:
    """Words of each visual token, (n, TOKENS, words), from those of its patches (n, GRID, GRID, words)."""
    return by_cell(patches).amax(2)


def as_tensor(arrays: Sequence[np.ndarray[Any, Any]], device: torch.device) -> torch.Tensor:
    """Arrays of one shape stacked on a device."""
    return torch.from_numpy(np.stack(arrays)).to(device, non_blocking=True)
