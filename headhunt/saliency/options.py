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
        average: nmi: mean of the two entropies that divides, "arithmetic" (authors' code) or "geometric" (paper).
        shrinkage: lda: None is the published ridge of 1e-6 on the within-class scatter; "ledoit-wolf" shrinks
            the pooled within-class covariance first, which fewer rows than channels need.
        n_neighbors: knn: neighbours looked at, >= 1; n - 1 where there are fewer.
    """

    seed: int = 0
    average: Literal["arithmetic", "geometric"] = "arithmetic"
    shrinkage: Literal["ledoit-wolf"] | None = None
    n_neighbors: int = 5

    def __post_init__(self) -> None:
        if self.average not in ("arithmetic", "geometric"):
            raise UsageError("unknown average", got=self.average, expected="arithmetic or geometric")
        if self.shrinkage not in (None, "ledoit-wolf"):
            raise UsageError("unknown shrinkage", got=self.shrinkage, expected="ledoit-wolf or none")
        if self.n_neighbors < 1:
            raise UsageError("a neighbour count is not positive", got=self.n_neighbors, expected=">= 1")
        if not 0 <= self.seed < 2**32:
            raise UsageError("a seed is out of range", got=self.seed, expected="0 .. 2**32 - 1")


DEFAULTS = SaliencyOptions()
