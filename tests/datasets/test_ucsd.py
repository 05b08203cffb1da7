from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.datasets.manifest import read_manifest
from headhunt.datasets.ucsd import ucsd
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.manifest import make_manifest
from tests import made_labels

PED2 = ["61:180", "95:180", "1:146", "31:180", "1:129", "1:159", "46:180", "1:180", "1:120", "1:150", "1:180", "88:180"]


def lines(path: Path, *ranges: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("TestVideoFile = {};\n" + "".join(f"TestVideoFile{{end+1}}.gt_frame = [{r}];\n" for r in ranges))
    return path


def part(root: Path, test: int = 2, n: int = 4) -> Path:
    made_labels.frame_folder(root / "Train/Train001", n)
    for number in range(1, test + 1):
        made_labels.frame_folder(root / f"Test/Test{number:03d}", n)
    return root


def test_masks_beside_the_frames_make_the_rows(tmp_path: Path) -> None:
    root = part(tmp_path / "UCSDped2")
    made_labels.mask_folder(root / "Test/Test001_gt", [0, 1, 1, 0])
    made_labels.mask_folder(root / "Test/Test002_gt", [0, 0, 0, 0])
    made_labels.mask_folder(root / "Test/Test003_gt", [1])
    reading = ucsd(root)
    assert reading.rows == (
        ManifestRow("Test/Test001", "test", "abnormal", (Interval(1, 3),)),
        ManifestRow("Test/Test002", "test", "normal", ()),
        ManifestRow("Train/Train001", "train", "normal", ()),
    )
    assert reading.unmatched_rows == (ManifestRow("ped2/Test003", "test", "abnormal", (Interval(0, 1),)),)
    assert reading.unmatched_videos == ()  # folders of masks are no videos
    assert reading.frames == {"Test/Test001": 4, "Test/Test002": 4}


def test_lines_count_from_1_and_include_the_last_frame(tmp_path: Path) -> None:
    root = part(tmp_path / "UCSDped1", test=4)
    lines(root / "Test/UCSDped1.m", "1:2, 4:4", "3", "1:1 3:4", "")
    assert [row.events for row in ucsd(root).rows if row.split == "test"] == [
        (Interval(0, 2), Interval(3, 4)),
        (Interval(2, 3),),
        (Interval(0, 1), Interval(2, 4)),
        (),
    ]


def test_a_test_video_without_labels_is_left_out_and_told(tmp_path: Path) -> None:
    root = part(tmp_path / "ped1")
    made_labels.mask_folder(root / "Test/Test001_gt", [1])
    reading = ucsd(root)
    assert reading.unmatched_videos == ("Test/Test002",)
    assert "left out, of the test part without labels: 1 (Test/Test002)" in reading.notes


def test_masks_go_before_lines_and_a_difference_is_told(tmp_path: Path) -> None:
    root = part(tmp_path / "UCSDped1")
    made_labels.mask_folder(root / "Test/Test001_gt", [0, 1, 1, 0])
    lines(root / "Test/UCSDped1.m", "2:4", "1:2")
    reading = ucsd(root)
    assert [row.events for row in reading.rows[:2]] == [(Interval(1, 3),), (Interval(0, 2),)]
    assert "labels from masks: 1, from lines of .m files: 1" in reading.notes
    assert "masks and .m file differ, the masks are taken: ped1/Test001" in reading.notes
    lines(root / "Test/UCSDped1.m", "2:3", "1:2")
    assert not any("differ" in note for note in ucsd(root).notes)


def test_both_sets_below_one_root_are_told_apart(tmp_path: Path) -> None:
    root = tmp_path / "UCSD_Anomaly_Dataset.v1p2"
    for name in ("ped1", "ped2"):
        part(root / f"UCSD{name}", test=1)
    lines(root / "UCSDped1/Test/UCSDped1.m", "1:2")
    made_labels.mask_folder(root / "UCSDped2/Test/Test001_gt", [0, 0, 1, 1])
    assert {row.video: row.events for row in ucsd(root).rows} == {
        "UCSDped1/Test/Test001": (Interval(0, 2),),
        "UCSDped1/Train/Train001": (),
        "UCSDped2/Test/Test001": (Interval(2, 4),),
        "UCSDped2/Train/Train001": (),
    }


@pytest.mark.parametrize("folder", ["videos", "ped2"])
def test_what_nobody_names_is_of_the_only_set_that_is_named(tmp_path: Path, folder: str) -> None:
    root = part(tmp_path / folder, test=2)
    lines(tmp_path / "labels/UCSDped2.m", "1:2", "3:4")
    made_labels.mask_folder(tmp_path / "labels/Test002_gt", [0, 0, 1, 1])
    tests = [row.events for row in ucsd(root, annotations=tmp_path / "labels").rows if row.split == "test"]
    assert tests == [(Interval(0, 2),), (Interval(2, 4),)]
    (tmp_path / "labels/UCSDped2.m").unlink()
    assert len(ucsd(root, annotations=tmp_path / "labels").rows) == 2


def test_masks_that_may_be_of_either_set_are_refused(tmp_path: Path) -> None:
    root = part(tmp_path / "videos")
    lines(root / "UCSDped1.m", "1:2")
    lines(root / "UCSDped2.m", "1:2")
    made_labels.mask_folder(root / "Test/Test001_gt", [1])
    with pytest.raises(ManifestError, match="nothing says whether"):
        ucsd(root)


@pytest.mark.parametrize("line", ["gt_frame = [1:2];", "TestVideoFile{end+1}.gt_frame = [1:b];", "x", "1:2"])
def test_a_bad_line_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    root = part(tmp_path / "ped1")
    text = lines(root / "UCSDped1.m", "1:2").read_text()
    (root / "UCSDped1.m").write_text(f"{text}% a comment\n{line}\n")
    with pytest.raises(ManifestError, match=r"UCSDped1\.m, line 4: "):
        ucsd(root)


@pytest.mark.parametrize("ranges", ["0:3", "5:3", "1:4, 3:6"])
def test_impossible_ranges_are_refused(tmp_path: Path, ranges: str) -> None:
    root = part(tmp_path / "ped1")
    lines(root / "UCSDped1.m", ranges)
    with pytest.raises(ManifestError, match=r"UCSDped1\.m, line 2: "):
        ucsd(root)


def test_nothing_to_label_with_and_labels_that_stand_twice_are_refused(tmp_path: Path) -> None:
    root = part(tmp_path / "ped1")
    with pytest.raises(ManifestError, match="no label of UCSD"):
        ucsd(root)
    for name in ("a", "b"):
        made_labels.mask_folder(root / name / "Test001_gt", [1])
    with pytest.raises(ManifestError, match="stand twice"):
        ucsd(root)


def test_another_number_of_masks_than_frames_is_told(tmp_path: Path) -> None:
    root = part(tmp_path / "ped2", test=2)
    made_labels.mask_folder(root / "Test/Test001_gt", [0, 1, 1, 0])
    made_labels.mask_folder(root / "Test/Test002_gt", [0, 1, 1])
    reading, _ = make_manifest("ucsd", root)
    told = [note for note in reading.notes if "labels as frames" in note]
    assert len(told) == 1
    assert told[0].endswith("1 (Test/Test002 has 4 frames and 3 labels)")


@pytest.mark.real_data
def test_ped2_has_its_published_frames_and_labels(real_data: Path, tmp_path: Path) -> None:
    from headhunt.video import count_frames

    root = real_data / "ped2"
    lines(tmp_path / "UCSDped2.m", *PED2)
    reading = ucsd(root, annotations=tmp_path)
    assert reading.unmatched_rows == reading.unmatched_videos == ()
    assert [row.split for row in reading.rows] == ["test"] * 12 + ["train"] * 16
    from_masks = {row.video: row.events for row in read_manifest(root / "manifest.csv") if row.split == "test"}
    tests = {row.video: row.events for row in reading.rows if row.split == "test"}
    assert tests == from_masks
    assert sum(e.end_frame - e.start_frame for events in tests.values() for e in events or ()) == 1648
    assert sum(count_frames(root / video) for video in tests) == 2010
