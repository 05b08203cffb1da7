"""Options: bounds and choices follow from what a field says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from headhunt.configs.option import check, flag_of, formerly, option, options_of, to_json
from headhunt.errors import UsageError


@formerly(speed="pace")
@dataclass(frozen=True, kw_only=True)
class Made:
    pace: int = option(3, "How fast.", least=1, most=9)
    share: float | None = option(None, "How much.", above=0, most=1)
    way: Literal["up", "down"] = option("up", "Which way.")
    n_steps: int = option(1, "How many.", flag="steps")
    places: tuple[Path, ...] = option((), "Where.", library=True)

    def __post_init__(self) -> None:
        check(self)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"pace": 0}, "--pace is out of range\n  got: 0\n  expected: at least 1"),
        ({"pace": 10}, "--pace is out of range\n  got: 10\n  expected: at most 9"),
        ({"share": 0.0}, "--share is out of range\n  got: 0.0\n  expected: greater than 0"),
        ({"share": float("nan")}, "--share is out of range"),
        ({"way": "left"}, "unknown value of --way\n  got: left\n  expected: up or down"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        Made(**given)
    assert str(caught.value).startswith(words)


def test_bounds_are_inclusive_and_none_is_left_alone() -> None:
    for given in ({"pace": 1}, {"pace": 9}, {"share": 1.0}, {"share": None}):
        Made(**given)


def test_an_earlier_name_makes_changes_and_reads() -> None:
    assert Made(speed=5).pace == Made(pace=5).speed == replace(Made(), speed=5).pace == 5
    with pytest.raises(UsageError):
        Made(speed=0)


def test_a_literal_gives_the_choices_and_a_flag_the_spelling() -> None:
    found = options_of(Made)
    assert found["way"].choices == ("up", "down")
    assert [flag_of(name, one) for name, one in found.items()] == ["--pace", "--share", "--way", "--steps", "--places"]


def test_a_configuration_is_kept_as_plain_json() -> None:
    assert to_json(Made(places=(Path("a"),))) == {
        "pace": 3, "share": None, "way": "up", "n_steps": 1, "places": ["a"],
    }  # fmt: skip


def test_words_may_be_the_keys_of_a_dict() -> None:
    @dataclass(frozen=True)
    class Chosen:
        kind: str = option("csv", "Which.", choices=("none", "headhunt.sinks:SINKS"))

    assert options_of(Chosen)["kind"].words()[:3] == ("none", "json", "csv")
