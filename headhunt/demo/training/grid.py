"""The grid of a frame: patches, and the cells of patches that one visual token each stands for."""

from __future__ import annotations

import torch

GRID = 16  # patches across and down
CELL = 4  # patches a visual token is wide and high
TOKENS = (GRID // CELL) ** 2


def by_cell(patches: torch.Tensor) -> torch.Tensor:
    """(n, GRID, GRID, c) -> (n, TOKENS, CELL * CELL, c): the patches of each visual token."""
    n, side = len(patches), GRID // CELL
    return patches.view(n, side, CELL, side, CELL, -1).transpose(2, 3).reshape(n, TOKENS, CELL * CELL, -1)


def picked(cells: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Of cells (n, TOKENS, CELL * CELL, c) those with the numbers (n, k), (n, k, CELL * CELL, c)."""
    return cells.gather(1, chosen[..., None, None].expand(-1, -1, *cells.shape[2:]))
