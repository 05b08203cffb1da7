"""The grid of a frame: patches, and the square cells of patches that become one visual token each."""

from __future__ import annotations

from typing import TypeVar

import torch

from headhunt.arrays import UInt8

GRID = 16  # patches across and down
CELL = 4  # patches across and down a cell
SIDE = GRID // CELL  # cells across and down
TOKENS = SIDE**2

Patches = TypeVar("Patches", torch.Tensor, UInt8)


def by_cell(patches: Patches) -> Patches:
    """Patches (n, GRID, GRID, c), of torch or NumPy, by cell in reading order: (n, TOKENS, CELL * CELL, c)."""
    n, c = len(patches), patches.shape[-1]
    return patches.reshape(n, SIDE, CELL, SIDE, CELL, c).swapaxes(2, 3).reshape(n, TOKENS, CELL * CELL, c)


def picked(cells: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """The chosen cells, (n, k, CELL * CELL, c), of (n, TOKENS, CELL * CELL, c) and numbers (n, k)."""
    return cells.gather(1, chosen[..., None, None].expand(-1, -1, *cells.shape[2:]))
