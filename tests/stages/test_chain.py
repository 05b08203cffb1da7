"""Everything right of the store: select, fit, score, localize, evaluate, on features in which two heads know it all."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from headhunt import events as events_noun
from headhunt import store as stores
from headhunt.artefacts import references
from headhunt.errors import FingerprintError, LabelError, StaleError, UsageError
from headhunt.fingerprint import Fingerprint
from headhunt.records import Head, Interval, ManifestRow
from headhunt.saliency import SALIENCIES
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.inspect import inspect
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import KNOWING, make_store, manifest_rows


def chain(path: Path, method: str = "logistic", **options: object) -> dict:
    select_heads(path, SelectConfig(k=2))
    fit(path, FitConfig(method=method, options=options))
    score(path, ScoreConfig())
    localize(path, LocalizeConfig(calibrate=True))
    return evaluate(path, EvaluateConfig(n_bootstrap=20))


@pytest.mark.parametrize("saliency", ["rss", *SALIENCIES])
def test_every_saliency_finds_the_heads_that_know(tmp_path: Path, saliency: str) -> None:
    make_store(tmp_path / "s")
    report = select_heads(tmp_path / "s", SelectConfig(saliency=saliency, k=2), output=tmp_path / "heads.json")
    assert set(report.head_set.heads) == set(KNOWING)
    assert (report.unit, report.rows, report.videos) == ("segment", 60, 10)
    from_file = references.heads(str(tmp_path / "heads.json"), None)
    from_store = references.heads(saliency, Store(tmp_path / "s"))
    assert from_file.head_set == from_store.head_set == report.head_set
    assert (from_file.name, from_store.name) == (None, saliency)


def test_the_stored_saliencies_are_those_of_the_features(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(metric="rss", k=2))
    found = store.artefact("heads", "rss")
    rows = labelled_rows(store)
    for p in range(2):
        for layer in range(3):
            z = store.layer(rows.table.row, layer, prompt=store.prompts[p])
            for m, metric in enumerate(found.facts["metrics"]):
                np.testing.assert_allclose(found.arrays["saliency"][m, p, layer], SALIENCIES[metric](z, rows.y))
    scaled = found.arrays["saliency"]
    low, high = scaled.min(axis=(2, 3), keepdims=True), scaled.max(axis=(2, 3), keepdims=True)
    mean = ((scaled - low) / (high - low)).mean(axis=0)
    np.testing.assert_allclose(found.arrays["score"], mean.mean(axis=0) - 0.5 * mean.std(axis=0))


@pytest.mark.parametrize(
    ("method", "options"), [("logistic", {}), ("steer", {"epochs": 200}), ("svm", {}), ("mlp", {})]
)
def test_the_chain_finds_the_events(tmp_path: Path, method: str, options: dict) -> None:
    make_store(tmp_path / "s")
    result = chain(tmp_path / "s", method, **options)
    assert result["split"] == "test"
    assert result["counts"]["n_videos"] == 5
    assert result["frame"]["continuous"]["frame_auc"] > 0.95
    assert result["event"]["iou_0.3"]["event_f1"] > 0.9
    assert Store(tmp_path / "s").artefact("metrics").facts == json.loads(json.dumps(result))


def test_frame_auc_is_that_of_the_expanded_frames(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", strength=0.5)
    result = chain(tmp_path / "s")
    raw = store.artefact("scores").arrays
    truth, values = [], []
    for i, row in enumerate(manifest_rows()):
        if row.split == "test":
            mine = raw["video"] == i
            smoothed = events_noun.smooth(raw["score"][mine], sigma=result["sigma"])
            values.append(np.repeat(smoothed, 48))
            expanded = np.zeros(288)
            for event in row.events or ():
                expanded[event.start_frame : event.end_frame] = 1
            truth.append(expanded)
    expected = roc_auc_score(np.concatenate(truth), np.concatenate(values))
    assert result["frame"]["continuous"]["frame_auc"] == pytest.approx(expected, abs=1e-12)


def test_labels_of_test_videos_change_nothing_that_is_selected_fitted_or_tuned(tmp_path: Path) -> None:
    """Turn every label of the test split round: heads, scorer, smoothing and threshold stay bit for bit."""
    truth = manifest_rows()

    def turned(row: ManifestRow) -> ManifestRow:
        if row.split != "test":
            return row
        if row.abnormal:
            return ManifestRow(row.video, "test", "normal", ())
        return ManifestRow(row.video, "test", "abnormal", (Interval(0, 40),), "theft")

    made = {}
    for name, labels in (("true", truth), ("turned", [turned(row) for row in truth])):
        store = make_store(tmp_path / name, rows=truth, labelled=False)
        stores.write_labels(store, {row.video: row for row in labels})
        heads = [
            select_heads(tmp_path / name, SelectConfig(saliency=which, k=2)).head_set for which in ("rsa", "knn", "rss")
        ]
        parts = [[h.to_json() for h in heads]]
        for method, options in (("logistic", {}), ("steer", {"epochs": 30})):
            fit(tmp_path / name, FitConfig(method=method, options=options))
            artefact = Store(tmp_path / name).artefact("scorers")
            parts.append({k: v.tobytes() for k, v in artefact.arrays.items()})
            score(tmp_path / name, ScoreConfig())
            found = localize(tmp_path / name, LocalizeConfig(calibrate=True))
            parts.append((found.sigma, found.tau, found.f1, found.events))
        made[name] = parts
    assert made["true"] == made["turned"]


@pytest.mark.parametrize(
    "call",
    [
        lambda path: select_heads(path, SelectConfig(split="test")),
        lambda path: fit(path, FitConfig(split="test", heads="random:2")),
    ],
)
def test_the_test_split_cannot_be_learnt_from(tmp_path: Path, call) -> None:
    make_store(tmp_path / "s")
    with pytest.raises(UsageError, match="test videos"):
        call(tmp_path / "s")


def test_calibration_on_the_test_split_is_refused(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    with pytest.raises(UsageError, match="test videos"):
        localize(tmp_path / "s", LocalizeConfig(calibrate=True, split="test"))


def test_units_of_the_calibration_rows(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    assert labelled_rows(store).unit == "segment"
    video = labelled_rows(store, units="video")
    assert (len(video.table), video.y.tolist()) == (
        10,
        [bool(r.abnormal) for r in manifest_rows() if r.split == "train"],
    )
    assert len(labelled_rows(store, units="both").table) == 70
    only_labels = {r.video: replace(r, events=None) if r.abnormal else r for r in manifest_rows()}
    store = stores.write_labels(store, only_labels)
    assert labelled_rows(store).unit == "video"
    segments = labelled_rows(store, units="segment")
    assert segments.y.sum() == 6 * sum(bool(r.abnormal) for r in manifest_rows() if r.split == "train")


def test_a_fraction_of_the_labelled_videos_is_stratified_and_seeded(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    one, same, other = (labelled_rows(store, fraction=0.4, seed=s) for s in (0, 0, 1))
    assert one.videos == 4
    assert one.digest == same.digest != other.digest
    assert 0 < one.y.sum() < len(one.y)


def test_one_class_or_no_labels_is_an_error(tmp_path: Path) -> None:
    rows = manifest_rows()
    make_store(tmp_path / "normal", rows=[ManifestRow(r.video, r.split, "normal", ()) for r in rows])
    make_store(tmp_path / "none", labelled=False)
    for name in ("normal", "none"):
        with pytest.raises(LabelError, match="both classes"):
            select_heads(tmp_path / name, SelectConfig())


def test_failed_rows_have_no_score_and_are_counted(tmp_path: Path) -> None:
    test_video = next(i for i, r in enumerate(manifest_rows()) if r.split == "test" and r.abnormal)
    failed = tuple(range(7 * test_video, 7 * test_video + 2))
    store = make_store(tmp_path / "s", failed=failed)
    result = chain(tmp_path / "s")
    scores = store.artefact("scores").arrays
    assert np.flatnonzero(np.isnan(scores["score"])).tolist() == [6 * test_video, 6 * test_video + 1]
    assert result["segments_without_score"] == 2
    assert result["counts"]["n_excluded_frames"] == 96
    text = json.dumps(result, allow_nan=False)  # strict JSON: nothing that is not a number went in
    assert "NaN" not in text


def test_videos_that_failed_wholly_are_left_out_and_named(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    bad = stores.PlannedVideo(
        ManifestRow("zz.mp4", "test", "normal", ()),
        0,
        float("nan"),
        float("nan"),
        0,
        (),
        np.empty((0, 2)),
        problem="empty",
    )
    stores.finish(stores.plan(store, [bad]))
    result = chain(tmp_path / "s")
    assert result["left_out"] == {"without_label": [], "failed": ["zz.mp4"], "events_not_known": []}
    assert inspect(tmp_path / "s", verify=True)["damaged"] == []
    assert inspect(tmp_path / "s")["failed"] == [["zz.mp4", "empty"]]


def test_what_changed_since_is_told(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=3))
    with pytest.raises(StaleError, match=r"logistic was made by fit from heads/rss"):
        score(tmp_path / "s", ScoreConfig())
    fit(tmp_path / "s", FitConfig())
    with pytest.raises(StaleError, match=r"scorers/logistic"):
        localize(tmp_path / "s", LocalizeConfig())
    score(tmp_path / "s", ScoreConfig())
    with pytest.raises(StaleError, match=r"scores/logistic"):
        evaluate(tmp_path / "s", EvaluateConfig())
    localize(tmp_path / "s", LocalizeConfig())
    evaluate(tmp_path / "s", EvaluateConfig(n_bootstrap=0))


def test_rows_added_after_scoring_make_the_scores_stale(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    chain(tmp_path / "s")
    more = make_store(tmp_path / "other", rows=[ManifestRow("new.mp4", "test", "normal", ())])
    table = more.segments()
    planned = stores.PlannedVideo(
        ManifestRow("new.mp4", "test", "normal", ()),
        288,
        25.0,
        288 / 25,
        1,
        tuple(
            stores.writer.Segment("new.mp4", int(a), int(b))
            for a, b in zip(table.start_frame, table.end_frame, strict=True)
        ),
        np.stack([table.start_s, table.end_s], 1),
    )
    stores.plan(store, [planned])
    with pytest.raises(StaleError, match="run `vadkit score` again"):
        localize(tmp_path / "s", LocalizeConfig())


def test_scorers_and_thresholds_are_used_in_another_store(tmp_path: Path) -> None:
    make_store(tmp_path / "cal")
    select_heads(tmp_path / "cal", SelectConfig(k=2))
    fit(tmp_path / "cal", FitConfig(), output=tmp_path / "scorer")
    score(tmp_path / "cal", ScoreConfig())
    tuned = localize(tmp_path / "cal", LocalizeConfig(calibrate=True))
    test_rows = [r for r in manifest_rows() if r.split == "test"]
    make_store(tmp_path / "test", rows=test_rows)
    score(tmp_path / "test", ScoreConfig(origin=str(tmp_path / "cal")))
    by_store = Store(tmp_path / "test").artefact("scores").arrays["score"]
    score(tmp_path / "test", ScoreConfig(scorer=str(tmp_path / "scorer.json")))
    np.testing.assert_array_equal(Store(tmp_path / "test").artefact("scores").arrays["score"], by_store)
    found = localize(tmp_path / "test", LocalizeConfig(origin=str(tmp_path / "cal")))
    assert (found.sigma, found.tau, found.f1) == (tuned.sigma, tuned.tau, tuned.f1)
    assert evaluate(tmp_path / "test", EvaluateConfig(n_bootstrap=0))["counts"]["n_videos"] == 5


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weights": "sha256:9"}, "weights"),
        ({"dtype": "bfloat16"}, "dtype"),
        ({"prompts": [{"id": "coarse", "text": "Another?"}]}, "prompt"),
        ({"sampling": {"length": 48, "stride": 48, "n_frames": 8, "tail": "keep"}}, "n_frames"),
    ],
)
def test_a_scorer_refuses_features_of_another_kind(tmp_path: Path, change: dict, word: str) -> None:
    make_store(tmp_path / "cal")
    chain(tmp_path / "cal")
    other = stores.create(
        tmp_path / "other",
        fingerprint=Fingerprint.from_json(Store(tmp_path / "cal").fingerprint.to_json() | change),
        spec=Store(tmp_path / "cal").spec,
        info={},
    )
    stores.plan(other, [])
    with pytest.raises(FingerprintError, match=word):
        score(tmp_path / "other", ScoreConfig(origin=str(tmp_path / "cal")))


def test_events_are_written_with_frames_and_seconds(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    config = LocalizeConfig(sigma=0.5, tau=0.4)
    report = localize(tmp_path / "s", config, output=tmp_path / "events.json")
    localize(tmp_path / "s", config, output=tmp_path / "events.csv")
    data = json.loads((tmp_path / "events.json").read_text())
    assert (data["format"], data["version"], data["tau"]) == ("headhunt-events", 1, report.tau)
    rows = list(csv.DictReader(io.StringIO((tmp_path / "events.csv").read_text())))
    assert len(rows) == len(data["events"]) == len(report.events) > 0
    for row, event in zip(rows, report.events, strict=True):
        assert row["video"] == event.video
        assert float(row["start_s"]) == pytest.approx(event.start_frame / 25)
        assert float(row["end_s"]) == pytest.approx(event.end_frame / 25)


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


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        make_store(tmp_path / name, strength=0.5)
        results.append(chain(tmp_path / name, "steer", epochs=50))
    assert results[0] == results[1]


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


def test_stages_right_of_the_store_load_no_model_and_no_decoder() -> None:
    names = ["evaluate", "fit", "inspect", "label", "localize", "score", "select_heads"]
    code = "import sys\n" + "".join(f"import headhunt.stages.{n}\n" for n in names)
    code += "print(sorted({'torch', 'transformers', 'av', 'sklearn', 'typer', 'rich'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() in {"[]", "['sklearn']"}


def test_head_order_is_rank_order(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=12))
    found = store.artefact("heads", "rss")
    scores = found.facts["head_set"]["scores"]
    assert scores == sorted(scores, reverse=True)
    order = [Head(*pair) for pair in found.facts["head_set"]["heads"]]
    assert [float(found.arrays["score"][h.layer, h.head]) for h in order] == scores


def test_evaluating_what_was_fitted_on_is_told(tmp_path: Path) -> None:
    make_store(tmp_path / "split")
    assert chain(tmp_path / "split")["also_fitted_on"] == []
    rows = [replace(row, split="") for row in manifest_rows()]
    make_store(tmp_path / "whole", rows=rows)
    assert chain(tmp_path / "whole")["also_fitted_on"] == [row.video for row in rows]
