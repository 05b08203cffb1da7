"""Ranking: scaling, combining, robustness over prompts, top k."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.errors import ComputeError, UsageError
from headhunt.ranking import RSS, auto_k, combine, min_max, overlap, random_heads, robust, top_k
from headhunt.records import Head, HeadSet

RNG = np.random.default_rng(0)


def heads_of(*pairs: tuple[int, int]) -> HeadSet:
    return HeadSet(tuple(Head(*pair) for pair in pairs), (0.0,) * len(pairs), "test")


def test_min_max_scales_each_prompt_over_all_heads() -> None:
    scores = RNG.normal(size=(3, 4, 5))
    out = min_max(scores)
    for p in range(3):
        low, high = scores[p].min(), scores[p].max()
        np.testing.assert_allclose(out[p], (scores[p] - low) / (high - low), rtol=1e-12)


def test_min_max_of_equal_scores_is_zero() -> None:
    assert (min_max(np.full((2, 3, 4), 7.0)) == 0.0).all()


def test_min_max_survives_the_widest_range() -> None:
    np.testing.assert_array_equal(min_max(np.array([[-1.7e308, 1.7e308]])), [[0.0, 1.0]])


def test_min_max_names_the_head_and_prompt_that_are_not_finite() -> None:
    scores = np.zeros((2, 3, 4))
    scores[1, 2, 3] = np.nan
    with pytest.raises(ComputeError, match=r"head \(2, 3\), prompt 1"):
        min_max(scores)
    with pytest.raises(ComputeError, match="shape"):
        min_max(np.zeros((0, 4)))


@pytest.mark.parametrize("prompts", [1, 2, 5])
def test_combine_is_the_mean_of_the_four_scaled_metrics(prompts: int) -> None:
    given = {name: RNG.normal(size=(prompts, 3, 4)) for name in RSS}
    np.testing.assert_allclose(combine(given), sum(min_max(given[name]) for name in RSS) / 4, rtol=1e-12)


def test_combine_refuses_missing_foreign_and_misshapen_metrics() -> None:
    given = {name: np.zeros((1, 2, 2)) for name in RSS}
    with pytest.raises(UsageError, match="four"):
        combine({name: given[name] for name in RSS[:3]})
    with pytest.raises(UsageError, match="four"):
        combine({**given, "rsa": np.zeros((1, 2, 2))})
    with pytest.raises(ComputeError, match="shape"):
        combine({**given, "lda": np.zeros((1, 2, 3))})


def test_robust_is_mean_less_penalty_times_population_deviation() -> None:
    scores = RNG.normal(size=(5, 3, 4))
    np.testing.assert_allclose(robust(scores), scores.mean(0) - 0.5 * scores.std(0, ddof=0), rtol=1e-12)
    np.testing.assert_allclose(robust(scores, penalty=0.0), scores.mean(0), rtol=1e-12)


def test_robust_of_one_prompt_is_its_score() -> None:
    scores = RNG.normal(size=(1, 3, 4))
    np.testing.assert_array_equal(robust(scores, penalty=2.0), scores[0])


def test_robust_refuses_no_prompt_and_a_negative_penalty() -> None:
    with pytest.raises(ComputeError):
        robust(np.zeros((0, 3, 4)))
    with pytest.raises(ComputeError):
        robust(np.zeros((3, 4)))
    for penalty in (-0.1, np.nan):
        with pytest.raises(UsageError):
            robust(np.zeros((2, 3, 4)), penalty=penalty)


def test_top_k_breaks_ties_by_layer_then_head() -> None:
    scores = np.array([[0.0, 1.0, 0.0], [1.0, 2.0, 1.0]])
    chosen = top_k(scores, 5, saliency="rss", provenance={"seed": 0})
    assert [(h.layer, h.head) for h in chosen.heads] == [(1, 1), (0, 1), (1, 0), (1, 2), (0, 0)]
    assert chosen.scores == (2.0, 1.0, 1.0, 1.0, 0.0)
    assert (chosen.saliency, chosen.provenance) == ("rss", {"seed": 0})


@pytest.mark.parametrize("k", [-1, 0, 7])
def test_top_k_refuses_k_out_of_range(k: int) -> None:
    with pytest.raises(UsageError, match="number of heads"):
        top_k(np.zeros((2, 3)), k, saliency="rss", provenance={})
    with pytest.raises(UsageError, match="number of heads"):
        random_heads(2, 3, k, seed=0)


def test_top_k_takes_all_heads_and_refuses_what_is_no_layer_by_head_table() -> None:
    assert len(top_k(np.zeros((2, 3)), 6, saliency="rss", provenance={}).heads) == 6
    with pytest.raises(ComputeError, match="shape"):
        top_k(np.zeros((1, 2, 3)), 1, saliency="rss", provenance={})
    with pytest.raises(ComputeError, match=r"head \(0, 1\)"):
        top_k(np.array([[0.0, np.inf]]), 1, saliency="rss", provenance={})


@pytest.mark.parametrize("k", [2, 5, 16])
def test_auto_k_finds_the_largest_drop_between_two_and_sixteen(k: int) -> None:
    scores = np.concatenate([np.linspace(1.0, 0.9, k), np.linspace(0.3, 0.0, 60 - k)])
    assert auto_k(RNG.permutation(scores).reshape(6, 10)) == k


def test_auto_k_ignores_drops_outside_its_range() -> None:
    assert auto_k(np.array([[9.0, 1.0, 0.9, 0.1, 0.0]])) == 3
    beyond = np.concatenate([np.linspace(1.0, 0.9, 20), np.zeros(20)])
    assert 2 <= auto_k(beyond.reshape(4, 10)) <= 16


@pytest.mark.parametrize(("shape", "k"), [((1, 1), 1), ((1, 2), 2), ((1, 3), 2), ((3, 4), 2)])
def test_auto_k_of_few_or_equal_heads(shape: tuple[int, int], k: int) -> None:
    assert auto_k(np.ones(shape)) == k


def test_random_heads_are_seeded_and_distinct() -> None:
    chosen = random_heads(28, 28, 30, seed=3)
    assert chosen == random_heads(28, 28, 30, seed=3)
    assert chosen.heads != random_heads(28, 28, 30, seed=4).heads
    assert len(set(chosen.heads)) == 30
    assert all(h.layer < 28 and h.head < 28 for h in chosen.heads)
    assert random_heads(2, 3, 6, seed=0).saliency == "random"


def test_overlap_is_shared_over_named_heads() -> None:
    a, b = heads_of((0, 0), (0, 1), (1, 0)), heads_of((1, 0), (0, 1), (2, 2))
    assert overlap(a, b) == overlap(b, a) == 0.5
    assert overlap(a, a) == 1.0
    assert overlap(heads_of((0, 0)), heads_of((1, 1))) == 0.0
