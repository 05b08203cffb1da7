"""Areas under ROC and precision-recall curves from counts of frames; knows no video but by its place.

Scores are constant inside a segment, so frames are counted per distinct score and never expanded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from headhunt.arrays import Bool, Float64, Int64
from headhunt.errors import InputError, LabelError

Numbers = npt.NDArray[np.number] | Bool
BLOCK = 2_000_000  # numbers held at a time while replicates are computed

VARIANTS: dict[str, Callable[[Float64, float], Float64]] = {
    "continuous": lambda scores, _tau: scores,
    "gated": lambda scores, tau: np.where(scores > tau, scores, 0.0),
    "binary": lambda scores, tau: (scores > tau).astype(np.float64),
}
"""Name -> function of (finite scores (n,), tau): what is ranked.

HeadHunt-VAD's published figures change with tau, so they seem to be those of thresholded scores."""


def frame_metrics(scores: npt.ArrayLike, positives: npt.ArrayLike, negatives: npt.ArrayLike) -> dict[str, float]:
    """ROC-AUC and both areas under the precision-recall curve, from counts.

    Equal to scikit-learn's `roc_auc_score`, `average_precision_score` (step) and `auc` over `precision_recall_curve`
    (trapezoid) on the expanded frames. The areas differ: on binary scores the trapezoid can be far higher.

    Args:
        scores: (n,) float, finite; repeats are one threshold.
        positives: (n,) >= 0, abnormal frames that carry each score.
        negatives: (n,) >= 0, normal frames that carry each score.

    Returns:
        auc, ap_step and ap_trapezoid, in [0, 1].

    Raises:
        LabelError: One class only.
        InputError: Shapes differ, a score is not finite or a count negative.
    """
    score, positive, negative = (np.asarray(a, dtype=np.float64) for a in (scores, positives, negatives))
    if score.ndim != 1 or not score.shape == positive.shape == negative.shape:
        raise InputError("scores and counts differ in shape", got=f"{score.shape}, {positive.shape}, {negative.shape}")
    if not (np.isfinite(score).all() and (positive >= 0).all() and (negative >= 0).all()):
        raise InputError("scores must be finite and counts not negative")
    if not positive.sum() or not negative.sum():
        raise LabelError(
            "AUC and AP are not defined on one class",
            got=f"{positive.sum():g} abnormal and {negative.sum():g} normal",
            expected="both",
        )
    table = AreaTable.of(np.zeros(score.size, dtype=np.int64), score, positive, negative, n_videos=1)
    auc, step, trapezoid = table.areas(np.ones((1, 1)))[:, 0]
    return {"auc": float(auc), "ap_step": float(step), "ap_trapezoid": float(trapezoid)}


@dataclass(frozen=True, eq=False)
class AreaTable:
    """Frames by video and distinct score, highest score first: positives and negatives are sparse (v, u)."""

    positives: csr_array
    negatives: csr_array

    @classmethod
    def of(cls, video: Int64, score: Float64, positives: Numbers, negatives: Numbers, *, n_videos: int) -> AreaTable:
        """From entries (m,), in any order: the place of the video, the score, and how many frames of either kind."""
        distinct, level = np.unique(-score, return_inverse=True)

        def sparse(counts: Numbers) -> csr_array:
            return csr_array((counts.astype(np.float64), (video, level)), shape=(n_videos, distinct.size))

        return cls(sparse(positives), sparse(negatives))

    def areas(self, draws: Float64) -> Float64:
        """AUC, step AP and trapezoid PR-AUC for each row of draws (b, v): (3, b), NaN where a class is missing."""
        out = np.full((3, draws.shape[0]), np.nan)
        n_levels = self.positives.shape[1]
        if n_levels == 0:
            return out
        rows = max(1, BLOCK // n_levels)
        for first in range(0, draws.shape[0], rows):
            block = draws[first : first + rows]
            out[:, first : first + rows] = _areas(block @ self.positives, block @ self.negatives)
        return out


def _areas(positives: Float64, negatives: Float64) -> Float64:
    """The three areas from frames at each score, highest first: (b, u), (b, u) -> (3, b)."""
    tp, fp = np.cumsum(positives, axis=1), np.cumsum(negatives, axis=1)
    n_positive, n_negative = tp[:, -1], fp[:, -1]
    # Before the first frame precision is 1 by convention: the curve starts at recall 0, precision 1.
    precision = np.divide(tp, tp + fp, out=np.ones_like(tp), where=tp + fp > 0)
    before = np.concatenate([np.ones((len(tp), 1)), precision[:, :-1]], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        areas = np.stack(
            [
                (negatives * (tp - positives / 2)).sum(axis=1) / (n_positive * n_negative),
                (positives * precision).sum(axis=1) / n_positive,
                (positives * (precision + before)).sum(axis=1) / (2 * n_positive),
            ]
        )
    areas[:, (n_positive == 0) | (n_negative == 0)] = np.nan
    return areas
