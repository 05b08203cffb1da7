"""The controls of steering that read the context: against scikit-learn on the joined columns."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from headhunt.errors import ComputeError, InputError
from headhunt.scorers import METHODS, Scorer, score
from headhunt.scorers.method import options
from tests.made_scorers import HEADS, HIDDEN, D, rows

BOTH = ("context", "heads-and-context")


def scorer_of(method: str) -> Scorer:
    z, context, y = rows()
    return Scorer(method, HEADS, D, HIDDEN, METHODS[method].fit(z, context, y).arrays)


@pytest.mark.parametrize("method", BOTH)
def test_it_is_the_logistic_regression_of_what_it_reads(method: str) -> None:
    z, context, y = rows()
    joined = context if method == "context" else np.concatenate([z.reshape(len(z), -1), context], axis=1)
    model = LogisticRegression(solver="liblinear", C=1.0, max_iter=2000, random_state=0).fit(joined, y)
    found = score(scorer_of(method), z, context)
    np.testing.assert_allclose(found, model.predict_proba(joined)[:, 1], rtol=1e-9)


def test_the_context_alone_does_not_see_the_heads() -> None:
    z, context, _ = rows()
    scorer = scorer_of("context")
    assert scorer.reads == {"context"}
    np.testing.assert_array_equal(score(scorer, z, context), score(scorer, 0 * z, context))
    both = scorer_of("heads-and-context")
    assert both.reads == {"heads", "context"}
    assert not np.array_equal(score(both, z, context), score(both, 0 * z, context))


@pytest.mark.parametrize("method", BOTH)
def test_a_context_that_is_missing_or_does_not_fit_is_refused(method: str) -> None:
    z, context, y = rows()
    for wrong in (None, context[:-1], context[:, :0], context[0]):
        with pytest.raises(InputError, match="reads the context"):
            METHODS[method].fit(z, wrong, y)
    spoilt = context.copy()
    spoilt[3, 0] = np.nan
    with pytest.raises(ComputeError, match="context are not finite"):
        METHODS[method].fit(z, spoilt, y)


@pytest.mark.parametrize("method", BOTH)
def test_their_options_are_those_of_the_logistic_scorer(method: str) -> None:
    assert options(METHODS[method]) == options(METHODS["logistic"])
