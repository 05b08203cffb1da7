"""silhouette by hand, and against scikit-learn's own distances."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from headhunt.saliency import DEFAULTS
from headhunt.saliency.silhouette import plain
from tests.saliency.made_rows import classes, rows


def test_the_plain_formula_by_hand() -> None:
    p, n = np.array([[0.0], [1.0]]), np.array([[3.0], [5.0]])
    # a: 1, 1, 2, 2; b: 4, 3, 2.5, 4.5
    assert plain(p, n, DEFAULTS) == pytest.approx((3 / 4 + 2 / 3 + 0.5 / 2.5 + 2.5 / 4.5) / 4, rel=1e-12)


def test_the_plain_formula_is_that_of_scikit_learn() -> None:
    z, y = rows(30, 3, 16)
    for head in range(3):
        assert plain(*classes(z, y, head), DEFAULTS) == pytest.approx(silhouette_score(z[:, head], y), rel=1e-9)
