"""rsa by hand."""

from __future__ import annotations

import numpy as np

from headhunt.saliency import DEFAULTS
from headhunt.saliency.rsa import plain


def test_the_plain_formula_by_hand() -> None:
    p = np.array([[0.0, 0.0], [2.0, 0.0]])  # mean (1, 0), variance 1
    n = np.array([[4.0, 3.0], [4.0, 5.0], [4.0, 4.0]])  # mean (4, 4), variance 2 / 3
    assert plain(p, n, DEFAULTS) == 25.0 / (1.0 + 2.0 / 3.0)
