from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.datasets.msad import ANNOTATIONS, COLUMNS, TEST_LIST, TRAIN_LIST, msad
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

TRAIN, TEST = "MSAD_normal_training_blur/office/office_1.mp4", "MSAD_normal_testing_blur/MSAD_normal_testing_3.mp4"
ASSAULT, ACCIDENT = (
    "MSAD_anomaly_blur/Assault/Assault_1.mp4",
    "MSAD_anomaly_blur/Traffic_accident/Traffic_accident_3.mp4",
)
ROWS = ("Assault_1,shop,426,55,426", "Traffic_accident_3,road,90,1,30")


def data(root: Path, *rows: str, header: str = ",".join(COLUMNS)) -> Path:
    for name in (TRAIN, TEST, ASSAULT, ACCIDENT):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    (root / ANNOTATIONS).write_text("\n".join([header, *(rows or ROWS)]))
    return root


def lists(root: Path, train: list[str], test: list[str]) -> Path:
    (root / TRAIN_LIST).write_text("\n".join(train))
    (root / TEST_LIST).write_text("\n".join(test))
    return root


def test_frames_count_from_1_and_include_the_last_and_folders_say_the_split(tmp_path: Path) -> None:
    reading = msad(data(tmp_path, *ROWS, "Assault_9,shop,10,2,5"))
    assert set(reading.rows) == {
        ManifestRow(ASSAULT, "test", "abnormal", (Interval(54, 426),), "Assault"),
        ManifestRow(ACCIDENT, "test", "abnormal", (Interval(0, 30),), "Traffic_accident"),
        ManifestRow(TEST, "test", "normal", ()),
        ManifestRow(TRAIN, "train", "normal", ()),
    }
    assert reading.frames == {ASSAULT: 426, ACCIDENT: 90}
    assert reading.unmatched_rows == (ManifestRow("Assault_9", "test", "abnormal", (Interval(1, 5),), "Assault"),)


def test_lists_decide_the_split_and_are_complete(tmp_path: Path) -> None:
    root = lists(
        data(tmp_path),
        ["/data/MSAD_I3D/office_1_i3d.npy", "/data/MSAD_I3D/Assault_1_i3d.npy"],
        ["MSAD_normal_testing_3_i3d.npy", "MSAD_normal_testing_4_i3d.npy"],
    )
    reading = msad(root)
    assert {row.video: row.split for row in reading.rows} == {ASSAULT: "train", TRAIN: "train", TEST: "test"}
    assert [row.video for row in reading.unmatched_rows] == ["MSAD_normal_testing_4"]
    assert reading.unmatched_videos == (ACCIDENT,)
    assert f"in {ANNOTATIONS} but in no list, left out: 1 (Traffic_accident_3)" in reading.notes


def test_lists_are_looked_for_beside_the_table(tmp_path: Path) -> None:
    root = data(tmp_path / "videos")
    (tmp_path / "labels").mkdir()
    (root / ANNOTATIONS).rename(tmp_path / "labels" / ANNOTATIONS)
    lists(tmp_path / "labels", ["Assault_1"], ["MSAD_normal_testing_3"])
    for place in ("labels", f"labels/{ANNOTATIONS}"):
        reading = msad(root, annotations=tmp_path / place)
        assert {row.video: row.split for row in reading.rows} == {ASSAULT: "train", TEST: "test"}


def test_a_video_that_nothing_calls_normal_is_left_out_and_told(tmp_path: Path) -> None:
    root = data(tmp_path, ROWS[0])
    reading = msad(root)
    assert reading.unmatched_videos == (ACCIDENT,)
    assert f"neither in {ANNOTATIONS} nor called MSAD_normal, left out: 1 ({ACCIDENT})" in reading.notes


def test_several_rows_of_a_video_are_its_events(tmp_path: Path) -> None:
    reading = msad(data(tmp_path, "Assault_1,shop,426,100,200", "Assault_1,shop,426,5,9", "Assault_1,shop,426,5,9"))
    assert [row.events for row in reading.rows if row.video == ASSAULT] == [(Interval(4, 9), Interval(99, 200))]


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("Assault_1,shop,426,x,5", r"line 3: malformed"),
        ("Assault_1,shop,426,0,5", r"line 3: malformed"),
        ("Assault_1,shop,426,9,5", "Assault_1: an interval"),
        ("Assault_1,shop,426,9", r"line 3: wrong number of fields"),
        (",shop,426,9,10", r"line 3: malformed"),
        ("Traffic_accident_3,road,91,40,50", "another number of frames"),
        ("Traffic_accident_3,road,90,20,50", "overlap"),
        ("office_1,office,90,20,50", "called normal but has an event"),
    ],
)
def test_a_bad_row_is_refused(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        msad(data(tmp_path, ROWS[1], row))


def test_a_table_that_is_missing_or_of_other_columns_and_half_a_split_are_refused(tmp_path: Path) -> None:
    root = data(tmp_path, header="name,scenario,frames,start,end")
    with pytest.raises(ManifestError, match="missing column total frames"):
        msad(root)
    (lists(data(root), ["Assault_1"], ["Assault_1"]) / TRAIN_LIST).unlink()
    with pytest.raises(ManifestError, match="one list of MSAD"):
        msad(root)
    with pytest.raises(ManifestError, match="listed twice"):
        msad(lists(root, ["Assault_1.mp4"], ["Assault_1_i3d.npy"]))
    (root / ANNOTATIONS).unlink()
    with pytest.raises(ManifestError, match="no anomaly_annotation"):
        msad(root)
