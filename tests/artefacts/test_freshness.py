"""An artefact is fresh while everything that was used is as it was; what came elsewhere is told and changes nothing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from headhunt.artefacts import freshness
from headhunt.errors import StaleError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store, write_labels
from tests.stages.synthetic import chain, make_store, manifest_rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "s"
    rows = manifest_rows()
    unknown = [ManifestRow(row.video, row.split) if row.video in {"16.mp4", "17.mp4"} else row for row in rows]
    store = make_store(path, rows=rows)
    write_labels(store, {row.video: row for row in unknown})
    chain(path)
    return path


@pytest.fixture
def made(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "s"))


def relabel(path: Path, video: str, *, split: str, events: tuple[Interval, ...] = ()) -> None:
    row = ManifestRow(video, split, "fire" if events else "normal", events)
    write_labels(Store(path, writable=True), {video: row})


def test_a_relabelled_video_that_was_learnt_from_stops_all_that_follows(made: Path) -> None:
    relabel(made, "00.mp4", split="train", events=(Interval(0, 288),))
    for call in (
        lambda: fit(made, FitConfig()),
        lambda: score(made, ScoreConfig()),
        lambda: localize(made, LocalizeConfig()),
        lambda: localize(made, LocalizeConfig(calibrate=True)),
        lambda: evaluate(made, EvaluateConfig()),
    ):
        with pytest.raises(StaleError, match=r"labels or rows of 00.mp4, which changed since") as told:
            call()
        assert "`vadkit select-heads`" in str(told.value)
    with pytest.raises(StaleError, match=r"select-heads`, then `vadkit fit`, then `vadkit score`, then `vadkit loc"):
        evaluate(made, EvaluateConfig())
    select_heads(made, SelectConfig(k=2))
    with pytest.raises(StaleError, match="was made from heads/rss"):
        score(made, ScoreConfig())
    fit(made, FitConfig())
    score(made, ScoreConfig())
    localize(made, LocalizeConfig(calibrate=True))
    evaluate(made, EvaluateConfig(n_bootstrap=0))


def test_a_relabelled_video_that_was_calibrated_on_stops_what_follows(made: Path) -> None:
    relabel(made, "02.mp4", split="val", events=(Interval(0, 10),))
    with pytest.raises(StaleError, match=r"labels or rows of 02.mp4[\s\S]*`vadkit localize --calibrate`"):
        evaluate(made, EvaluateConfig())
    score(made, ScoreConfig())  # the heads and the scorer learnt nothing from it
    localize(made, LocalizeConfig(calibrate=True))
    evaluate(made, EvaluateConfig(n_bootstrap=0))


def test_labels_given_elsewhere_leave_all_fresh_and_are_told(made: Path) -> None:
    relabel(made, "03.mp4", split="test", events=(Interval(0, 10),))
    relabel(made, "16.mp4", split="train")
    result = evaluate(made, EvaluateConfig(n_bootstrap=0))
    assert [note for note in result["notes"] if "heads/rss was made before 1 more videos" in note]
    assert [note for note in result["notes"] if "scorers/logistic was made before 1 more videos" in note]
    report = fit(made, FitConfig())
    assert any("1 more videos of its split had labels" in note for note in report.notes)


def test_another_name_of_the_same_class_is_no_change(made: Path) -> None:
    rows = {row.video: row for row in manifest_rows()}
    fire = next(row for row in rows.values() if row.split == "train" and row.abnormal)
    write_labels(
        Store(made, writable=True), {fire.video: ManifestRow(fire.video, "train", "arson", fire.events, "arson")}
    )
    evaluate(made, EvaluateConfig(n_bootstrap=0))


def test_a_label_taken_away_is_a_change(made: Path) -> None:
    write_labels(Store(made, writable=True), {"00.mp4": ManifestRow("00.mp4", "train")})
    with pytest.raises(StaleError, match=r"00\.mp4"):
        fit(made, FitConfig())


def test_scores_by_another_stores_scorer_are_stale_once_it_is_fitted_anew(made: Path, tmp_path: Path) -> None:
    make_store(tmp_path / "other")
    score(tmp_path / "other", ScoreConfig(origin=str(made)))
    localize(tmp_path / "other", LocalizeConfig())
    fit(made, FitConfig(heads="random:3"))
    with pytest.raises(StaleError, match=r"scorers/logistic of .*, which changed since[\s\S]*`vadkit score`"):
        localize(tmp_path / "other", LocalizeConfig())
    shutil.rmtree(made)  # what can no longer be compared stands for itself
    localize(tmp_path / "other", LocalizeConfig())


def test_scores_by_a_file_are_stale_once_it_is_written_anew(made: Path, tmp_path: Path) -> None:
    fit(made, FitConfig(name="kept"), output=tmp_path / "scorer")
    score(made, ScoreConfig(scorer=str(tmp_path / "scorer.json")))
    localize(made, LocalizeConfig())
    fit(made, FitConfig(name="kept", heads="random:3"), output=tmp_path / "scorer")
    with pytest.raises(StaleError, match=r"scorer.json, which changed since"):
        localize(made, LocalizeConfig())
    (tmp_path / "scorer.json").unlink()
    localize(made, LocalizeConfig())


def test_every_artefact_of_a_chain_is_fresh_when_it_was_just_made(made: Path) -> None:
    store = Store(made)
    for kind in ("heads", "scorers", "scores", "calibrations", "events", "metrics"):
        assert freshness.check(store, store.artefact(kind)) == ()
