"""lda against scikit-learn's discriminant, by its scalar form, and where only the ridge holds."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from headhunt.saliency import DEFAULTS, SALIENCIES, SaliencyOptions
from headhunt.saliency.lda import plain
from tests.saliency.made_rows import classes, expected, rows


def test_the_plain_formula_is_the_discriminant_of_scikit_learn() -> None:
    z, y = rows(50, 1, 6)
    p, n = classes(z, y, 0)
    fitted = LinearDiscriminantAnalysis(solver="lsqr").fit(z[:, 0], y)  # its covariance is S_W / n
    wanted = fitted.coef_[0] @ (p.mean(axis=0) - n.mean(axis=0)) / len(y)
    assert plain(p, n, DEFAULTS) == pytest.approx(wanted, rel=1e-5)


def test_one_channel_gives_the_scalar_formula() -> None:
    z, y = rows(9, 5, 1, mixed=True)
    p, n = z[y, :, 0], z[~y, :, 0]
    diff2 = (p.mean(0) - n.mean(0)) ** 2
    np.testing.assert_allclose(
        SALIENCIES["lda"](z, y), diff2 / (len(p) * p.var(0) + len(n) * n.var(0) + 1e-6), rtol=1e-9
    )


@pytest.mark.parametrize("n", [12, 400])
def test_huge_activations_keep_the_ridge(n) -> None:
    # rows span two channels; a third one holds the difference of the classes alone, where the scatter is just the ridge
    z, y = rows(n, 2, 2)
    wide = np.zeros((n, 2, 100))
    wide[:, :, :2] = z * 1e4
    wide[y, :, 2] = 3.0
    want = 9.0 / 1e-6 + expected("lda", z * 1e4, y)  # the two parts share no channel
    ridge = SaliencyOptions(shrinkage="ridge")
    np.testing.assert_allclose(SALIENCIES["lda"](wide, y, options=ridge), want, rtol=1e-6)


def test_few_rows_are_shrunk_unless_told_otherwise() -> None:
    """With no more rows than channels the ridge ranks heads by their scale; from three rows more it does not."""
    for n, shrunk in ((12, True), (14, True), (15, False), (40, False)):
        z, y = rows(n, 3, 12)
        auto, ridge, wolf = (
            SALIENCIES["lda"](z, y, options=SaliencyOptions(shrinkage=kind))
            for kind in ("auto", "ridge", "ledoit-wolf")
        )
        np.testing.assert_array_equal(auto, wolf if shrunk else ridge)
        assert not np.allclose(ridge, wolf)


def test_from_few_rows_shrinking_finds_the_heads_that_know_and_the_ridge_the_loud_ones() -> None:
    rng = np.random.default_rng(0)
    y = np.arange(16) % 2 == 1
    z = rng.normal(size=(16, 60, 128))
    knowing = np.arange(5)
    z[np.ix_(y, knowing)] += 0.35 * rng.normal(size=(5, 128))
    z *= np.exp(rng.normal(size=(60, 1)))
    z[:, knowing] *= 0.2
    found = {
        kind: set(np.argsort(-SALIENCIES["lda"](z, y, options=SaliencyOptions(shrinkage=kind)))[:5].tolist())
        for kind in ("ridge", "ledoit-wolf")
    }
    assert len(found["ledoit-wolf"] & set(knowing.tolist())) >= 4
    assert not found["ridge"] & set(knowing.tolist())
