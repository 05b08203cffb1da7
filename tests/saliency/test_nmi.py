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
@pytest.mark.parametrize("starts", [1, 10])
@pytest.mark.parametrize("by_class", [False, True], ids=["caller", "classes"])
def test_rows_are_clustered_in_the_order_asked_for(shape, few, starts, by_class) -> None:
    z, y = rows(*shape, few=few, mixed=True)
    order = np.argsort(~y, kind="stable") if by_class else np.arange(len(y))
    clusters = [
        KMeans(2, n_init=starts, random_state=0).fit_predict(np.ascontiguousarray(x[order])) for x in z.swapaxes(0, 1)
    ]
    wanted = [normalized_mutual_info_score(y[order], found) for found in clusters]
    options = SaliencyOptions(starts=starts, by_class=by_class)
    np.testing.assert_allclose(SALIENCIES["nmi"](z, y, options=options), wanted, rtol=1e-6, atol=1e-11)
