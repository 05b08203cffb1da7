"""What a block reads of its rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from headhunt.saliency.block import Block, Rows
from tests.saliency.made_rows import classes, rows


@pytest.mark.parametrize("d", [3, 40])
def test_abnormal_rows_come_first(d) -> None:
    z, y = rows(14, 3, d, mixed=True)
    block = Block(z, Rows(y))
    for head in range(3):
        p, n = classes(z, y, head)
        for given, wanted in zip(block.of_head(head), (p, n), strict=True):
            np.testing.assert_array_equal(given, wanted)
        squared = squareform(pdist(np.concatenate([p, n]), "sqeuclidean"))
        np.testing.assert_allclose(block.distances[head], squared, rtol=1e-9)


def test_repeated_rows_are_at_distance_zero() -> None:
    z, _ = rows(30, 6, 16)
    z = z[np.random.default_rng(1).integers(0, 5, size=30)] * 100.0 + 3000.0
    assert (Block(z.copy(), Rows(np.ones(30, dtype=bool) & (np.arange(30) > 3))).distances[:, 0, 0] == 0).all()
    alike = (z[:, None] == z[None, :]).all(axis=-1).transpose(2, 0, 1)
    block = Block(z, Rows(np.arange(30) < 4))
    assert (block.distances[alike] == 0).all()
    assert (block.distances[~alike] > 0).all()
