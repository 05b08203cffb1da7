"""Which rows may be learnt from, and their labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headhunt import store as stores
from headhunt.errors import LabelError, UsageError
from headhunt.records import Interval, ManifestRow
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


@pytest.mark.parametrize("word", ["test", "Test", "TEST", "testing", "test ", "tset", "Tests"])
def test_no_spelling_in_a_store_or_an_option_gets_past_the_guard(tmp_path: Path, word: str) -> None:
    store = make_store(tmp_path / "s")
    column = store.root["videos/split"][:].astype(object)
    column[[i for i, split in enumerate(column[:20]) if split == "test"]] = word
    store.root["videos/split"][:] = column
    store = stores.Store(tmp_path / "s", writable=True)
    for given in (word, "test", "testing"):
        with pytest.raises(UsageError):
            labelled_rows(store, split=given)
        with pytest.raises(UsageError):
            SelectConfig(split=given) and select_heads(tmp_path / "s", SelectConfig(split=given))
    if word == "tset":
        with pytest.raises(UsageError, match="vadkit label MANIFEST"):
            labelled_rows(store)
    else:
        assert labelled_rows(store).videos == 10


def test_what_an_earlier_version_took_as_a_label_is_read_as_it_is_meant(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    column = store.root["videos/label"][:].astype(object)
    normal = [i for i, label in enumerate(column[:20]) if label == "normal"]
    column[normal] = ["nan" if k == 0 else "Normal_Videos" for k in range(len(normal))]
    store.root["videos/label"][:] = column
    videos = stores.Store(tmp_path / "s").videos()
    assert [videos.label[i] for i in normal] == [""] + ["normal"] * (len(normal) - 1)
    assert [videos.abnormal[i] for i in normal] == [None] + [False] * (len(normal) - 1)


def test_a_video_with_an_event_outside_is_not_learnt_from_as_normal(tmp_path: Path) -> None:
    rows = manifest_rows()
    wrong = next(row for row in rows if row.abnormal and row.split == "train")
    store = make_store(tmp_path / "s", rows=rows)
    whole = labelled_rows(store)
    store = stores.write_labels(store, {wrong.video: replace(wrong, events=(Interval(288, 300),))})
    for units in ("segment", "video", "both"):
        found = labelled_rows(store, units=units)
        assert rows.index(wrong) not in found.table.video
    assert labelled_rows(store).videos == whole.videos - 1
    assert any(f"{wrong.video} (288-300 of 288 frames)" in note for note in labelled_rows(store).notes)


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
