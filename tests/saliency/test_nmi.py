"""nmi by hand, and against scikit-learn with rows in the caller's order."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.metrics import normalized_mutual_info_score

from headhunt.saliency import DEFAULTS, SALIENCIES, SaliencyOptions
from headhunt.saliency.nmi import plain
from tests.saliency.made_rows import SHAPES, rows


def test_the_plain_formula_by_hand() -> None:
    apart = np.array([[0.0], [0.1], [9.0], [9.1]])
    assert plain(apart[:2], apart[2:], DEFAULTS) == pytest.approx(1.0)
    assert plain(apart[::2], apart[1::2], DEFAULTS) == pytest.approx(0.0, abs=1e-12)
    # clusters {0, 0.1} and {9, 9.1, 9.2} of classes of two and three rows, one row on the wrong side each
    p, n = np.array([[0.0], [9.0]]), np.array([[0.1], [9.1], [9.2]])
    mutual = 0.2 * np.log(0.2 / 0.16) + 0.2 * np.log(0.2 / 0.24) * 2 + 0.4 * np.log(0.4 / 0.36)
    entropy = -0.4 * np.log(0.4) - 0.6 * np.log(0.6)
    for average in ("arithmetic", "geometric"):
        assert plain(p, n, SaliencyOptions(average=average)) == pytest.approx(mutual / entropy, rel=1e-9)


@pytest.mark.parametrize("few", [False, True], ids=["third", "two"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_rows_are_clustered_in_the_callers_order(shape, few) -> None:
    z, y = rows(*shape, few=few, mixed=True)
    clusters = [KMeans(2, n_init="auto", random_state=0).fit_predict(np.ascontiguousarray(x)) for x in z.swapaxes(0, 1)]
    wanted = [normalized_mutual_info_score(y, found) for found in clusters]
    np.testing.assert_allclose(SALIENCIES["nmi"](z, y), wanted, rtol=1e-6, atol=1e-11)
