"""Labels from a manifest, joined by exact id, for videos that are in the store already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.datasets.manifest import write_manifest
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow, Segment
from headhunt.stages.label import label
from headhunt.store import PlannedVideo, Store, plan
from tests.stages.synthetic import make_store, manifest_rows


def test_labels_splits_and_events_are_taken_over_and_features_stay(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s", labelled=False)
    before = store.root["features/heads"][:].tobytes()
    rows = [replace(row, label="fire" if row.abnormal else row.label) for row in manifest_rows()]
    write_manifest([*rows, ManifestRow("elsewhere.mp4", "train", "normal", ())], tmp_path / "m.csv")
    report = label(str(tmp_path / "m.csv"), str(tmp_path / "s"))
    assert (report.labelled, report.unmatched_rows, report.unmatched_videos) == (20, ("elsewhere.mp4",), ())
    table = Store(tmp_path / "s").videos()
    assert [(p, s, c, e) for p, s, c, e in zip(table.path, table.split, table.label, table.events, strict=True)] == [
        (row.video, row.split, row.label, row.events) for row in rows
    ]
    assert Store(tmp_path / "s").root["features/heads"][:].tobytes() == before


def test_events_past_the_end_are_kept_as_given_and_told(tmp_path: Path) -> None:
    make_store(tmp_path / "s", labelled=False)
    rows = [replace(row, events=(Interval(280, 290),)) if row.abnormal else row for row in manifest_rows()]
    write_manifest(rows, tmp_path / "m.csv")
    report = label(tmp_path / "m.csv", tmp_path / "s")
    n = sum(bool(row.abnormal) for row in rows)
    assert f"{n} events end past the video, kept as given and cut at use" in report.notes[0]
    assert "(280-290 of 288 frames)" in report.notes[0]
    assert Store(tmp_path / "s").videos().events == tuple(row.events for row in rows)


@pytest.mark.parametrize("start", [288, 289, 10_000])
def test_an_event_that_begins_at_or_past_the_end_is_refused_and_changes_nothing(tmp_path: Path, start: int) -> None:
    make_store(tmp_path / "s", labelled=False)
    rows = manifest_rows()
    wrong = next(row for row in rows if row.abnormal)
    event = Interval(start, start + 10)
    write_manifest([replace(row, events=(event,)) if row is wrong else row for row in rows], tmp_path / "m.csv")
    with pytest.raises(ManifestError, match="begins at or past the end") as caught:
        label(tmp_path / "m.csv", tmp_path / "s")
    assert f"{wrong.video} ({start}-{start + 10} of 288 frames)" in str(caught.value)
    assert set(Store(tmp_path / "s").videos().label) == {""}


def test_an_event_outside_a_damaged_video_is_told_and_the_others_are_labelled(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    half = PlannedVideo(
        ManifestRow("zz.mp4"), 48, 25.0, 1.92, 1, (Segment("zz.mp4", 0, 48),), np.array([[0, 1.92]]), problem="cut off"
    )
    plan(store, [half])
    row = ManifestRow("zz.mp4", "test", "fire", (Interval(100, 120),), "fire")
    write_manifest([row, *manifest_rows()], tmp_path / "m.csv")
    report = label(tmp_path / "m.csv", tmp_path / "s")
    assert report.labelled == 21
    assert "zz.mp4 (100-120 of 48 frames)" in report.notes[0]


def test_repeated_lines_are_told(tmp_path: Path) -> None:
    make_store(tmp_path / "s", labelled=False)
    (tmp_path / "m.csv").write_text("video,split,label,events\n00.mp4,train,normal,\n00.mp4,Train,Normal,\n")
    report = label(tmp_path / "m.csv", tmp_path / "s")
    assert (report.labelled, len(report.notes)) == (1, 1)
    assert "a line repeats an earlier one" in report.notes[0]


def test_a_manifest_that_matches_nothing_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    make_store(tmp_path / "s", labelled=False)
    write_manifest([ManifestRow("videos/00.mp4", "train", "normal", ())], tmp_path / "m.csv")
    with pytest.raises(ManifestError, match=r"rows like 'videos/00\.mp4', videos like '00\.mp4'"):
        label(tmp_path / "m.csv", tmp_path / "s")
    assert set(Store(tmp_path / "s").videos().label) == {""}
    assert np.array_equal(Store(tmp_path / "s").segments().status, make_store(tmp_path / "t").segments().status)
