"""Logistic regression: the numbers of scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from headhunt.scorers import score
from headhunt.scorers.logistic import fit
from tests.made_scorers import D, K, rows, scorer_of


def test_logistic_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = LogisticRegression(solver="liblinear", C=1.0, max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    got = score(scorer_of("logistic"), z)
    np.testing.assert_allclose(got, expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-12)
    assert got.dtype == np.float64


def test_options_reach_the_fit() -> None:
    z, _, y = rows()
    assert np.linalg.norm(fit(z, None, y, c=1e-3).arrays["coef"]) < np.linalg.norm(fit(z, None, y).arrays["coef"])
