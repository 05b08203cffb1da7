from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.datasets.avenue import avenue
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.manifest import make_manifest
from tests import made_labels, made_videos

LABELS = "ground_truth_demo/testing_label_mask"


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("Avenue Dataset/training_videos", "Avenue Dataset/testing_videos"),
        ("train", "test"),
        ("training/v", "Testing/v"),
    ],
)
def test_folders_and_masks_make_the_rows(tmp_path: Path, train: str, test: str) -> None:
    root = tree(tmp_path, f"{train}/01.avi", f"{test}/01.avi", f"{test}/02.avi", f"{test}/10.avi", f"{test}/notes.avi")
    for number, labels in ((1, [0, 1, 1]), (2, [0, 0]), (3, [1])):
        made_labels.cell_file(root / f"{LABELS}/{number}_label.mat", labels)
    reading = avenue(root)
    assert set(reading.rows) == {
        ManifestRow(f"{train}/01.avi", "train", "normal", ()),
        ManifestRow(f"{test}/01.avi", "test", "abnormal", (Interval(1, 3),)),
        ManifestRow(f"{test}/02.avi", "test", "normal", ()),
    }
    assert reading.unmatched_rows == (ManifestRow("03", "test", "abnormal", (Interval(0, 1),)),)
    assert set(reading.unmatched_videos) == {f"{test}/10.avi", f"{test}/notes.avi"}
    assert f"left out, of the test part without labels: 1 ({test}/10.avi)" in reading.notes


def test_the_name_of_the_root_says_the_part(tmp_path: Path) -> None:
    made_labels.cell_file(tmp_path / "labels/1_label.mat", [1])
    for name, label in (("training_videos", "normal"), ("testing_videos", "abnormal")):
        reading = avenue(tree(tmp_path / name, "01.avi"), annotations=tmp_path / "labels")
        assert [row.label for row in reading.rows] == [label]
    reading = avenue(tree(tmp_path / "videos", "01.avi"), annotations=tmp_path / "labels")
    assert reading.rows == ()
    assert "left out, in no folder called training or testing: 1 (01.avi)" in reading.notes


def test_copies_in_the_archive_of_masks_are_no_second_videos(tmp_path: Path) -> None:
    root = tree(tmp_path, "testing_videos/01.avi", "ground_truth_demo/testing_videos/01.avi")
    made_labels.cell_file(root / f"{LABELS}/1_label.mat", [1])
    assert [row.video for row in avenue(root).rows] == ["testing_videos/01.avi"]


def test_a_video_and_its_frames_are_refused_together(tmp_path: Path) -> None:
    root = tree(tmp_path, "testing/videos/01.avi")
    made_labels.frame_folder(root / "testing/frames/01", 3, ".jpg")
    made_labels.cell_file(root / f"{LABELS}/1_label.mat", [0, 1, 0])
    with pytest.raises(ManifestError, match="2 videos could be '01' of the test part"):
        avenue(root)
    assert [row.video for row in avenue(root / "testing/frames", annotations=root / LABELS).rows] == []
    (root / "testing/videos/01.avi").unlink()
    assert [row.video for row in avenue(root).rows] == ["testing/frames/01"]


def test_no_labels_and_labels_that_stand_twice_are_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, "testing_videos/01.avi")
    with pytest.raises(ManifestError, match="no label of Avenue"):
        avenue(root)
    for name in ("1", "01"):
        made_labels.cell_file(root / f"{name}_label.mat", [1])
    with pytest.raises(ManifestError, match="two label files of test video 01"):
        avenue(root)


def test_frames_of_a_video_file_are_counted_against_its_masks(tmp_path: Path) -> None:
    for number in (1, 2):
        path = tmp_path / f"testing_videos/{number:02d}.avi"
        path.parent.mkdir(exist_ok=True)
        made_videos.write_video(path, 5)
    (tmp_path / "testing_videos/03.avi").write_bytes(b"no video")
    for number, n in ((1, 5), (2, 6), (3, 1)):
        made_labels.cell_file(tmp_path / f"labels/{number}_label.mat", [1] * n)
    reading, _ = make_manifest("avenue", tmp_path)
    told = " ".join(reading.notes)
    assert "1 (testing_videos/02.avi has 5 frames and 6 labels)" in told
    assert "could not be counted against the labels: 1 (testing_videos/03.avi: " in told
