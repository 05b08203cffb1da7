"""knn by hand, with equally distant neighbours too."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.saliency import SALIENCIES, SaliencyOptions
from headhunt.saliency.knn import plain

P, N = np.array([[0.0], [1.0], [5.0]]), np.array([[5.4], [6.0], [6.5]])


@pytest.mark.parametrize(("k", "wanted"), [(1, 4 / 6), (2, 9 / 12), (5, 12 / 30), (9, 12 / 30)])
def test_the_plain_formula_by_hand(k, wanted) -> None:
    # nearest two: 0: 1, 5; 1: 0, 5; 5: 5.4, 6; 5.4: 5, 6; 6: 6.5, 5.4; 6.5: 6, 5.4
    assert plain(P, N, SaliencyOptions(n_neighbors=k)) == pytest.approx(wanted)


def test_neighbours_equally_far_share_the_places_left() -> None:
    z = np.array([0.0, 4.0, 1.0, -1.0])[:, None, None]  # 0 has two neighbours at distance 1, both of the other class
    y = np.array([True, True, False, False])
    # 0: none; 4: none (1); 1: none (0); -1: none (0)
    assert SALIENCIES["knn"](z, y, options=SaliencyOptions(n_neighbors=1))[0] == 0.0
    z[1] = -1.0  # now one of the three at distance 1 is of its class; the two rows at -1 are each other's nearest
    assert SALIENCIES["knn"](z, y, options=SaliencyOptions(n_neighbors=1))[0] == pytest.approx((1 / 3) / 4)
