"""Fitting: which heads, and what a scorer remembers."""

from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.errors import UsageError
from headhunt.stages.fit import FitConfig, fit
from headhunt.store import Store
from tests.stages.synthetic import chain, make_store


@pytest.mark.parametrize(("which", "count"), [("random:3", 3), ("random:3:7", 3), ("layer:1", 4), ("layer:last", 4)])
def test_heads_of_the_ablations(tmp_path: Path, which: str, count: int) -> None:
    make_store(tmp_path / "s")
    report = fit(tmp_path / "s", FitConfig(heads=which))
    assert len(report.heads) == count
    if which.startswith("layer"):
        assert {h.layer for h in report.heads} == {1 if which == "layer:1" else 2}


@pytest.mark.parametrize("which", ["random:0", "random:99", "random:x", "layer:3", "layer:x", "some:1"])
def test_heads_that_cannot_be_had_are_refused(tmp_path: Path, which: str) -> None:
    make_store(tmp_path / "s")
    with pytest.raises(UsageError):
        fit(tmp_path / "s", FitConfig(heads=which))


def test_a_scorer_says_what_it_was_fitted_on(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    facts = Store(tmp_path / "s").artefact("scorers").facts["facts"]
    assert facts["prompt"] == {"id": "coarse", "text": "Two?"}
    assert facts["fingerprint"] == Store(tmp_path / "s").fingerprint.to_json()
    made_by = Store(tmp_path / "s").artefact("scorers").made_by
    assert made_by["stage"] == "fit"
    assert made_by["config"]["method"] == "logistic"
    assert "heads/rss" in made_by["inputs"]


@pytest.mark.parametrize("which", ["random:3:1:0-1", "layer:last:1-2"])
def test_heads_may_be_taken_among_some_indices_of_each_layer(tmp_path: Path, which: str) -> None:
    make_store(tmp_path / "s")
    indices = {h.head for h in fit(tmp_path / "s", FitConfig(heads=which)).heads}
    assert indices <= ({0, 1} if which.startswith("random") else {1, 2})


@pytest.mark.parametrize("which", ["random:3:1:0-4", "random:3:1:2-1", "layer:last:x", "random:1:2:3:4"])
def test_indices_that_no_layer_has_are_refused(tmp_path: Path, which: str) -> None:
    make_store(tmp_path / "s")
    with pytest.raises(UsageError):
        fit(tmp_path / "s", FitConfig(heads=which))
