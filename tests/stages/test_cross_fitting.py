"""Out-of-fold scores come from scorers that never saw the video, heads and all, and calibration reads them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts.scorers import FOLD, FOLD_ROW, FOLD_SCORE
from headhunt.errors import DamagedError, LabelError, UsageError
from headhunt.records import ManifestRow
from headhunt.scorers import METHODS, Scorer, score
from headhunt.stages.cross_fitting import number_of_folds
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig
from headhunt.stages.score import score as score_stage
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import make_store, manifest_rows


def without_val(n: int = 40) -> list[ManifestRow]:
    return [replace(row, split="test" if row.split == "test" else "train") for row in manifest_rows(n)]


def made(path: Path, *, strength: float = 1.5, **options: object) -> Path:
    make_store(path, rows=without_val(), strength=strength)
    select_heads(path, SelectConfig(k=2))
    fit(path, FitConfig(**options))
    return path


def test_each_fold_is_scored_by_what_the_others_gave_heads_included(tmp_path: Path) -> None:
    """Done again by hand: select on the other folds' videos alone, fit there, score the fold."""
    path = made(tmp_path / "s")
    store = Store(path)
    artefact = store.artefact("scorers")
    arrays, table, videos = artefact.arrays, store.segments(), store.videos()
    folds, chosen = arrays[FOLD], artefact.facts["folds"]["heads"]
    assert artefact.facts["folds"]["selected_anew"] is True
    video = table.video[np.searchsorted(table.row, arrays[FOLD_ROW])]
    train = {i for i in range(len(videos)) if videos.split[i] == "train"}
    assert set(video.tolist()) == train
    for fold in range(5):
        mine = set(video[folds == fold].tolist())
        assert mine.isdisjoint(video[folds != fold].tolist())
        assert {videos.abnormal_at(i) for i in mine} == {True, False}
        rest = [without_val()[i] for i in sorted(train - mine)]
        other = make_store(tmp_path / f"other{fold}", rows=without_val(), strength=1.5)
        unlabelled = {videos.path[i]: ManifestRow(videos.path[i], "train") for i in mine}
        from headhunt.store import write_labels

        write_labels(other, unlabelled)
        heads = select_heads(other.path, SelectConfig(k=2)).head_set.heads
        assert [[h.layer, h.head] for h in heads] == chosen[fold]
        rows = fit(other.path, FitConfig(folds=0))
        assert rows.rows == 6 * len(rest)
        scorer = Store(other.path).artefact("scorers").arrays
        z = store.heads(arrays[FOLD_ROW][folds == fold], heads, prompt="coarse")
        by_hand = score(Scorer("logistic", heads, 6, None, {k: scorer[k] for k in ("coef", "intercept")}, {}), z, None)
        np.testing.assert_allclose(arrays[FOLD_SCORE][folds == fold], by_hand, rtol=1e-9)


def test_calibration_reads_them_where_there_is_no_val_and_says_so(tmp_path: Path) -> None:
    path = made(tmp_path / "s", strength=1.0)
    score_stage(path, ScoreConfig())
    nested = localize(path, LocalizeConfig(calibrate=True))
    assert nested.source == "calibrated on 30 videos of split 'train', by scores out of fold"
    real = evaluate(path, EvaluateConfig(n_bootstrap=0))["frame"]["at_threshold"]["frame_f1"]
    fit(path, FitConfig(folds=0))
    score_stage(path, ScoreConfig())
    fitted = localize(path, LocalizeConfig(calibrate=True))
    assert any("there are no scores out of fold: the F1 flatters" in note for note in fitted.notes)
    assert nested.f1 is not None
    assert fitted.f1 is not None
    assert fitted.f1 > nested.f1
    assert abs(nested.f1 - real) < fitted.f1 - real


def test_with_a_val_split_there_are_none_and_it_is_calibrated_there(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2))
    assert fit(tmp_path / "s", FitConfig()).folds == 0
    score_stage(tmp_path / "s", ScoreConfig())
    found = localize(tmp_path / "s", LocalizeConfig(calibrate=True))
    assert found.source == "calibrated on 5 videos of split 'val'"


def test_heads_from_elsewhere_stay_as_they_are_and_it_is_said(tmp_path: Path) -> None:
    path = made(tmp_path / "s", heads="random:2")
    facts = Store(path).artefact("scorers").facts["folds"]
    assert facts["selected_anew"] is False
    assert all(heads == facts["heads"][0] for heads in facts["heads"])
    assert any("the heads are the same in all 5 folds" in note for note in fit(path, FitConfig(heads="random:2")).notes)


@pytest.mark.parametrize("method", sorted(METHODS))
def test_every_method_is_cross_fitted(tmp_path: Path, method: str) -> None:
    options = {"epochs": 5} if method in {"steer", "constant-heads"} else {}
    path = made(tmp_path / "s", method=method, folds=2, **options)
    values = Store(path).artefact("scorers").arrays[FOLD_SCORE]
    assert len(values) == 30 * 6
    assert np.isfinite(values).all()


def test_few_videos_make_fewer_folds_then_none() -> None:
    videos = {i: i < 6 for i in range(14)}
    assert number_of_folds(videos, 5) == 3
    assert number_of_folds(videos, 2) == 2
    with pytest.raises(LabelError, match="too few labelled videos") as told:
        number_of_folds({i: i < 3 for i in range(20)}, 5)
    assert told.value.got == "3 abnormal and 17 normal"
    with pytest.raises(UsageError, match="one fold"):
        FitConfig(folds=1)


def test_too_few_are_refused_where_folds_were_asked_for_and_told_where_not(tmp_path: Path) -> None:
    rows = [row for row in without_val(16) if row.split == "train"][:6]
    make_store(tmp_path / "s", rows=rows)
    select_heads(tmp_path / "s", SelectConfig(k=2))
    with pytest.raises(LabelError, match="too few labelled videos"):
        fit(tmp_path / "s", FitConfig(folds=5))
    report = fit(tmp_path / "s", FitConfig())
    assert report.folds == 0
    assert any("no scores out of fold" in note for note in report.notes)


def test_copies_of_a_file_share_a_fold(tmp_path: Path) -> None:
    from headhunt.stages.cross_fitting import _dealt

    paths = [f"{i:02d}.mp4" for i in range(12)]
    contents = ["same" if i in {0, 7, 9} else f"own {i}" for i in range(12)]
    for seed in range(5):
        dealt = _dealt(paths, contents, {i: i % 2 == 0 for i in range(12)}, 3, seed)
        assert dealt[0] == dealt[7] == dealt[9]
        assert set(dealt) == set(range(12))


def test_damage_that_only_the_folds_meet_is_an_error_not_a_fit_without_folds(tmp_path: Path) -> None:
    """The scorer reads one prompt; selecting anew in each fold reads another, whose features are lost."""
    path = made(tmp_path / "s")
    (path / "features/heads/c/0/0/0/0/0").unlink()
    with pytest.raises(DamagedError, match="features/heads"):
        fit(path, FitConfig())
    assert fit(path, FitConfig(folds=0)).folds == 0
