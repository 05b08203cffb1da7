"""Labels from a manifest, joined by exact id, for videos that are in the store already."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.datasets.manifest import write_manifest
from headhunt.errors import ManifestError
from headhunt.records import ManifestRow
from headhunt.stages.label import label
from headhunt.store import Store
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


def test_a_manifest_that_matches_nothing_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    make_store(tmp_path / "s", labelled=False)
    write_manifest([ManifestRow("videos/00.mp4", "train", "normal", ())], tmp_path / "m.csv")
    with pytest.raises(ManifestError, match=r"rows like 'videos/00\.mp4', videos like '00\.mp4'"):
        label(tmp_path / "m.csv", tmp_path / "s")
    assert set(Store(tmp_path / "s").videos().label) == {""}
    assert np.array_equal(Store(tmp_path / "s").segments().status, make_store(tmp_path / "t").segments().status)
