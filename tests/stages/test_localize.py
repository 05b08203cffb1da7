"""Localizing: events in frames and seconds, and what they are calibrated on."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from headhunt.errors import UsageError
from headhunt.stages.localize import LocalizeConfig, localize
from tests.stages.synthetic import chain, make_store


def test_calibration_on_the_test_split_is_refused(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    with pytest.raises(UsageError, match="test videos"):
        localize(tmp_path / "s", LocalizeConfig(calibrate=True, split="test"))


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
