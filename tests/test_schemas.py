"""Types are strict, what is missing or wrong is named by its place, and later keys are passed over."""

from __future__ import annotations

import pytest

from headhunt.errors import ArtefactError, ModelError
from headhunt.schemas import HeadSetDocument, SizesDocument, checked

SIZES = {"layers": 3, "heads": 4, "head_dim": 6, "hidden": 10}


@pytest.mark.parametrize("value", [True, 3.0, "3", None, [3], 0, -1, 1 << 31, 10**400, float("nan")])
def test_a_whole_number_is_nothing_else(value: object) -> None:
    with pytest.raises(ArtefactError, match=r"it is damaged\n  got: (layers: |a number)"):
        checked(SizesDocument, SIZES | {"layers": value}, "it is damaged")


def test_the_message_names_the_place_what_was_got_and_what_was_expected() -> None:
    wrong = {"heads": [[0, 1], [1.9, 0]], "scores": [], "metric": "rss", "provenance": {}}
    with pytest.raises(ModelError) as caught:
        checked(HeadSetDocument, wrong, "x is damaged", error=ModelError, hint="go home")
    assert str(caught.value) == ("x is damaged\n  got: heads.1.0: 1.9\n  expected: a valid integer\n  next: go home")
    del wrong["metric"]
    wrong["heads"] = []
    with pytest.raises(ArtefactError, match="got: no metric"):
        checked(HeadSetDocument, wrong, "x is damaged")


def test_a_whole_number_may_stand_for_any_other() -> None:
    found = checked(HeadSetDocument, {"heads": [[0, 1]], "scores": [1], "metric": "", "provenance": {}, "new": 1}, "x")
    assert found.scores == [1.0]
    assert type(found.scores[0]) is float


@pytest.mark.parametrize("value", [None, [], "x", 1])
def test_what_is_no_object_is_refused(value: object) -> None:
    with pytest.raises(ArtefactError, match="x is damaged"):
        checked(SizesDocument, value, "x is damaged")
