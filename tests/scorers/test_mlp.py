"""Perceptron: the numbers of scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from headhunt.scorers import score
from headhunt.scorers.mlp import fit
from tests.made_scorers import D, K, rows, scorer_of


def test_mlp_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = MLPClassifier(hidden_layer_sizes=(128,), max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    np.testing.assert_allclose(
        score(scorer_of("mlp"), z), expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-10
    )


def test_options_reach_the_fit() -> None:
    z, _, y = rows()
    assert fit(z, None, y, hidden=3).arrays["hidden_w"].shape == (3, K, D)
