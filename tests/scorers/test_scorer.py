"""A scorer checks itself and the rows it is given; no score is invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import ArtefactError, ComputeError
from headhunt.scorers.scorer import Scorer, score
from tests.made_scorers import HEADS, HIDDEN, D, K, rows, scorer_of, steer_arrays


def test_a_context_that_is_not_finite_raises_and_rows_are_counted_over_all_blocks() -> None:
    z, context, _ = rows(3000)
    context[2999, 0] = np.nan
    with pytest.raises(ComputeError, match="row 2999"):
        score(scorer_of("steer"), z, context)


def test_a_score_that_overflows_raises() -> None:
    scorer = Scorer(
        "logistic", HEADS, D, None, {"coef": np.array([[1e300, -1e300, 0, 0]] * K), "intercept": np.zeros(1)}
    )
    with pytest.raises(ComputeError, match="scores"):
        score(scorer, np.full((1, K, D), 1e300))


def test_other_shapes_than_the_scorers_are_refused_with_both_shapes() -> None:
    z, context, _ = rows()
    for bad in (z[:, :2], z[:, :, :3], z.reshape(40, -1)):
        with pytest.raises(ArtefactError, match=r"expected: \(n, 3, 4\)"):
            score(scorer_of("logistic"), bad)
    for other in (None, context[:5], context[:, :3]):
        with pytest.raises(ArtefactError, match=r"expected: \(40, 7\)"):
            score(scorer_of("steer"), z, other)


def test_a_scorer_checks_itself() -> None:
    arrays = scorer_of("logistic").arrays
    for heads, dim, hidden, facts in (
        ((), D, None, {}),
        (HEADS[:2], D, None, {}),
        ((HEADS[0],) * 3, D, None, {}),
        (HEADS, 5, None, {}),
        (HEADS, D, HIDDEN, {}),
        (HEADS, D, None, {"loss": float("nan")}),
        (HEADS, D, None, {"path": Path("a")}),
    ):
        with pytest.raises(ArtefactError):
            Scorer("logistic", heads, dim, hidden, arrays, facts)
    with pytest.raises(ArtefactError):
        Scorer("steer", HEADS, D, None, steer_arrays())
    with pytest.raises(ArtefactError):
        Scorer("steer", HEADS, D, HIDDEN, steer_arrays() | {"gate_b1": np.zeros(4, np.float32)})


def test_an_unknown_method_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ArtefactError, match="expected: logistic, steer, svm, mlp"):
        Scorer("forest", HEADS, D, None, scorer_of("logistic").arrays)


def test_a_scorer_says_what_it_reads() -> None:
    linear = Scorer("steer", HEADS, D, None, scorer_of("logistic").arrays)
    assert scorer_of("mlp").reads == linear.reads == {"heads"}
    assert scorer_of("steer").reads == {"heads", "context"}
