"""Scores of descriptions."""

from __future__ import annotations

import pytest

from headhunt.demo.training import held_out
from headhunt.demo.training.language import describe_scene
from headhunt.demo.training.samples import Sample


def test_scores_of_true_descriptions_are_one_and_of_nonsense_nought(samples: list[Sample]) -> None:
    facts = [s.facts for s in samples]
    true = held_out.scores([describe_scene(f) for f in facts], facts)
    assert set(true.values()) == {1.0}
    nonsense = held_out.scores(["Seen a walking."] * len(facts), facts)
    assert nonsense["grammatical"] == nonsense["count"] == nonsense["light"] == nonsense["place"] == 0.0


@pytest.mark.parametrize(("said", "true", "score"), [([], [], 1.0), (["a"], [], 0.0), (["a", "a"], ["a"], 2 / 3)])
def test_f1_of_multisets(said: list[str], true: list[str], score: float) -> None:
    assert held_out.f1(said, true) == pytest.approx(score)
