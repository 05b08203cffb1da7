from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from headhunt.datasets.manifest import read_manifest, write_manifest
from headhunt.datasets.sampling import sample
from headhunt.datasets.xd_violence import ANNOTATIONS, xd_violence
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

VIOLENT = "Bad.Boys.II.2003__#00-06-42_00-10-00_label_B2-G-0"
NORMAL = "v=yviKz5J-pEA__#1_label_A"
TRAIN = ["A.Beautiful.Mind.2001__#00-01-45_00-02-50_label_A", "v=0BA7IBy4N2g__#1_label_G-B2-B6"]


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / f"{name}.mp4").touch()
    return root


def data(root: Path, test: str, train: str, *lines: str) -> Path:
    """Two test and two training videos in these folders, annotated by the lines."""
    tree(root, f"{test}/{VIOLENT}", f"{test}/{NORMAL}", *(f"{train}/{name}" for name in TRAIN))
    (root / ANNOTATIONS).write_text("\n".join(lines or (f"{VIOLENT} 0 50 70 90",)))
    return root


@pytest.mark.parametrize("test", ["test_videos", "Tests", "videos/test", "testing/a"])
@pytest.mark.parametrize("train", ["1-1004", "train", ".", "latest"])
def test_names_annotations_and_folders_make_the_rows(tmp_path: Path, test: str, train: str) -> None:
    reading = xd_violence(tree(data(tmp_path, test, train), f"{test}/other"))
    at = "" if train == "." else f"{train}/"
    want = [
        ManifestRow(
            f"{test}/{VIOLENT}.mp4", "test", "abnormal", (Interval(0, 50), Interval(70, 90)), "shooting;explosion"
        ),
        ManifestRow(f"{test}/{NORMAL}.mp4", "test", "normal", ()),
        ManifestRow(f"{at}{TRAIN[0]}.mp4", "train", "normal", ()),
        ManifestRow(f"{at}{TRAIN[1]}.mp4", "train", "abnormal", None, "explosion;shooting;car accident"),
    ]
    assert list(reading.rows) == sorted(want, key=lambda row: row.video)
    assert reading.unmatched_rows == ()
    assert reading.unmatched_videos == (f"{test}/other.mp4",)


@pytest.mark.parametrize(
    ("label", "category"),
    [
        ("B1-0-0", "fighting"), ("B2-B1-0", "shooting;fighting"), ("B4-G-0", "riot;explosion"), ("B5-0-0", "abuse"),
        ("B6-B2-0", "car accident;shooting"), ("G-B2-B6", "explosion;shooting;car accident"), ("B1-B1-0", "fighting"),
    ],
)  # fmt: skip
def test_every_code_is_a_class_of_the_video(tmp_path: Path, label: str, category: str) -> None:
    root = tree(data(tmp_path, "test", "train"), f"train/v=x_label_A__#1_label_{label}")
    assert category in {row.category for row in xd_violence(root).rows if "v=x_label_A" in row.video}


@pytest.mark.parametrize("name", ["v=x__#1_label_B3-0-0", "v=x__#1_label_A_1845_2101", "v=x__#1_label_A-0", "v=x__#1"])
def test_a_name_without_a_known_label_stays_unmatched(tmp_path: Path, name: str) -> None:
    reading = xd_violence(tree(data(tmp_path, "test", "train"), f"train/{name}"))
    assert reading.unmatched_videos == (f"train/{name}.mp4",)


def test_one_final_mp4_of_an_annotated_name_is_dropped(tmp_path: Path) -> None:
    assert not xd_violence(data(tmp_path, "test", "train", f"{VIOLENT}.mp4 0 50")).unmatched_rows
    with pytest.raises(ManifestError, match="not the name"):
        xd_violence(data(tmp_path, "test", "train", f"{VIOLENT}.mp4.mp4 0 50"))


def test_an_annotated_video_that_is_missing_is_reported_with_its_events(tmp_path: Path) -> None:
    lines = (f"{VIOLENT} 0 50", "v=gone__#1_label_B1-0-0 3 9")
    reading = xd_violence(data(tmp_path, "test", "train", *lines))
    gone = ManifestRow("v=gone__#1_label_B1-0-0", "test", "abnormal", (Interval(3, 9),), "fighting")
    assert reading.unmatched_rows == (gone,)


def test_a_violent_test_video_without_annotation_has_unknown_events_and_is_noted(tmp_path: Path) -> None:
    reading = xd_violence(tree(data(tmp_path, "test", "train"), "test/v=x__#1_label_B1-0-0"))
    assert ManifestRow("test/v=x__#1_label_B1-0-0.mp4", "test", "abnormal", None, "fighting") in reading.rows
    assert any(note.startswith("1 violent test videos are not annotated") for note in reading.notes)


def test_normal_videos_beside_annotated_ones_outside_a_test_folder_are_refused(tmp_path: Path) -> None:
    # All in one folder, or the test folder itself as root: training or test, nothing says.
    for root in (data(tmp_path / "flat", "videos", "videos"), data(tmp_path / "test", ".", "train")):
        with pytest.raises(ManifestError, match="nothing says whether") as caught:
            xd_violence(root)
        assert "test list" in str(caught.value)


@pytest.mark.parametrize("content", [[NORMAL, VIOLENT], [f"test/{NORMAL}.mp4"]])
def test_a_test_list_decides_in_one_folder(tmp_path: Path, content: list[str]) -> None:
    root = data(tmp_path, "videos", "videos")
    (root / "list.txt").write_text("\n".join(content))
    reading = xd_violence(root, test_list=root / "list.txt")
    splits = {row.video.removeprefix("videos/").removesuffix(".mp4"): row.split for row in reading.rows}
    assert splits == {VIOLENT: "test", NORMAL: "test", TRAIN[0]: "train", TRAIN[1]: "train"}


def test_a_given_list_is_complete_and_its_missing_videos_are_reported(tmp_path: Path) -> None:
    root = data(tmp_path, "videos", "videos")
    (root / "train.txt").write_text("\n".join([TRAIN[0], "v=gone__#1_label_A"]))
    reading = xd_violence(root, train_list=root / "train.txt")
    assert [Path(row.video).stem for row in reading.rows] == [TRAIN[0], VIOLENT]
    assert reading.unmatched_rows == (ManifestRow("v=gone__#1_label_A", "train", "normal", ()),)
    assert [Path(video).stem for video in reading.unmatched_videos] == [TRAIN[1], NORMAL]


@pytest.mark.parametrize("content", [VIOLENT, f"{TRAIN[0]}\n{TRAIN[0]}.mp4", "v=x__#1_label_A__0.npy"])
def test_a_bad_list_is_refused_with_file_and_line(tmp_path: Path, content: str) -> None:
    root = data(tmp_path, "test", "train")
    (root / "train.txt").write_text(content)
    with pytest.raises(ManifestError, match=r"train\.txt, line [12]: "):
        xd_violence(root, train_list=root / "train.txt")


@pytest.mark.parametrize(
    "line",
    [
        VIOLENT,
        f"{VIOLENT} 5",
        f"{VIOLENT} 0 5 7",
        f"{VIOLENT} 5 5",
        f"{VIOLENT} 9 5",
        f"{VIOLENT} -1 5",
        f"{VIOLENT} 0 5 4 9",
        f"{VIOLENT} 0.5 5",
        f"{NORMAL} 0 5",
        "5",
        "5 9",
        "1 5 9",
        "v=a__#1_label_B1-0-0 3 5",
    ],
)
def test_a_bad_annotation_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    root = data(tmp_path, "test", "train", "v=a__#1_label_B1-0-0 3 4", "", line)
    with pytest.raises(ManifestError, match=r"annotations\.txt, line 3: "):
        xd_violence(root)


def test_an_annotation_that_stands_twice_counts_once_and_is_told(tmp_path: Path) -> None:
    reading = xd_violence(data(tmp_path, "test", "train", f"{VIOLENT} 0 5", f"{VIOLENT} 0 5"))
    assert any("a line repeats an earlier one" in note for note in reading.notes)
    assert [row.events for row in reading.rows if VIOLENT in row.video] == [(Interval(0, 5),)]


def test_missing_annotations_and_two_copies_of_a_video_are_refused(tmp_path: Path) -> None:
    root = tree(data(tmp_path / "xd", "test", "train"), f"backup/{VIOLENT}")
    with pytest.raises(ManifestError, match="2 videos could be"):
        xd_violence(root)
    (root / ANNOTATIONS).rename(tmp_path / ANNOTATIONS)
    with pytest.raises(ManifestError, match=r"no annotations\.txt under"):
        xd_violence(root)
    (root / f"backup/{VIOLENT}.mp4").unlink()
    by_folder, by_file = (xd_violence(root, annotations=path) for path in (tmp_path, tmp_path / ANNOTATIONS))
    assert by_folder == by_file
    assert len(by_file.rows) == 4


@pytest.mark.real_data
def test_the_official_files_give_the_published_counts(real_data: Path, tmp_path: Path) -> None:
    official = real_data / "annotations/xd_violence"
    with (official / "test_frame_counts.csv").open(newline="") as file:
        frames = {line["video"]: int(line["frames"]) for line in csv.DictReader(file)}
    train = [f"1-1004/v=n{i}__#1_label_A" for i in range(2049)] + [
        f"1005-2004/v=p{i}__#1_label_B1-0-0" for i in range(1905)
    ]
    root = tree(tmp_path / "XD", *(f"videos/test/{name}" for name in frames), *train)
    reading = xd_violence(root, annotations=official)
    assert reading.unmatched_rows == reading.unmatched_videos == ()
    assert Counter((row.split, row.label) for row in reading.rows) == {
        ("train", "normal"): 2049,
        ("train", "abnormal"): 1905,
        ("test", "abnormal"): 500,
        ("test", "normal"): 300,
    }
    tests = {Path(row.video).name.removesuffix(".mp4"): row for row in reading.rows if row.split == "test"}
    assert set(tests) == set(frames)
    assert len(tests) == 800
    assert len({name.split(".")[0] for name in tests}) == 481  # what cutting names at the first dot would leave
    assert max(len(row.events or ()) for row in tests.values()) == 22
    assert sum(frames.values()) == 2_335_801
    events = [(frames[name], event) for name, row in tests.items() for event in row.events or ()]
    assert sum(min(event.end_frame, length) - event.start_frame for length, event in events) == 538_324

    assert len(sample([row for row in reading.rows if row.split == "train"], fraction=0.01)) == 40
    write_manifest(reading.rows, root / "xd.jsonl")
    assert tuple(read_manifest(root / "xd.jsonl")) == reading.rows
