"""Localizing: events in frames and seconds, and what they are calibrated on."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts import scores
from headhunt.errors import UsageError
from headhunt.records import Interval
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.store import write_labels
from tests.stages.synthetic import chain, make_store, manifest_rows


def test_calibration_on_the_test_split_is_refused(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    with pytest.raises(UsageError, match="test videos"):
        localize(tmp_path / "s", LocalizeConfig(calibrate=True, split="test"))


def test_a_calibration_that_finds_nothing_says_so(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    chain(tmp_path / "s")
    # Scores below the lowest threshold that is tried: nothing is ever found.
    low = store.artefact("scores")
    place = tmp_path / "s" / "scores" / low.name
    scores.write(
        store, low.name, store.segments().of_unit("segment"), np.full(len(low.arrays["score"]), 0.01),
        scorer=low.facts["scorer"], method="logistic", prompt=low.facts["prompt"],
        fitted_on=(), learnt_from=(), config=low.made_by["config"],
        inputs={k: v for k, v in low.made_by["inputs"].items() if k != "rows"},
    )  # fmt: skip
    assert place.is_dir()
    report = localize(tmp_path / "s", LocalizeConfig(calibrate=True))
    assert (report.f1, report.events) == (0.0, ())
    assert any("F1 is 0" in note for note in report.notes)


def test_events_outside_their_videos_are_not_calibrated_on(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    chain(tmp_path / "s")
    wrong = next(row for row in manifest_rows() if row.abnormal and row.split == "val")
    write_labels(store, {wrong.video: replace(wrong, events=(Interval(300, 310),))})
    report = localize(tmp_path / "s", LocalizeConfig(calibrate=True))
    assert any(f"{wrong.video} (300-310 of 288 frames)" in note for note in report.notes)
    assert "calibrated on 4 videos" in report.source


@pytest.mark.parametrize(
    ("tau", "says"),
    [(65, "did you mean 0.65?"), (80.5, "did you mean 0.805?"), (1.5, "between 0 and 1"), (-0.1, "at least 0"),
     (float("nan"), "out of range")],
)  # fmt: skip
def test_a_threshold_that_no_score_can_have_is_refused(tau: float, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        LocalizeConfig(tau=tau)
    assert says in str(caught.value)


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
