"""mmd by hand, against scikit-learn's kernel, and with repeated rows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import rbf_kernel

from headhunt.saliency import DEFAULTS, SALIENCIES
from headhunt.saliency.mmd import plain
from tests.saliency.made_rows import classes, expected, rows


def test_the_plain_formula_by_hand() -> None:
    p, n = np.array([[0.0], [2.0]]), np.array([[1.0], [3.0]])
    # squared distances 1, 1, 1, 4, 4, 9: the median is 2.5
    within = (1 + np.exp(-4 / 5)) / 2
    between = (3 * np.exp(-1 / 5) + np.exp(-9 / 5)) / 4
    assert plain(p, n, DEFAULTS) == pytest.approx(2 * within - 2 * between, rel=1e-12)


def test_the_plain_formula_with_the_kernel_of_scikit_learn() -> None:
    z, y = rows(30, 1, 5)
    p, n = classes(z, y, 0)
    squared = [((a - b) ** 2).sum() for i, a in enumerate(z[:, 0]) for b in z[:i, 0]]
    gamma = 1 / (2 * np.median(squared))
    wanted = rbf_kernel(p, gamma=gamma).mean() + rbf_kernel(n, gamma=gamma).mean()
    assert plain(p, n, DEFAULTS) == pytest.approx(wanted - 2 * rbf_kernel(p, n, gamma=gamma).mean(), rel=1e-9)


def test_repeated_rows_are_outside_the_median() -> None:
    z, y = rows(30, 6, 16, mixed=True)
    z = z[np.random.default_rng(1).integers(0, 5, size=30)] * 100.0 + 3000.0
    np.testing.assert_allclose(SALIENCIES["mmd"](z, y), expected("mmd", z, y), rtol=1e-6, atol=1e-11)
