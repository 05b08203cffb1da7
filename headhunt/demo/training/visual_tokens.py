"""Visual tokens, made from pixels by the vision tower, or from words directly."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F

from headhunt.demo.training.grid import CELL, GRID, by_cell, picked
from headhunt.demo.training.network import RATIO


def told(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens as from a tower that sees almost perfectly: the words of each cell, a tenth missing, plus noise.

    Args:
        words: (n, TOKENS, words), 1 where a cell shows a word.
        table: Embeddings of all tokens.
        ids: Token ids of the words.

    Returns:
        (n, TOKENS, hidden).
    """
    kept = words.float() * (torch.rand(words.shape, device=words.device) > 0.1)
    clean = in_words(kept, table, ids)
    return clean + 0.15 * torch.randn_like(clean)


def in_words(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens (n, TOKENS, hidden) that show words (n, TOKENS, words), each 0 to 1; arguments as in `told`."""
    return 2.0 * words @ F.normalize(table[ids].float(), dim=-1)


def normalized(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W, 3) -> float32 (n, 3, H, W), normalised as the processor files say."""
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
    """Like `see`, but looks at some cells of each frame only, as if there were no others; this saves time.

    Args:
        model: The model.
        pixels: uint8 (n, H, W, 3).
        chosen: int (n, k), numbers of cells in reading order.

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
