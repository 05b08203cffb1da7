"""2-means of many heads against scikit-learn, label for label."""

from __future__ import annotations

import numpy as np
import pytest

import headhunt.saliency.two_means as module
from headhunt.saliency import SALIENCIES
from headhunt.saliency.block import Block, Rows
from headhunt.saliency.two_means import plain_two_means, two_means
from tests.saliency.made_rows import rows


@pytest.mark.parametrize("shape", [(4, 60, 3), (9, 60, 2), (16, 80, 128), (40, 80, 8), (130, 40, 16)], ids=str)
@pytest.mark.parametrize("kind", ["noise", "lumps", "integers", "repeats"])
def test_clusters_are_label_for_label_those_of_scikit_learn(shape, kind) -> None:
    n, m, d = shape
    rng = np.random.default_rng(n)
    z, y = rows(n, m, d, seed=n, mixed=True)
    if kind == "lumps":
        z += 4.0 * rng.integers(0, 3, size=(n, m, 1))
    if kind == "integers":  # exact ties in every decision
        z = rng.integers(-1, 2, size=(n, m, d)).astype(np.float64)
    if kind == "repeats":
        z = z[rng.integers(0, 3, size=n)]
    order = np.argsort(~y, kind="stable")
    for seed, starts, by_class in ((0, 1, False), (5, 1, True), (5, 4, False), (3, 10, True)):
        given = two_means(Block(z.copy(), Rows(y)), seed, starts, by_class=by_class)
        for i in range(m):
            x = np.ascontiguousarray(z[:, i])
            want = plain_two_means(x[order], seed, starts) if by_class else plain_two_means(x, seed, starts)[order]
            same = (given[i] == want).mean()
            assert same in (0.0, 1.0), f"head {i}"  # which cluster is called 1 does not matter


def test_few_random_heads_need_scikit_learn(monkeypatch) -> None:
    called = []
    real = module.plain_two_means
    monkeypatch.setattr(module, "plain_two_means", lambda *given: called.append(1) or real(*given))
    z, y = rows(40, 300, 32, dtype=np.float16)
    SALIENCIES["nmi"](z, y)
    assert len(called) <= 3
