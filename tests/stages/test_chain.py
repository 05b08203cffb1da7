"""Everything right of the store, one stage after the other, on features in which two heads know it all."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from headhunt import store as stores
from headhunt.errors import StaleError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import chain, make_store, manifest_rows


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


def test_what_changed_since_is_told(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=3))
    with pytest.raises(StaleError, match=r"scorers/logistic of .* was made from heads/rss[\s\S]*run `vadkit fit`"):
        score(tmp_path / "s", ScoreConfig())
    fit(tmp_path / "s", FitConfig())
    with pytest.raises(StaleError, match=r"scorers/logistic"):
        localize(tmp_path / "s", LocalizeConfig())
    score(tmp_path / "s", ScoreConfig())
    with pytest.raises(StaleError, match=r"scores/logistic"):
        evaluate(tmp_path / "s", EvaluateConfig())
    localize(tmp_path / "s", LocalizeConfig())
    evaluate(tmp_path / "s", EvaluateConfig(n_bootstrap=0))


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


def test_the_same_seed_gives_the_same_results(tmp_path: Path) -> None:
    results = []
    for name in ("one", "two"):
        make_store(tmp_path / name, strength=0.5)
        results.append(chain(tmp_path / name, "steer", epochs=50))
    assert results[0] == results[1]


def test_stages_right_of_the_store_load_no_model_and_no_decoder() -> None:
    names = ["evaluate", "fit", "inspect", "label", "localize", "score", "select_heads"]
    code = "import sys\n" + "".join(f"import headhunt.stages.{n}\n" for n in names)
    code += "print(sorted({'torch', 'transformers', 'av', 'sklearn', 'typer', 'rich'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() in {"[]", "['sklearn']"}
