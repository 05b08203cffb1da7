"""Scorers: the same numbers as scikit-learn and the formulas, no invented score."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from headhunt.errors import ArtefactError, ComputeError, InputError, LabelError
from headhunt.scorers.scorer import FITTERS, METHODS, Scorer, gate_and_adapters, score
from tests.made_scorers import HEADS, HIDDEN, D, K, rows, scorer_of, steer_arrays


def test_logistic_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = LogisticRegression(solver="liblinear", C=1.0, max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    got = score(scorer_of("logistic"), z)
    np.testing.assert_allclose(got, expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-12)
    assert got.dtype == np.float64


def test_svm_scores_are_the_sigmoid_of_the_margin_of_scikit_learn() -> None:
    z, _, y = rows()
    margin = LinearSVC(C=1.0, dual=False).fit(z.reshape(-1, K * D), y).decision_function(z.reshape(-1, K * D))
    np.testing.assert_allclose(score(scorer_of("svm"), z), 1 / (1 + np.exp(-margin)), rtol=1e-10)


def test_mlp_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = MLPClassifier(hidden_layer_sizes=(128,), max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    np.testing.assert_allclose(
        score(scorer_of("mlp"), z), expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-10
    )


def test_options_reach_the_fit() -> None:
    z, _, y = rows()
    assert np.linalg.norm(FITTERS["logistic"](z, y, c=1e-3)["coef"]) < np.linalg.norm(FITTERS["logistic"](z, y)["coef"])
    assert FITTERS["mlp"](z, y, hidden=3)["hidden_w"].shape == (3, K, D)


def test_steer_scores_follow_the_formula() -> None:
    a, (z, context, _) = steer_arrays(), rows(6)
    for row in range(6):
        s = 1 / (1 + np.exp(-(np.maximum(a["gate_w1"] @ context[row] + a["gate_b1"], 0) @ a["gate_w2"] + a["gate_b2"])))
        steered = [
            z[row, i] * (1 + s * np.tanh(a["adapter_u"][i] @ a["adapter_v"][i] @ context[row])) for i in range(K)
        ]
        expected = 1 / (1 + np.exp(-(np.concatenate(steered) @ a["coef"].ravel() + a["intercept"][0])))
        assert score(scorer_of("steer"), z[row : row + 1], context[row : row + 1])[0] == pytest.approx(expected)


def test_gate_and_adapters_stay_in_their_ranges_for_huge_contexts() -> None:
    s, g = gate_and_adapters(steer_arrays(), 1e6 * rows()[1])
    assert s.min() >= 0
    assert s.max() <= 1
    assert np.abs(g).max() <= 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 5000])
def test_every_length_is_scored_row_by_row(method: str, n: int) -> None:
    z, context, _ = rows(n)
    got = score(scorer_of(method), z.astype(np.float16), context.astype(np.float16))
    assert got.shape == (n,)
    assert ((got >= 0) & (got <= 1)).all()
    if n:
        last = score(scorer_of(method), z[-1:].astype(np.float16), context[-1:].astype(np.float16))
        np.testing.assert_allclose(got[-1:], last, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_raises_and_is_named(method: str, value: float) -> None:
    z, context, _ = rows()
    z[7, 1, 2] = value
    with pytest.raises(ComputeError, match="row 7"):
        score(scorer_of(method), z, context)


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


@pytest.mark.parametrize("method", FITTERS)
def test_labels_that_cannot_be_learned_raise(method: str) -> None:
    z, _, y = rows()
    for labels in (np.zeros(40, bool), np.ones(40, bool), y[:3], y.astype(int), np.zeros((40, 1), bool)):
        with pytest.raises(LabelError):
            FITTERS[method](z, labels)
    for n in (0, 1):
        with pytest.raises(LabelError):
            FITTERS[method](z[:n], y[:n])
    assert set(FITTERS[method](z[:2], y[:2]))


@pytest.mark.parametrize("method", FITTERS)
def test_activations_that_cannot_be_learned_raise(method: str) -> None:
    z, _, y = rows()
    with pytest.raises(InputError):
        FITTERS[method](z.reshape(40, -1), y)
    z[3, 0, 0] = np.nan
    with pytest.raises(ComputeError, match="row 3"):
        FITTERS[method](z, y)


@pytest.mark.parametrize("method", FITTERS)
def test_a_fit_that_does_not_converge_raises(method: str) -> None:
    z, _, y = rows()
    with pytest.raises(ComputeError, match="converge"):
        FITTERS[method](z, y, max_iter=1)


@pytest.mark.parametrize("method", FITTERS)
def test_same_seed_same_bits(method: str) -> None:
    z, _, y = rows()
    first, second = FITTERS[method](z, y, seed=3), FITTERS[method](z, y, seed=3)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_a_scorer_checks_itself() -> None:
    z, _, y = rows()
    arrays = FITTERS["logistic"](z, y)
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
