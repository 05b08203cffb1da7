"""Shared numerics against NumPy and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from headhunt.saliency.numerics import LONG, SAMPLE, inverse, inverse_quadratic, middle, shrinkage


@pytest.mark.parametrize("kind", ["noise", "ties", "rising", "outliers", "two lumps"])
def test_the_middle_of_long_rows_is_that_of_sorted_rows(kind) -> None:
    rng = np.random.default_rng(3)
    size = LONG + 1717
    made = {
        "noise": rng.normal(size=(3, size)),
        "ties": rng.integers(0, 3, size=(3, size)).astype(np.float64),
        "rising": np.arange(3 * size, dtype=np.float64).reshape(3, size),
        "outliers": np.where(np.arange(size) % (size // SAMPLE) == 0, 1e9, rng.normal(size=(3, size))),  # all sampled
        "two lumps": np.sort(rng.integers(0, 2, size=(3, size)) * 100.0 + rng.normal(size=(3, size))),
    }
    values = made[kind]
    for low, high in ((size // 2, size // 2), (size // 2 - 1, size // 2), (0, 0), (size - 1, size - 1), (7, 8)):
        wanted = np.sort(values, axis=1)[:, [low, high]].mean(axis=1)
        np.testing.assert_array_equal(middle(values.copy(), low, high), wanted)


@pytest.mark.parametrize(("n", "d"), [(2, 5), (30, 5), (9, 1)])
def test_shrinkage_is_that_of_scikit_learn(n, d) -> None:
    x = np.random.default_rng(n).normal(size=(n, d)) * np.arange(1, d + 1)
    share, mu = shrinkage((x**2).sum(axis=1)[None], np.array([((x.T @ x) ** 2).sum()]), d)
    covariance = (1 - share) * x.T @ x / n + share * mu * np.eye(d)
    np.testing.assert_allclose(covariance, ledoit_wolf(x, assume_centered=True)[0], rtol=1e-10)


def test_inverses_are_those_of_numpy() -> None:
    x = np.random.default_rng(0).normal(size=(3, 9, 6))
    a, v = np.matmul(x.swapaxes(1, 2), x) + np.eye(6), x[:, 0]
    np.testing.assert_allclose(inverse(a, np.ones(3)), np.linalg.inv(a), rtol=1e-10)
    np.testing.assert_allclose(
        inverse_quadratic(a, np.ones(3), v), np.einsum("mi,mij,mj->m", v, np.linalg.inv(a), v), rtol=1e-10
    )


def test_eigenvalues_that_rounding_ate_are_the_floor() -> None:
    u = np.linalg.qr(np.random.default_rng(0).normal(size=(8, 8)))[0]
    a, floor = (1e12 * np.outer(u[0], u[0]) + 1e-6 * np.eye(8))[None], np.array([1e-6])
    assert 0 < inverse_quadratic(a, floor, u[1:2])[0] <= 1e6 * (1 + 1e-12)
    assert np.linalg.eigvalsh(inverse(a, floor)[0]).min() > -1e-9
    assert np.linalg.eigvalsh(inverse(a, floor)[0]).max() <= 1e6 * (1 + 1e-12)
