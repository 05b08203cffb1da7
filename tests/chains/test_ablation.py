"""The rows of the example's table on a made-up store: what each measures, and that no test label reaches a choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from headhunt import store as stores
from headhunt.chains import ablation
from headhunt.chains.ablation import HEADHUNT, RANDOM, Row, measure
from headhunt.configs import SelectConfig
from headhunt.errors import HeadhuntError
from headhunt.records import HeadSet, ManifestRow
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from tests.stages.synthetic import KNOWING, make_store, manifest_rows

# The store of made-up features has 3 layers of 4 heads and two prompts, one of them "coarse".
WORDS = ("HeadHunt-VAD:", "SteerVAD: 4", "  5 random", "layer", "coarse", "threshold", "whole videos")
ROWS = tuple(row for row in ablation.ROWS if any(word in row.name for word in WORDS))
TEST = [row.video for row in manifest_rows(40) if row.split == "test"]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ablation.Result], dict[str, HeadSet]]:
    path = tmp_path_factory.mktemp("example") / "s"
    make_store(path, rows=manifest_rows(40), strength=1.0)
    few = [replace(row, options={**row.options, "epochs": 5}) if row.method == "steer" else row for row in ROWS]
    return path, *ablation.measure(path, few, seed=0, look_alikes=TEST[:6])


def test_every_ablation_that_the_papers_report_has_a_row() -> None:
    names = [row.name.strip() for row in ablation.ROWS]
    assert len(set(names)) == len({row.artefact for row in ablation.ROWS}) == len(names)
    said = " | ".join(names)
    for word in (
        "HeadHunt-VAD", "SteerVAD", "linear SVM", "MLP", "5 random heads", "last layer", "best layer", "lda", "kl",
        "mmd", "nmi", "rsa", "silhouette", "knn", "coarse", "detailed", "no smoothing", "0.25", "0.5", "0.65", "0.75",
        "whole videos", "no gate", "additive", "static", "linear probe", "4 random heads",
    ):  # fmt: skip
        assert word in said
    assert {row.options.get("variant") for row in ablation.ROWS} >= {"no-gate", "additive", "static", "linear"}


def test_rows_with_the_heads_that_know_beat_those_without(
    measured: tuple[Path, list[ablation.Result], dict[str, HeadSet]],
) -> None:
    _, results, chosen = measured
    assert [r.name for r in results] == [row.name for row in ROWS]
    auc = {r.name.strip(): r.figures["auc"] for r in results}
    assert set(KNOWING) <= set(chosen["rss-5"].heads)
    assert auc["HeadHunt-VAD: 5 heads by RSS, logistic"] > 0.8
    assert auc["HeadHunt-VAD: 5 heads by RSS, logistic"] > auc["5 random heads"] + 0.05
    assert all(set(r.figures) == set(ablation.FIGURES) for r in results)
    single = [r for r, row in zip(results, ROWS, strict=True) if not str(row.heads).startswith("random")]
    assert all(r.interval is not None and r.interval[0] <= r.figures["auc"] <= r.interval[1] for r in single)
    assert all(r.interval is None for r in results if r not in single)


def test_fixed_thresholds_change_events_and_gated_scores_only(
    measured: tuple[Path, list[ablation.Result], dict[str, HeadSet]],
) -> None:
    fixed = [r for r in measured[1] if "threshold fixed" in r.name]
    assert len(fixed) == 4
    assert len({r.figures["auc"] for r in fixed}) == 1
    assert len({r.figures["auc_gated"] for r in fixed}) > 1


def test_what_rows_share_is_fitted_once_and_measured_as_alone(tmp_path: Path) -> None:
    made = make_store(tmp_path / "s", rows=manifest_rows(40), strength=1.0).path
    rows = [r for r in ablation.ROWS if r.heads == ablation.RSS and r.method == "logistic"]
    together, _ = ablation.measure(made, rows, seed=0, look_alikes=TEST[:6])
    assert len(rows) > 4
    assert stores.Store(made).names("scorers") == (rows[0].artefact,)
    assert set(stores.Store(made).names("events")) == {row.artefact for row in rows}
    other = make_store(tmp_path / "other", rows=manifest_rows(40), strength=1.0).path
    for row, found in list(zip(rows, together, strict=True))[-1:]:
        assert ablation.measure(other, [row], seed=0, look_alikes=TEST[:6])[0] == [found]
    assert stores.Store(other).names("scorers") == (rows[-1].artefact,)


def test_labels_of_test_videos_change_no_choice(
    tmp_path: Path, measured: tuple[Path, list[ablation.Result], dict[str, HeadSet]]
) -> None:
    _, results, chosen = measured
    other = make_store(tmp_path / "s", rows=manifest_rows(40), strength=1.0)
    turned = {
        row.video: ManifestRow(row.video, "test", "abnormal" if row.label == "normal" else "normal", (), "")
        for row in manifest_rows(40)
        if row.split == "test"
    }
    turned = {
        video: replace(row, events=manifest_rows(40)[4].events if row.label == "abnormal" else ())
        for video, row in turned.items()
    }
    stores.write_labels(other, turned)
    rows = [row for row in ROWS if row.method == "logistic" and row.tau is None]
    again, chosen_again = ablation.measure(tmp_path / "s", rows, seed=0, look_alikes=TEST[:6])
    for name, heads in chosen_again.items():
        assert heads.heads == chosen[name].heads
        assert heads.scores == chosen[name].scores
    before = {r.name: r.figures["auc"] for r in results}
    assert any(r.figures["auc"] != before[r.name] for r in again)  # the labels did change


def test_random_rows_are_means_over_draws_that_follow_from_the_seed(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    row = ablation.Row("random", "random:2")
    tests = [r.video for r in manifest_rows() if r.split == "test"]
    first, again, other = (
        ablation.measure(tmp_path / "s", [row], seed=seed, look_alikes=tests)[0][0].figures for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


def test_only_some_videos_can_be_evaluated(measured: tuple[Path, list[ablation.Result], dict[str, HeadSet]]) -> None:
    from headhunt.errors import UsageError

    path = measured[0]
    result = evaluate(path, EvaluateConfig(videos=tuple(TEST[:3]), n_bootstrap=0))
    assert result["counts"]["n_videos"] == 3
    with pytest.raises(UsageError, match="1 of the videos to evaluate are not in the split 'test'"):
        evaluate(path, EvaluateConfig(videos=(TEST[0], "00.mp4")))


@pytest.mark.parametrize(
    ("rows", "look_alikes", "says"),
    [
        ((HEADHUNT, HEADHUNT), [], "under one name"),
        ((HEADHUNT,), ["nosuch.mp4"], "look-alikes are not in the split"),
        ((HEADHUNT, replace(RANDOM, heads="random:many")), [], "random:many"),
        ((HEADHUNT, replace(RANDOM, heads="random:99")), [], "99"),
        ((HEADHUNT, replace(RANDOM, heads="layer:99")), [], "no layer 99"),
        ((HEADHUNT, replace(RANDOM, method="forest")), [], "unknown value of --method"),
        ((HEADHUNT, replace(RANDOM, options={"epochs": 3})), [], "--epochs does not belong to logistic"),
        ((HEADHUNT, replace(RANDOM, prompt="nosuch")), [], "no prompt 'nosuch'"),
        ((HEADHUNT, replace(RANDOM, heads=SelectConfig(prompt_ids=("nosuch",), name="x"))), [], "no prompt 'nosuch'"),
        ((HEADHUNT, replace(RANDOM, name="!")), [], "no result can have this name"),
    ],
    ids=range(10),
)
def test_a_row_that_cannot_be_had_is_refused_before_the_first_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: tuple[Row, ...], look_alikes: list[str], says: str
) -> None:
    def measured(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("a row was measured")

    make_store(tmp_path / "s")
    monkeypatch.setattr("headhunt.chains.ablation.select_heads", measured)
    with pytest.raises(HeadhuntError, match=says):
        measure(tmp_path / "s", rows, seed=0, look_alikes=look_alikes)
