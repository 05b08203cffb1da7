"""Head sets, scores, events and metrics: written and read back by the module of their kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts import events, head_sets, scorers, scores
from headhunt.artefacts.events import Settings
from headhunt.artefacts.scorers import FittedOn
from headhunt.artefacts.tables import Table
from headhunt.errors import ArtefactError, InputError, StaleError
from headhunt.records import Event
from headhunt.stages.fit import fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import make_store


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2), output=tmp_path / "heads.json")
    fit(tmp_path / "s")
    score(tmp_path / "s")
    return tmp_path / "s"


def test_a_head_set_is_the_same_in_a_store_and_in_a_file(learnt: Path, tmp_path: Path) -> None:
    stored = Store(learnt).artefact("heads", "rss")
    assert head_sets.of(stored) == head_sets.read_file(tmp_path / "heads.json")
    assert stored.arrays["picked_head"].tolist() == [h.head for h in head_sets.of(stored).heads]
    (tmp_path / "heads.json").write_text("[")
    with pytest.raises(ArtefactError, match="is not a head set"):
        head_sets.read_file(tmp_path / "heads.json")


def test_a_scorer_says_what_it_was_fitted_on_as_a_record(learnt: Path) -> None:
    store = Store(learnt)
    scorer = scorers.of(store.artefact("scorers"))
    fitted_on = FittedOn.of(scorer)
    assert fitted_on.fingerprint == store.fingerprint
    assert (fitted_on.prompt.id, fitted_on.saliency, fitted_on.head_set) == ("coarse", "rss", "rss")
    assert (fitted_on.rows, fitted_on.unit, len(fitted_on.videos)) == (60, "segment", 10)
    assert fitted_on.to_json() == dict(scorer.facts)


def test_scores_come_video_by_video_in_time_order(learnt: Path) -> None:
    store = Store(learnt)
    artefact = scores.load(store, None)
    found = list(scores.by_video(store, artefact))
    assert [video.index for video in found] == list(range(20))
    for video in found:
        assert (np.diff(video.start_frame) > 0).all()
        place = np.searchsorted(artefact.arrays["row"], video.table.row)
        np.testing.assert_array_equal(video.score, artefact.arrays["score"][place])
    assert scores.fitted_on(artefact) == FittedOn.of(scorers.of(store.artefact("scorers"))).videos


def test_scores_of_other_rows_are_stale(learnt: Path) -> None:
    store = Store(learnt, writable=True)
    store.root["segments/status"][0] = 3
    with pytest.raises(StaleError, match="run `vadkit score` again"):
        scores.load(Store(learnt), None)


def test_events_come_back_as_they_were_found(learnt: Path) -> None:
    report = localize(learnt, LocalizeConfig(calibrate=True))
    store = Store(learnt)
    artefact = store.artefact("events")
    by_video = events.by_video(artefact, store.videos().path)
    assert tuple(event for some in by_video.values() for event in some) == report.events
    assert all(isinstance(event, Event) for some in by_video.values() for event in some)
    settings = Settings.of(artefact)
    assert (settings.sigma, settings.tau, settings.f1, settings.smoothing) == (
        report.sigma, report.tau, report.f1, "gaussian",
    )  # fmt: skip
    assert events.scores_of(artefact) == "logistic"
    smoothed = events.smoothed_of(artefact)
    assert set(smoothed) == set(artefact.arrays["row"].tolist())


def test_columns_of_another_length_are_no_table() -> None:
    with pytest.raises(InputError, match="differ in length"):
        Table({"a": np.arange(2), "b": np.arange(3)})
    assert Table({}).n_rows == 0
