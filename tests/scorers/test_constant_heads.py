"""Steering on constant heads: what the activations are makes no difference."""

from __future__ import annotations

import numpy as np

from headhunt.scorers import METHODS, Scorer, score
from headhunt.scorers.steering import fit_steer
from tests.made_scorers import HEADS, HIDDEN, D, rows


def test_it_is_steering_on_ones_and_sees_no_activation() -> None:
    z, context, y = rows()
    fitted = METHODS["constant-heads"].fit(z, context, y, epochs=20)
    arrays, loss = fit_steer(np.ones_like(z), context, y, epochs=20)
    for name, values in arrays.items():
        np.testing.assert_array_equal(fitted.arrays[name], values)
    np.testing.assert_array_equal(fitted.loss, loss)
    scorer = Scorer("constant-heads", HEADS, D, HIDDEN, fitted.arrays)
    assert scorer.reads == {"heads", "context"}
    np.testing.assert_array_equal(score(scorer, z, context), score(scorer, 5 * z, context))
    assert not np.array_equal(score(scorer, z, context), score(scorer, z, -context))
