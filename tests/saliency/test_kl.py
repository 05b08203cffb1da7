"""kl against torch's divergence of two Gaussians, and by its scalar form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf
from torch.distributions import MultivariateNormal, kl_divergence

from headhunt.saliency import DEFAULTS, SALIENCIES
from headhunt.saliency.kl import MOST, plain
from tests.saliency.made_rows import classes, rows


def test_the_plain_formula_is_the_divergence_of_torch() -> None:
    z, y = rows(40, 1, 6)
    sides = classes(z, y, 0)
    a, b = (
        MultivariateNormal(torch.tensor(rows.mean(axis=0)), torch.tensor(LedoitWolf().fit(rows).covariance_))
        for rows in sides
    )
    wanted = 0.5 * (kl_divergence(a, b) + kl_divergence(b, a)).item()
    assert plain(*sides, DEFAULTS) == pytest.approx(wanted, rel=1e-6)


def test_one_channel_gives_the_scalar_formula() -> None:
    z, y = rows(9, 5, 1, mixed=True)
    p, n = z[y, :, 0], z[~y, :, 0]
    diff2 = (p.mean(0) - n.mean(0)) ** 2
    a, b = p.var(0) + 1e-10, n.var(0) + 1e-10
    np.testing.assert_allclose(SALIENCIES["kl"](z, y), 0.25 * (a / b + b / a - 2 + diff2 * (1 / a + 1 / b)), rtol=1e-6)


def test_classes_without_variance_reach_the_most() -> None:
    z = np.zeros((4, 1, 3))
    z[:2] = 1.0
    y = np.arange(4) < 2
    assert SALIENCIES["kl"](z, y)[0] == MOST == plain(*classes(z, y, 0), DEFAULTS)
