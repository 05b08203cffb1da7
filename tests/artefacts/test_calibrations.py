"""A calibration is kept apart from scorers and events, and all of it is taken over."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from headhunt.artefacts import calibrations, scorers
from headhunt.artefacts.calibrations import Calibration
from headhunt.errors import ArtefactError, DamagedError, UsageError
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.store import Store

TUNED = LocalizeConfig(calibrate=True, smoothing="none", min_frames=5, merge_gap_frames=7)


def files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


def test_what_was_calibrated_is_an_artefact_of_its_own_and_the_scorer_is_not_touched(learnt: Path) -> None:
    before = files(learnt / "scorers")
    report = localize(learnt, TUNED)
    assert files(learnt / "scorers") == before
    store = Store(learnt)
    artefact = store.artefact("calibrations")
    found = calibrations.of(artefact)
    assert (found.sigma, found.tau, found.f1) == (report.sigma, report.tau, report.f1)
    assert (found.smoothing, found.min_frames, found.merge_gap_frames) == ("none", 5, 7)
    assert artefact.made_by["inputs"]["scores/logistic"] == store.artefact("scores").digest
    assert store.artefact("events").made_by["inputs"]["calibrations/logistic"] == artefact.digest


def test_all_of_it_is_taken_over_from_a_store_and_from_a_scorers_file(learnt: Path, tmp_path: Path) -> None:
    report = localize(learnt, TUNED, save=tmp_path / "tuned")
    other = Path(shutil.copytree(learnt, tmp_path / "other"))
    shutil.rmtree(other / "calibrations")
    for origin in (learnt, tmp_path / "tuned.json"):
        again = localize(other, LocalizeConfig(origin=str(origin)))
        assert again.events == report.events
        facts = Store(other).artefact("events").facts
        assert (facts["smoothing"], facts["min_frames"], facts["merge_gap_frames"]) == ("none", 5, 7)
        assert (again.f1, again.notes) == (report.f1, ())
    given = localize(other, LocalizeConfig(origin=str(learnt), min_frames=1))
    assert calibrations.of(Store(other).artefact("events")).merge_gap_frames == 7
    assert given.f1 is None  # it is another calibration's


def test_a_calibration_of_another_scorer_is_told(learnt: Path, tmp_path: Path) -> None:
    localize(learnt, TUNED)
    other = Path(shutil.copytree(learnt, tmp_path / "other"))
    fit(other, FitConfig(heads="random:3", name="new"))
    score(other, ScoreConfig())
    assert any("another scorer" in note for note in localize(other, LocalizeConfig(origin=str(learnt))).notes)


def test_a_saved_scorer_is_the_scorer_with_one_key_more(learnt: Path, tmp_path: Path) -> None:
    fit(learnt, FitConfig(), output=tmp_path / "plain")
    score(learnt)
    localize(learnt, TUNED, save=tmp_path / "tuned")
    plain, tuned = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("plain", "tuned"))
    assert tuned.pop("calibration")["min_frames"] == 5
    assert tuned == plain
    assert tuned["version"] == 1
    assert (
        scorers.load(tmp_path / "tuned").arrays["coef"].tobytes()
        == scorers.load(tmp_path / "plain").arrays["coef"].tobytes()
    )
    assert calibrations.read_file(tmp_path / "plain.json") is None


def test_saving_without_calibrating_is_refused(learnt: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--save"):
        localize(learnt, LocalizeConfig(), save=tmp_path / "tuned")
    fit(learnt, FitConfig(), output=tmp_path / "plain")
    score(learnt)
    with pytest.raises(ArtefactError, match="carries no calibration"):
        localize(learnt, LocalizeConfig(origin=str(tmp_path / "plain.json")))


GOOD = Calibration(1.5, 0.65, "gaussian", "calibrated on 3 videos", 0.8, 2, 10)


def test_a_calibration_comes_back_and_what_it_does_not_know_is_left_alone() -> None:
    assert Calibration.from_json(GOOD.to_json() | {"since": "tomorrow"}, source="x") == GOOD


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sigma", -1.0), ("sigma", "1.5"), ("sigma", True), ("sigma", float("inf")), ("tau", None), ("tau", [0.5]),
        ("smoothing", "box"), ("smoothing", 3), ("min_frames", 0), ("min_frames", 1.5), ("min_frames", True),
        ("merge_gap_frames", -1), ("source", 4), ("f1", "high"), ("f1", float("nan")),
    ],
)  # fmt: skip
def test_a_damaged_calibration_is_refused(key: str, value: object) -> None:
    with pytest.raises(ArtefactError, match="x is damaged"):
        Calibration.from_json(GOOD.to_json() | {key: value}, source="x")
    for wrong in ([], None, "gaussian", {}):
        with pytest.raises(ArtefactError, match="x is damaged"):
            Calibration.from_json(wrong, source="x")


def test_events_whose_calibration_is_damaged_are_told(learnt: Path) -> None:
    localize(learnt, TUNED)
    artefact = Store(learnt).artefact("events")
    with pytest.raises(DamagedError, match="events/logistic is damaged"):
        calibrations.of(replace(artefact, facts=artefact.facts | {"tau": "high"}))
