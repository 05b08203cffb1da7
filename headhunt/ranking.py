"""From saliencies to chosen heads: normalise, combine, rank robustly over prompts, take the best k.

Takes scores as arrays (p, l, h) or (l, h), gives records.HeadSet; knows nothing of activations, labels or files.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from headhunt.arrays import Float64
from headhunt.errors import ComputeError, UsageError
from headhunt.records import Head, HeadSet

RSS = ("lda", "kl", "mmd", "nmi")
AUTO_LEAST = 2
AUTO_MOST = 16


def min_max(scores: Float64) -> Float64:
    """Scale scores to [0, 1] over all heads of each prompt.

    Args:
        scores: (..., l, h), finite.

    Returns:
        Same shape. Where all heads of a prompt score alike nothing is ranked: zeros.

    Raises:
        ComputeError: A score is not finite.
    """
    scores = _finite(scores, "scores")
    low = scores.min(axis=(-2, -1), keepdims=True)
    # halves: the difference of two finite values may overflow
    span = 0.5 * scores.max(axis=(-2, -1), keepdims=True) - 0.5 * low
    out: Float64 = np.divide(0.5 * scores - 0.5 * low, span, out=np.zeros_like(scores), where=span > 0)
    return out


def combine(per_saliency: Mapping[str, Float64]) -> Float64:
    """The saliency S(head, prompt) of HeadHunt-VAD: the mean of its four measures, each scaled per prompt.

    Args:
        per_saliency: lda, kl, mmd and nmi, each (p, l, h), finite.

    Returns:
        (p, l, h) in [0, 1].

    Raises:
        UsageError: Other saliencies than these four.
        ComputeError: Shapes differ, or a score is not finite.

    Source: HeadHunt-VAD (AAAI 2026), saliency score.
    """
    if set(per_saliency) != set(RSS):
        raise UsageError("the combined saliency needs its four parts", got=sorted(per_saliency), expected=RSS)
    arrays = [np.asarray(per_saliency[name]) for name in RSS]
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1 or arrays[0].ndim != 3:
        raise ComputeError("saliencies differ in shape", got=sorted(shapes), expected="one (prompts, layers, heads)")
    out: Float64 = np.mean([min_max(array) for array in arrays], axis=0)
    return out


def robust(scores: Float64, *, penalty: float = 0.5) -> Float64:
    """The robust saliency score (RSS): mean over prompts less `penalty` times their population standard deviation.

    Args:
        scores: (p, l, h), finite. With one prompt the result is its score: nothing is known of the spread.
        penalty: >= 0 (lambda of the paper, 0.5 there).

    Returns:
        (l, h).

    Raises:
        ComputeError: A wrong shape, no prompt, or a score that is not finite.
        UsageError: A negative penalty.

    Source: HeadHunt-VAD (AAAI 2026), robust saliency score.
    """
    if not (np.isfinite(penalty) and penalty >= 0):
        raise UsageError("a penalty is negative or not finite", got=penalty, expected=">= 0")
    scores = np.asarray(scores)
    if scores.ndim != 3:
        raise ComputeError("scores have a wrong shape", got=scores.shape, expected="(prompts, layers, heads)")
    scores = _finite(scores, "scores")
    out: Float64 = scores.mean(axis=0) - penalty * scores.std(axis=0)
    return out


def top_k(scores: Float64, k: int, *, saliency: str, provenance: Mapping[str, Any], first_head: int = 0) -> HeadSet:
    """The k heads of highest score, best first; ties by (layer, head).

    Args:
        scores: (l, h), finite.
        k: 1 .. l * h.
        saliency: What ranked the heads.
        provenance: How the scores were made.
        first_head: Index within a layer of the first head that was scored.

    Raises:
        UsageError: `k` is out of range.
        ComputeError: A wrong shape or a score that is not finite.
    """
    scores = _layers_by_heads(scores)
    _check_k(k, scores.size)
    flat = scores.ravel()
    order = np.argsort(-flat, kind="stable")[:k]  # stable: row-major order is (layer, head)
    heads = tuple(Head(int(i) // scores.shape[1], first_head + int(i) % scores.shape[1]) for i in order)
    return HeadSet(heads, tuple(float(flat[i]) for i in order), saliency, provenance)


def auto_k(scores: Float64) -> int:
    """How many heads stand out: the k in 2 .. 16 before the largest drop in the sorted scores; no chance involved.

    Equal drops give the smallest k, so scores without any structure give 2. Two heads or fewer give all of them.

    Args:
        scores: (l, h), finite.

    Raises:
        ComputeError: A wrong shape or a score that is not finite.

    Source: ours; the papers fix k (5 in HeadHunt-VAD, 4 in SteerVAD).
    """
    scores = _layers_by_heads(scores)
    if scores.size <= AUTO_LEAST:
        return scores.size
    ranked = np.sort(scores.ravel())[::-1][: AUTO_MOST + 1]
    drops = ranked[AUTO_LEAST - 1 : -1] - ranked[AUTO_LEAST:]
    return AUTO_LEAST + int(np.argmax(drops))


def random_heads(n_layers: int, n_heads: int, k: int, *, seed: int, among: tuple[int, int] | None = None) -> HeadSet:
    """Draw k heads without replacement: the ablation every ranking must beat.

    Scores are 0: chance ranks nothing.

    Args:
        n_layers: Layers of the model.
        n_heads: Heads a layer.
        k: How many to draw.
        seed: Seed of the draw.
        among: First and last index within a layer that may be drawn, both included; None for all.

    Raises:
        UsageError: `k` or `among` is out of range.
    """
    first, width = 0, n_heads
    if among is not None:
        check_among(among, n_heads)
        first, width = among[0], among[1] - among[0] + 1
    _check_k(k, n_layers * width)
    drawn = np.random.default_rng(seed).choice(n_layers * width, size=k, replace=False)
    heads = tuple(Head(int(i) // width, first + int(i) % width) for i in drawn)
    return HeadSet(heads, (0.0,) * k, "random", {"seed": seed, "n_layers": n_layers, "n_heads": n_heads})


def check_among(among: tuple[int, int], n_heads: int) -> None:
    """Raise unless `among` is a range of head indices, first and last included.

    Raises:
        UsageError: It is not.
    """
    if not 0 <= among[0] <= among[1] < n_heads:
        raise UsageError(
            "a range of head indices does not fit the model",
            got=f"{among[0]}-{among[1]}",
            expected=f"in 0-{n_heads - 1}",
        )


def overlap(a: HeadSet, b: HeadSet) -> float:
    """Jaccard index of two head sets, order ignored: shared heads over all heads named, in [0, 1]."""
    first, second = set(a.heads), set(b.heads)
    return len(first & second) / len(first | second)


def _finite(scores: Float64, what: str) -> Float64:
    scores = np.asarray(scores, dtype=np.float64)
    if scores.ndim < 2 or scores.size == 0:
        raise ComputeError(f"{what} have a wrong shape", got=scores.shape, expected="(..., layers, heads), not empty")
    bad = np.argwhere(~np.isfinite(scores))
    if bad.size:
        *prompt, layer, head = (int(i) for i in bad[0])
        place = f"head {Head(layer, head)}" + (f", prompt {prompt[-1]}" if prompt else "")
        raise ComputeError(f"{what} of {place} cannot be used", got=scores[tuple(bad[0])], expected="a finite number")
    return scores


def _layers_by_heads(scores: Float64) -> Float64:
    if np.ndim(scores) != 2:
        raise ComputeError("scores have a wrong shape", got=np.shape(scores), expected="(layers, heads)")
    return _finite(scores, "scores")


def _check_k(k: int, available: int) -> None:
    if not 1 <= k <= available:
        raise UsageError("the number of heads is out of range", got=k, expected=f"1 .. {available}")
