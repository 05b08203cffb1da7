from __future__ import annotations

import os
from pathlib import Path

import pytest

from headhunt import video
from headhunt.datasets import READERS
from headhunt.datasets.folder import folder as read_folder
from headhunt.datasets.manifest import read_manifest, write_manifest
from headhunt.datasets.reading import find_file, find_videos, join, lines, stem
from headhunt.errors import ManifestError, UsageError
from headhunt.records import ManifestRow


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def test_labels_splits_and_categories_come_from_folders(tmp_path: Path) -> None:
    tree(tmp_path, "Train/Normal_Videos/a.mp4", "test/normal/b.AVI", "testing/Fire/cam 1/c.d#e.mp4", "Abnormal/é.mkv")
    tree(tmp_path, "loose.mp4", "test/loose.mp4", "test/Fire/readme.txt")
    reading = read_folder(tmp_path)
    assert reading.rows == (
        ManifestRow("Abnormal/é.mkv", "", "abnormal", None, ""),
        ManifestRow("Train/Normal_Videos/a.mp4", "train", "normal", ()),
        ManifestRow("test/normal/b.AVI", "test", "normal", ()),
        ManifestRow("testing/Fire/cam 1/c.d#e.mp4", "test", "abnormal", None, "Fire"),
    )
    assert reading.unmatched_rows == ()
    assert reading.unmatched_videos == ("loose.mp4", "test/loose.mp4")
    assert "folder 'Fire': 1 videos, abnormal" in reading.notes
    assert "2 videos lie in no class folder and have no label" in reading.notes


def test_the_class_is_the_top_or_the_parent_folder(tmp_path: Path) -> None:
    tree(tmp_path, "set/normal/a.mp4", "set/fire/b.mp4")
    labels = [row.label for row in read_folder(tmp_path, class_folder="parent").rows]
    assert labels == ["abnormal", "normal"]
    with pytest.raises(ManifestError, match="called normal"):
        read_folder(tmp_path)


@pytest.mark.parametrize("name", ["abnormal", "Abnormal", "NonNormal", "normality", "no_fight", "0"])
def test_a_folder_that_is_not_plainly_normal_is_not_taken_for_it(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="called normal") as caught:
        read_folder(tree(tmp_path, f"{name}/a.mp4"))
    assert name in str(caught.value)


@pytest.mark.parametrize("name", ["normal", "NORMAL", "Normal_Videos_event", "normal-day", "Normal Videos"])
def test_normal_and_normal_with_a_tail_are_normal(tmp_path: Path, name: str) -> None:
    assert [row.label for row in read_folder(tree(tmp_path, f"{name}/a.mp4")).rows] == ["normal"]


@pytest.mark.parametrize("name", ["NormalVideos", "Testing_Normal_Videos_Anomaly", "Training-Normal-Videos-Part-1"])
def test_what_data_sets_call_normal_is_normal(tmp_path: Path, name: str) -> None:
    rows = read_folder(tree(tmp_path, f"{name}/a.mp4", "normal/b.mp4", "fire/c.mp4")).rows
    assert {row.label for row in rows if "fire" not in row.video} == {"normal"}


@pytest.mark.parametrize("name", ["NonNormal", "normality", "seminormal", "no normal"])
def test_a_folder_that_may_be_either_is_refused_unless_the_user_says_which_are_normal(
    tmp_path: Path, name: str
) -> None:
    root = tree(tmp_path, f"{name}/a.mp4", "normal/b.mp4")
    with pytest.raises(ManifestError, match="may be either") as caught:
        read_folder(root)
    assert "--normal" in str(caught.value)
    rows = {row.video: row.label for row in read_folder(root, normal=["normal"]).rows}
    assert rows == {f"{name}/a.mp4": "abnormal", "normal/b.mp4": "normal"}


def test_a_folder_of_unknown_class_gives_no_label(tmp_path: Path) -> None:
    reading = read_folder(tree(tmp_path, "train/unknown/a.mp4", "None/b.mp4", "normal/c.mp4"))
    assert [row.video for row in reading.rows] == ["normal/c.mp4"]
    assert reading.unmatched_videos == ("None/b.mp4", "train/unknown/a.mp4")


@pytest.mark.parametrize(("name", "split"), [("TESTING", "test"), ("Tests", "test"), ("Validation", "val")])
def test_a_first_folder_may_be_called_a_split_in_several_ways(tmp_path: Path, name: str, split: str) -> None:
    assert [row.split for row in read_folder(tree(tmp_path, f"{name}/normal/a.mp4")).rows] == [split]


def test_a_first_folder_that_is_nearly_called_a_split_is_no_class(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="nearly called 'test'"):
        read_folder(tree(tmp_path, "tset/normal/a.mp4", "train/normal/b.mp4"))


def test_the_user_names_normal_classes(tmp_path: Path) -> None:
    tree(tmp_path, "no_fight/a.mp4", "fight/b.mp4", "normal/c.mp4")
    rows = {row.video: row.label for row in read_folder(tmp_path, normal=["No_Fight"]).rows}
    assert rows == {"no_fight/a.mp4": "normal", "fight/b.mp4": "abnormal", "normal/c.mp4": "abnormal"}
    assert all(row.abnormal for row in read_folder(tmp_path, normal=()).rows)
    with pytest.raises(ManifestError, match="called calm"):
        read_folder(tmp_path, normal=["no_fight", "calm"])


def test_folders_of_frames_are_videos(tmp_path: Path) -> None:
    tree(tmp_path, "normal/v1/001.tif", "normal/v1/002.tif", "fire/v2/1.jpg", "fire/poster.png", "fire/a.mp4")
    assert [row.video for row in read_folder(tmp_path).rows] == ["fire/a.mp4", "normal/v1"]
    assert find_videos(tmp_path) == ["fire/a.mp4"]


def test_no_video_no_class_no_folder_and_annotations_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no video under"):
        read_folder(tree(tmp_path, "normal/a.txt"))
    with pytest.raises(ManifestError, match="names a class"):
        read_folder(tree(tmp_path, "a.mp4", "test/b.mp4"))
    with pytest.raises(ManifestError, match="is not a folder"):
        read_folder(tmp_path / "none")
    with pytest.raises(UsageError, match="no annotations"):
        read_folder(tmp_path, annotations=tmp_path)


def test_videos_are_found_sorted_through_links_without_loops_or_hidden_files(tmp_path: Path) -> None:
    tree(
        tmp_path, "far/b.mp4", "root/a/.hidden.mp4", "root/a/._x.mp4", "root/.trash/t.mp4", "root/z.MP4", "root/a/y.mov"
    )
    (tmp_path / "root/link").symlink_to(tmp_path / "far")
    (tmp_path / "root/a/up").symlink_to(tmp_path / "root")
    assert find_videos(tmp_path / "root") == ["a/y.mov", "link/b.mp4", "z.MP4"]


def test_the_video_noun_finds_the_same_videos(tmp_path: Path) -> None:
    tree(
        tmp_path, "a/1.jpg", "a/2.jpg", "a/deep/x.mp4", "b/1.jpg", "b/c/v.ts", "d/a.png", "d/b.png", "d/e.mxf", "f.MP4"
    )
    (tmp_path / "b/up").symlink_to(tmp_path)
    (tmp_path / "z").symlink_to(tmp_path / "b/c")
    theirs = [path.relative_to(tmp_path).as_posix() for path in video.find_videos(tmp_path)]
    assert find_videos(tmp_path, frame_folders=True) == theirs == ["a", "b/c/v.ts", "d/e.mxf", "f.MP4", "z/v.ts"]


@pytest.mark.skipif(os.name != "posix", reason="file names are bytes on POSIX only")
def test_a_name_that_is_not_utf8_is_spelt_out(tmp_path: Path) -> None:
    try:
        tree(tmp_path, "normal/caf\udce9.mp4", "fire/b.mp4")
    except OSError:
        pytest.skip("this file system takes Unicode names only")
    rows = read_folder(tmp_path).rows
    assert [row.video for row in rows] == ["fire/b.mp4", "normal/caf\\xe9.mp4"]
    write_manifest(rows, tmp_path / "manifest.csv")
    assert read_manifest(tmp_path / "manifest.csv") == list(rows)


def test_what_is_passed_over_is_told(tmp_path: Path) -> None:
    tree(tmp_path, "normal/a.mp4", "normal/@eaDir/a.mp4/1.jpg", "normal/@eaDir/a.mp4/2.jpg", "fire/b.mp4", "fire/b.srt")
    reading = read_folder(tmp_path)
    assert [row.video for row in reading.rows] == ["fire/b.mp4", "normal/a.mp4"]
    told = " ".join(reading.notes)
    assert "1 file (1 .srt)" in told
    assert "1 folder (normal/@eaDir)" in told


def test_a_file_is_looked_for_in_the_places_in_turn(tmp_path: Path) -> None:
    tree(tmp_path, "a/x/list.txt", "b/list.txt")
    assert find_file("list.txt", [tmp_path / "b", tmp_path / "a"]) == tmp_path / "b/list.txt"
    assert find_file("list.txt", [tmp_path]) == tmp_path / "a/x/list.txt"
    assert find_file("other.txt", [tmp_path]) is None
    (tmp_path / "b/list.txt").write_text("other")
    with pytest.raises(ManifestError, match="differ"):
        find_file("list.txt", [tmp_path])


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("a/b/A.Beautiful.Mind.2001__#00-01_label_A.mp4", "A.Beautiful.Mind.2001__#00-01_label_A"),
        ("A.Beautiful.Mind.2001__#00-01_label_A", "A.Beautiful.Mind.2001__#00-01_label_A"),
        ("x.mp4.mp4", "x.mp4"),
        ("x.MKV", "x"),
        ("x.2001", "x.2001"),
        (".mp4", ".mp4"),
    ],
)
def test_a_stem_loses_one_video_suffix_and_nothing_else(name: str, want: str) -> None:
    assert stem(name) == want


def test_lines_are_numbered_and_only_line_ends_end_them(tmp_path: Path) -> None:
    path = tmp_path / "l.txt"
    path.write_bytes("\ufeffa\u2028b \r\n\r\n  c\r".encode())
    notes: list[str] = []
    assert list(lines(path, notes)) == [(f"{path}, line 1", "a\u2028b"), (f"{path}, line 3", "c")]
    assert notes == []
    path.write_bytes(b" \n")
    with pytest.raises(ManifestError, match="is empty"):
        list(lines(path, notes))


def test_lines_that_repeat_an_earlier_one_are_told_and_given_once(tmp_path: Path) -> None:
    path, notes = tmp_path / "l.txt", ["before"]
    path.write_text("a\nb\na \n\nb\nA\n")
    assert [text for _, text in lines(path, notes)] == ["a", "b", "A"]
    assert notes == ["before", f"{path}: 2 lines repeat earlier ones and count once (line 3, 5)"]


def test_join_reports_both_leftovers_and_refuses_two_candidates() -> None:
    rows = {name: ManifestRow(f"listed/{name}.mp4") for name in ("b", "a", "gone")}
    reading = join(rows, ["x/a.mp4", "x/b.avi", "x/c.mp4"], ["note"])
    assert [row.video for row in reading.rows] == ["x/a.mp4", "x/b.avi"]
    assert reading.unmatched_rows == (rows["gone"],)
    assert reading.unmatched_videos == ("x/c.mp4",)
    assert reading.notes == ("note",)
    with pytest.raises(ManifestError, match=r"2 videos could be 'listed/a\.mp4'"):
        join(rows, ["x/a.mp4", "y/a.mp4"], [])


@pytest.mark.parametrize("name", READERS)
def test_every_reader_refuses_a_folder_that_is_missing_or_holds_no_video(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="is not a folder"):
        READERS[name](tmp_path / "none")
    with pytest.raises(ManifestError, match="no video under"):
        READERS[name](tmp_path)


@pytest.mark.real_data
def test_the_fight_folders_give_the_labels_of_their_manifest(real_data: Path) -> None:
    rows = read_folder(real_data / "fight", normal=["no_fight"]).rows
    want = {row.video: row.label for row in read_manifest(real_data / "fight/manifest.csv")}
    assert {row.video: row.label for row in rows} == want
    assert len(want) == 100
