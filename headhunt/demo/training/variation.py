"""How a repeated sample is varied: mirrored half the time, and all its frames made brighter or darker alike.

Whole batches are varied at once, on the device that trains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from headhunt.demo.training import bodies
from headhunt.demo.training.patches import INDEX, PATCH_WORDS
from headhunt.demo.world.facts import Facts

GAIN, LIFT = 0.15, 12.0  # brightness: scaled by 1 - GAIN to 1 + GAIN, then shifted by up to LIFT of 255
_OTHER_WAY: dict[str, Any] = {"left": "right", "right": "left"}
_SWAPPED = [INDEX[_OTHER_WAY.get(word, word)] for word in PATCH_WORDS]


@dataclass(frozen=True)
class Variation:
    """How each sample of a batch is varied.

    Attributes:
        turned: bool (n,), whether the sample is mirrored.
        gain: float32 (n,), factor on its brightness.
        lift: float32 (n,), added to its brightness, of 255.
    """

    turned: torch.Tensor
    gain: torch.Tensor
    lift: torch.Tensor

    @classmethod
    def drawn(cls, n: int, rng: np.random.Generator, device: torch.device) -> Variation:
        """A random variation of `n` samples."""
        turned, gain, lift = rng.random(n) < 0.5, rng.uniform(1 - GAIN, 1 + GAIN, n), rng.uniform(-LIFT, LIFT, n)
        return cls(*(torch.from_numpy(v).to(device) for v in (turned, gain.astype("f4"), lift.astype("f4"))))

    def pixels(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames, uint8 (n, f, H, W, 3): mirrored, brighter or darker."""
        n = len(frames)
        frames = self._either(frames, frames.flip(-2))
        return (frames * self.gain.view(n, 1, 1, 1, 1) + self.lift.view(n, 1, 1, 1, 1)).clamp(0, 255).to(torch.uint8)

    def words(self, patches: torch.Tensor) -> torch.Tensor:
        """Words of patches or cells, (n, f, g, g, words): mirrored, "left" and "right" swapped."""
        return self._either(patches, patches.flip(-2)[..., _SWAPPED])

    def bodies(self, points: torch.Tensor) -> torch.Tensor:
        """Body points as from `bodies.bodies`, (n, f, g, g, points): mirrored."""
        return self._either(points, bodies.mirrored(points))

    def facts(self, facts: Sequence[Facts]) -> list[Facts]:
        """Facts of each sample: mirrored."""
        return [mirrored(fact) if turned else fact for fact, turned in zip(facts, self.turned.tolist(), strict=True)]

    def _either(self, plain: torch.Tensor, turned: torch.Tensor) -> torch.Tensor:
        return torch.where(self.turned.view(-1, *[1] * (plain.ndim - 1)), turned, plain)


def mirrored(facts: Facts) -> Facts:
    """The facts with left and right swapped."""
    actors = (
        replace(seen, direction=_OTHER_WAY.get(seen.direction, seen.direction),
                region=_OTHER_WAY.get(seen.region, seen.region))
        for seen in facts.actors
    )  # fmt: skip
    return replace(facts, actors=tuple(actors))
