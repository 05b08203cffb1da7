"""Scoring: failed rows have no score, and features of another kind are refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headhunt import store as stores
from headhunt.errors import FingerprintError
from headhunt.fingerprint import Fingerprint
from headhunt.records import ManifestRow
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.store import Store
from tests.stages.synthetic import chain, make_store, manifest_rows


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


def test_rows_added_after_scoring_leave_the_scores_fresh_and_are_told(tmp_path: Path) -> None:
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
    report = localize(tmp_path / "s", LocalizeConfig())
    assert "new.mp4" in report.unscored
    assert [note for note in report.notes if "7 segments were added" in note and "`vadkit score`" in note]
    result = evaluate(tmp_path / "s", EvaluateConfig(n_bootstrap=0))
    assert result["left_out"]["not_scored"] == ["new.mp4"]
    assert any("7 segments were added" in note for note in result["notes"])


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
