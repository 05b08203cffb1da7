"""Visual tokens of a shard's frames: what several segments show goes through the vision tower once.

What goes through it is a unit: one frame, or two that follow each other, as the model has it.

Overlapping segments (a stride below the length) show some native frames again where the centres of their bins fall on
the same ones. Tokens of such a frame are kept from the first segment that shows it until the last one has been
computed, no longer. So what is kept after a batch are frames of segments that are still open, at most
(ceil(length / stride) + 1) * n_frames of them with the whole-video row, and none from one video to the next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from headhunt.arrays import UInt8
from headhunt.extraction.decoders import Task

if TYPE_CHECKING:
    import torch

Unit = tuple[int, ...]
"""A video, and the native frames of it that are shown together."""


class SharedFrames:
    """The vision tower, asked once for each unit of native frames that the rows of some tasks show.

    Args:
        tasks: The work: which frames each row shows.
        encode: uint8 (u * per_unit, 3, height, width) -> visual tokens (u, tokens, width).
        per_unit: Frames that form a unit; an odd one out is shown twice.
    """

    def __init__(self, tasks: Sequence[Task], encode: Callable[[UInt8], torch.Tensor], *, per_unit: int = 1) -> None:
        self._encode, self._per_unit = encode, per_unit
        self._shown = {
            row: self._units(video, group)
            for video, task in enumerate(tasks)
            for row, group in zip(task.rows, task.groups, strict=True)
        }
        self._uses = Counter(unit for shown in self._shown.values() for unit in set(shown))
        self._kept: dict[Unit, torch.Tensor] = {}

    def __len__(self) -> int:
        """Units whose tokens are kept for rows to come."""
        return len(self._kept)

    def tokens(self, batch: Sequence[tuple[int, UInt8]]) -> torch.Tensor:
        """Visual tokens of some rows, (b, u, tokens, width).

        Args:
            batch: (row, its resized frames, uint8 (f, 3, height, width)); not released yet, frames of one size.
        """
        import torch

        pixels = {
            unit: images[place : place + self._per_unit]
            for row, images in batch
            for place, unit in zip(range(0, len(images), self._per_unit), self._shown[row], strict=True)
            if unit not in self._kept
        }
        here = Counter(unit for row, _ in batch for unit in set(self._shown[row]))
        found = dict(self._kept)
        if pixels:
            found |= zip(pixels, self._encode(np.concatenate([self._whole(p) for p in pixels.values()])), strict=True)
        for unit in pixels:
            if self._uses[unit] > here[unit]:
                self._kept[unit] = found[unit].clone()  # a view would keep the whole batch alive
        return torch.stack([torch.stack([found[unit] for unit in self._shown[row]]) for row, _ in batch])

    def stand_in(self, row: int, numbers: Sequence[int]) -> int:
        """Say which of its frames a row really shows, some in place of others; returns how many it lacks."""
        before = self._shown[row]
        self._shown[row] = self._units(before[0][0], numbers)
        self._uses.update(set(self._shown[row]) - set(before))
        self._drop(set(before) - set(self._shown[row]))
        asked = [number for _, *unit in before for number in unit]
        return sum(a != b for a, b in zip(asked, numbers, strict=True))

    def release(self, row: int) -> None:
        """Say that a row is computed, or will never be; what nothing else needs is dropped."""
        self._drop(set(self._shown.pop(row)))

    def _units(self, video: int, numbers: Sequence[int]) -> tuple[Unit, ...]:
        n = self._per_unit
        return tuple((video, *numbers[i : i + n]) for i in range(0, len(numbers), n))

    def _whole(self, frames: UInt8) -> UInt8:
        """The frames of a unit, the last one again where one is lacking."""
        lacking = self._per_unit - len(frames)
        return frames if not lacking else np.concatenate([frames, frames[-1:].repeat(lacking, 0)])

    def _drop(self, units: set[Unit]) -> None:
        for unit in units:
            self._uses[unit] -= 1
            if not self._uses[unit]:
                del self._uses[unit]
                self._kept.pop(unit, None)
