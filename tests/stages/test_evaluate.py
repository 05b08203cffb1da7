"""Evaluating: against the expanded frames, and what is left out is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from headhunt import events as events_noun
from headhunt import store as stores
from headhunt.errors import UsageError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.inspect import inspect
from tests.stages.synthetic import chain, make_store, manifest_rows


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
    assert result["left_out"] == {"without_label": [], "failed": ["zz.mp4"], "not_scored": [], "events_not_known": []}
    assert inspect(tmp_path / "s", verify=True)["damaged"] == []
    assert inspect(tmp_path / "s")["failed"] == [["zz.mp4", "empty"]]


def test_an_event_that_ends_past_the_video_is_cut_at_use_and_counted(tmp_path: Path) -> None:
    rows = [replace(row, events=(Interval(10, 52),)) if row.abnormal else row for row in manifest_rows()]
    store = make_store(tmp_path / "s", rows=rows, n_segments=2, short=46)
    chain(tmp_path / "s")
    assert store.videos().events[rows.index(next(r for r in rows if r.abnormal))] == (Interval(10, 52),)
    n_abnormal = sum(bool(row.abnormal) for row in rows if row.split == "test")
    assert n_abnormal > 0
    # Of 50 frames 10 to 49 are abnormal; of the 64 after padding, 10 to 51.
    for protocol, n_frames, n_positive in (("native", 50, 40), ("clip16", 64, 42), ("xd-trunc", 48, 38)):
        result = evaluate(tmp_path / "s", EvaluateConfig(protocol=protocol, n_bootstrap=0))
        assert result["counts"]["n_positive_frames"] == n_positive * n_abnormal
        assert result["counts"]["n_frames"] == n_frames * result["counts"]["n_videos"]
        assert result["events_clipped_to_the_video"] == n_abnormal
        assert result["counts"]["n_truth_events"] == n_abnormal


def test_a_video_with_an_event_outside_is_left_out_and_named_and_the_others_are_measured(tmp_path: Path) -> None:
    rows = manifest_rows()
    whole = make_store(tmp_path / "whole", rows=rows)
    expected = chain(tmp_path / "whole")
    wrong = next(i for i, row in enumerate(rows) if row.abnormal and row.split == "test")
    store = stores.write_labels(
        whole, {rows[wrong].video: replace(rows[wrong], events=(Interval(0, 5), Interval(288, 300)))}
    )
    result = evaluate(store.path, EvaluateConfig(n_bootstrap=0))
    assert result["events_outside_the_video"] == [rows[wrong].video]
    assert result["counts"]["n_videos"] == expected["counts"]["n_videos"] - 1
    assert expected["events_outside_the_video"] == []


def test_a_store_with_a_mistyped_split_is_not_measured_by_default(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    chain(tmp_path / "s")
    column = store.root["videos/split"][:].astype(object)
    column[3] = "tset"
    store.root["videos/split"][:] = column
    with pytest.raises(UsageError, match="nearly that of another"):
        evaluate(tmp_path / "s")
    assert evaluate(tmp_path / "s", EvaluateConfig(split="val", n_bootstrap=0))["split"] == "val"


def test_evaluating_what_was_fitted_on_is_told(tmp_path: Path) -> None:
    make_store(tmp_path / "split")
    assert chain(tmp_path / "split")["also_fitted_on"] == []
    rows = [replace(row, split="") for row in manifest_rows()]
    make_store(tmp_path / "whole", rows=rows)
    assert chain(tmp_path / "whole")["also_fitted_on"] == [row.video for row in rows]
