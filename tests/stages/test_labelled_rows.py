"""Which rows may be learnt from, and their labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headhunt import store as stores
from headhunt.errors import LabelError, UsageError
from headhunt.records import ManifestRow
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.stages.select_heads import SelectConfig, select_heads
from tests.stages.synthetic import make_store, manifest_rows


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
