"""Linear SVM: the margin of scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.svm import LinearSVC

from headhunt.scorers import score
from headhunt.scorers.svm import fit
from tests.made_scorers import D, K, rows, scorer_of


def test_svm_scores_are_the_sigmoid_of_the_margin_of_scikit_learn() -> None:
    z, _, y = rows()
    margin = LinearSVC(C=1.0, dual=False).fit(z.reshape(-1, K * D), y).decision_function(z.reshape(-1, K * D))
    np.testing.assert_allclose(score(scorer_of("svm"), z), 1 / (1 + np.exp(-margin)), rtol=1e-10)


def test_options_reach_the_fit() -> None:
    z, _, y = rows()
    assert np.linalg.norm(fit(z, None, y, c=1e-3).arrays["coef"]) < np.linalg.norm(fit(z, None, y).arrays["coef"])
