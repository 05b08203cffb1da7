"""Visual tokens of a shard's frames: what several segments show goes through the vision tower once.

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


class SharedFrames:
    """The vision tower, asked once for each native frame that the rows of some tasks show.

    Args:
        tasks: The work: which frames each row shows.
        encode: uint8 (f, 3, height, width) -> visual tokens (f, tokens, hidden).
    """

    def __init__(self, tasks: Sequence[Task], encode: Callable[[UInt8], torch.Tensor]) -> None:
        self._encode = encode
        self._shown = {
            row: tuple((video, number) for number in group)
            for video, task in enumerate(tasks)
            for row, group in zip(task.rows, task.groups, strict=True)
        }
        self._uses = Counter(frame for shown in self._shown.values() for frame in set(shown))
        self._kept: dict[tuple[int, int], torch.Tensor] = {}

    def __len__(self) -> int:
        """Frames whose tokens are kept for rows to come."""
        return len(self._kept)

    def tokens(self, batch: Sequence[tuple[int, UInt8]]) -> torch.Tensor:
        """Visual tokens of some rows, (b, f, tokens, hidden).

        Args:
            batch: (row, its resized frames, uint8 (f, 3, height, width)); not released yet.
        """
        import torch

        pixels = {
            frame: image
            for row, images in batch
            for frame, image in zip(self._shown[row], images, strict=True)
            if frame not in self._kept
        }
        here = Counter(frame for row, _ in batch for frame in set(self._shown[row]))
        found = dict(self._kept)
        if pixels:
            found |= zip(pixels, self._encode(np.stack(list(pixels.values()))), strict=True)
        for frame in pixels:
            if self._uses[frame] > here[frame]:
                self._kept[frame] = found[frame].clone()  # a view would keep the whole batch alive
        return torch.stack([torch.stack([found[frame] for frame in self._shown[row]]) for row, _ in batch])

    def stand_in(self, row: int, numbers: Sequence[int]) -> int:
        """Say which of its frames a row really shows, some in place of others; returns how many it lacks."""
        before = self._shown[row]
        self._shown[row] = tuple((video, number) for (video, _), number in zip(before, numbers, strict=True))
        self._drop(set(before) - set(self._shown[row]))
        return sum(a != b for a, b in zip(before, self._shown[row], strict=True))

    def release(self, row: int) -> None:
        """Say that a row is computed, or will never be; what nothing else needs is dropped."""
        self._drop(set(self._shown.pop(row)))

    def _drop(self, frames: set[tuple[int, int]]) -> None:
        for frame in frames:
            self._uses[frame] -= 1
            if not self._uses[frame]:
                del self._uses[frame]
                self._kept.pop(frame, None)
