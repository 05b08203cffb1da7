"""What a saliency may be told; holds no array."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headhunt.errors import UsageError


@dataclass(frozen=True)
class SaliencyOptions:
    """What a saliency may be told; each option concerns the saliency it names.

    Attributes:
        seed: nmi: seed of k-means.
        starts: nmi: how often k-means starts anew, >= 1; from a single start the score depends on the seed.
        by_class: nmi: whether k-means draws its first rows from the abnormal ones first, as the authors' code orders
            them, not in the caller's order.
        average: nmi: mean of the two entropies that divides, "arithmetic" (authors' code) or "geometric" (paper).
        shrinkage: lda: "ridge" is the published one, of 1e-6 on the within-class scatter; "ledoit-wolf" shrinks the
            pooled within-class covariance first; "auto" does where there are no more rows than channels and two, for
            there the ridge ranks heads by their scale.
        n_neighbors: knn: neighbours looked at, >= 1; n - 1 where there are fewer.
    """

    seed: int = 0
    starts: int = 10
    by_class: bool = False
    average: Literal["arithmetic", "geometric"] = "arithmetic"
    shrinkage: Literal["auto", "ledoit-wolf", "ridge"] = "auto"
    n_neighbors: int = 5

    def __post_init__(self) -> None:
        if self.average not in ("arithmetic", "geometric"):
            raise UsageError("unknown average", got=self.average, expected="arithmetic or geometric")
        if self.shrinkage not in ("auto", "ledoit-wolf", "ridge"):
            raise UsageError("unknown shrinkage", got=self.shrinkage, expected="auto, ledoit-wolf or ridge")
        if self.starts < 1:
            raise UsageError("k-means starts at least once", got=self.starts, expected=">= 1")
        if self.n_neighbors < 1:
            raise UsageError("a neighbour count is not positive", got=self.n_neighbors, expected=">= 1")
        if not 0 <= self.seed < 2**32:
            raise UsageError("a seed is out of range", got=self.seed, expected="0 .. 2**32 - 1")

    def shrinks(self, rows: int, channels: int) -> bool:
        """Whether lda shrinks the covariance of so many rows and channels."""
        return self.shrinkage == "ledoit-wolf" or (self.shrinkage == "auto" and rows <= channels + 2)


DEFAULTS = SaliencyOptions()
