"""Which videos something was learnt from: by content where it is known, else by id."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from headhunt.artefacts import calibrations, head_sets, scorers, scores, seen
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import make_store, manifest_rows


def of_split(split: str) -> list[str]:
    return [row.video for row in manifest_rows() if row.split == split]


@dataclass(frozen=True)
class Table:
    path: tuple[str, ...]
    digest: tuple[str, ...]


def test_pairs_hold_the_digest_where_the_store_has_one(tmp_path: Path) -> None:
    assert seen.seen(Table(("b", "a"), ("2", "1")), [0, 1, 0]) == (("a", "1"), ("b", "2"))  # type: ignore[arg-type]
    plain = make_store(tmp_path / "s").videos()
    assert [name for name, _ in seen.seen(plain, [1, 0])] == ["00.mp4", "01.mp4"]


@pytest.mark.parametrize(
    ("then", "now", "again"),
    [
        (("a.mp4", ""), ("a.mp4", ""), True),
        (("a.mp4", "1"), ("renamed.mp4", "1"), True),
        (("a.mp4", "1"), ("a.mp4", "2"), False),
        (("a.mp4", "1"), ("a.mp4", ""), True),
        (("a.mp4", ""), ("a.mp4", "1"), True),
        (("a.mp4", ""), ("b.mp4", ""), False),
        (("a.mp4", "1"), ("b.mp4", ""), False),
    ],
)
def test_a_file_is_known_by_its_content_and_by_its_id_where_that_is_not_known(
    then: seen.Seen, now: seen.Seen, again: bool
) -> None:
    assert seen.again([then], [now]) == ([now[0]] if again else [])


def test_what_is_no_list_of_pairs_is_left_out() -> None:
    assert seen.of_json([["a", "1"], ["b"], "cd", ["e", 1], None]) == (("a", "1"),)
    assert seen.of_json(None) == seen.of_json(3) == seen.of_json({"a": "1"}) == ()


def test_the_videos_of_selection_fit_and_calibration_are_named(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = make_store(path)
    select_heads(path, SelectConfig(k=2, split="val"), output=tmp_path / "heads.json")
    fit(path, FitConfig(heads=str(tmp_path / "heads.json")), output=tmp_path / "scorer.json")
    score(path, ScoreConfig(scorer=str(tmp_path / "scorer.json")))
    localize(path, LocalizeConfig(tau=0.5))
    # The heads came from val through one file and the scorer through another.
    assert evaluate(path, EvaluateConfig(split="val", n_bootstrap=0))["also_fitted_on"] == of_split("val")
    assert evaluate(path, EvaluateConfig(split="train", n_bootstrap=0))["also_fitted_on"] == of_split("train")
    assert evaluate(path, EvaluateConfig(split="test", n_bootstrap=0))["also_fitted_on"] == []
    assert scores.fitted_on(store.artefact("scores")) == tuple(of_split("train"))


def test_the_videos_of_a_calibration_elsewhere_are_named(tmp_path: Path) -> None:
    for name in ("one", "other"):
        make_store(tmp_path / name)
    for stage in (lambda p: select_heads(p, SelectConfig(k=2)), fit, score):
        stage(tmp_path / "one")
    localize(tmp_path / "one", LocalizeConfig(calibrate=True))
    score(tmp_path / "other", ScoreConfig(origin=str(tmp_path / "one")))
    localize(tmp_path / "other", LocalizeConfig(origin=str(tmp_path / "one")))
    found = evaluate(tmp_path / "other", EvaluateConfig(split="val", n_bootstrap=0))
    assert found["also_fitted_on"] == of_split("val")
    assert "calibrated_on" not in calibrations.of(Store(tmp_path / "other").artefact("events")).to_json()


def test_what_an_earlier_version_did_not_say_is_not_known(tmp_path: Path) -> None:
    path = tmp_path / "s"
    store = make_store(path)
    select_heads(path, SelectConfig(k=2))
    fit(path)
    score(path)
    found = store.artefact("scores")
    del found.facts["learnt_from"]
    assert scores.learnt_from(found) == tuple((name, "") for name in of_split("train"))
    heads = head_sets.of(store.artefact("heads"))
    del heads.provenance["learnt_from"]  # type: ignore[attr-defined]
    assert head_sets.learnt_from(heads) == ()
    assert scorers.FittedOn.of(scorers.of(store.artefact("scorers"))).videos == tuple(of_split("train"))
