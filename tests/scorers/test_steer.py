"""What a fitted steering scorer says: the published formula; and that a method is fitted as `steering` fits it."""

from __future__ import annotations

import inspect
from typing import Any, get_args

import numpy as np
import pytest

from headhunt.errors import InputError
from headhunt.scorers import score, steering
from headhunt.scorers.method import options, read_by
from headhunt.scorers.steer import METHOD, STANDARDIZED, VARIANTS, fit, gate_and_adapters
from tests.made_scorers import K, rows, scorer_of, steer_arrays


def test_steer_scores_follow_the_formula() -> None:
    a, (z, context, _) = steer_arrays(), rows(6)
    for row in range(6):
        s = 1 / (1 + np.exp(-(np.maximum(a["gate_w1"] @ context[row] + a["gate_b1"], 0) @ a["gate_w2"] + a["gate_b2"])))
        steered = [
            z[row, i] * (1 + s * np.tanh(a["adapter_u"][i] @ a["adapter_v"][i] @ context[row])) for i in range(K)
        ]
        expected = 1 / (1 + np.exp(-(np.concatenate(steered) @ a["coef"].ravel() + a["intercept"][0])))
        assert score(scorer_of("steer"), z[row : row + 1], context[row : row + 1])[0] == pytest.approx(expected)


def test_gate_and_adapters_stay_in_their_ranges_for_huge_contexts() -> None:
    s, g = gate_and_adapters(steer_arrays(), 1e6 * rows()[1])
    assert s.min() >= 0
    assert s.max() <= 1
    assert np.abs(g).max() <= 1


def test_variants_options_and_defaults_are_those_of_the_training() -> None:
    assert tuple(VARIANTS) == get_args(steering.Variant)
    parameters = inspect.signature(steering.fit_steer).parameters.values()
    trained = {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY and p.name != "seed"}
    assert options(METHOD) == trained


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("standardize", [False, True])
def test_every_variant_has_its_layout_and_reads_what_it_says(variant: Any, standardize: bool) -> None:
    z, context, y = rows()
    given: dict[str, Any] = {"variant": variant, "standardize": standardize, "epochs": 2}
    fitted, (arrays, loss) = fit(z, context, y, seed=1, **given), steering.fit_steer(z, context, y, seed=1, **given)
    layout = (STANDARDIZED if standardize else VARIANTS)[variant]
    assert set(fitted.arrays) == set(layout)
    assert METHOD.reads(given) == read_by(layout)
    assert all(fitted.arrays[name].tobytes() == arrays[name].tobytes() for name in arrays)
    np.testing.assert_array_equal(fitted.loss, loss)


@pytest.mark.parametrize("standardize", [False, True])
def test_the_linear_variant_is_the_same_without_a_context_and_all_others_want_one(standardize: bool) -> None:
    z, context, y = rows()
    given: dict[str, Any] = {"variant": "linear", "standardize": standardize, "epochs": 20, "seed": 3}
    with_context, without = fit(z, context, y, **given), fit(z, None, y, **given)
    assert all(with_context.arrays[name].tobytes() == without.arrays[name].tobytes() for name in with_context.arrays)
    for variant in set(VARIANTS) - {"linear"}:
        with pytest.raises(InputError, match="context"):
            fit(z, None, y, variant=variant)
