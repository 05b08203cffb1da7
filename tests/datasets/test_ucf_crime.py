from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path

import pytest

from headhunt.datasets.manifest import read_manifest, write_manifest
from headhunt.datasets.sampling import sample
from headhunt.datasets.ucf_crime import ANNOTATIONS, CLASSES, TEST_LIST, TRAIN_LIST, ucf_crime
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

TRAIN = ["Abuse/Abuse001_x264.mp4", "Training_Normal_Videos_Anomaly/Normal_Videos001_x264.mp4"]
TEST = ["Arson/Arson011_x264.mp4", "Testing_Normal_Videos_Anomaly/Normal_Videos_003_x264.mp4"]
LINES = ["Arson011_x264.mp4  Arson  150  420  680  1267  ", "Normal_Videos_003_x264.mp4  Normal  -1  -1  -1  -1"]


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def texts(
    folder: Path, train: list[str] | None = TRAIN, test: list[str] | None = TEST, lines: list[str] | None = LINES
) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in ((TRAIN_LIST, train), (TEST_LIST, test), (ANNOTATIONS, lines)):
        if content is not None:
            (folder / name).write_text("\n".join(content) + "\n")
    return folder


def refusal(root: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        ucf_crime(root)
    return str(caught.value)


def test_lists_and_annotations_make_the_rows(tmp_path: Path) -> None:
    reading = ucf_crime(texts(tree(tmp_path, *TRAIN, *TEST, "Arson/Arson099_x264.mp4")))
    assert reading.rows == (
        ManifestRow(TRAIN[0], "train", "abnormal", None, "Abuse"),
        ManifestRow(TEST[0], "test", "abnormal", (Interval(150, 420), Interval(680, 1267)), "Arson"),
        ManifestRow(TEST[1], "test", "normal", ()),
        ManifestRow(TRAIN[1], "train", "normal", ()),
    )
    assert reading.unmatched_rows == ()
    assert reading.unmatched_videos == ("Arson/Arson099_x264.mp4",)


@pytest.mark.parametrize(
    "places",
    [
        ["Anomaly-Videos-Part-1", "Training-Normal-Videos-Part-1", "Anomaly-Videos-Part-1/Arson", "Testing-Normal"],
        [".", ".", ".", "."],
        ["videos/Abuse", "videos/normal", "test videos/Arson", "test videos/normal"],
    ],
)
def test_videos_are_found_wherever_they_lie(tmp_path: Path, places: list[str]) -> None:
    listed = [*TRAIN, *TEST]
    names = [Path(place, Path(name).name).as_posix() for place, name in zip(places, listed, strict=True)]
    reading = ucf_crime(texts(tree(tmp_path, *names)))
    assert {row.video for row in reading.rows} == set(names)
    assert not reading.unmatched_rows


def test_another_video_suffix_is_joined_and_another_case_is_not(tmp_path: Path) -> None:
    reading = ucf_crime(texts(tree(tmp_path, "Abuse/Abuse001_x264.avi", "arson/arson011_x264.mp4")))
    assert [row.video for row in reading.rows] == ["Abuse/Abuse001_x264.avi"]
    assert {row.video for row in reading.unmatched_rows} == {TRAIN[1], *TEST}
    assert reading.unmatched_videos == ("arson/arson011_x264.mp4",)


def test_of_two_copies_the_one_in_the_listed_folder_is_taken(tmp_path: Path) -> None:
    copy = "Normal_Videos_for_Event_Recognition/Normal_Videos_003_x264.mp4"
    reading = ucf_crime(texts(tree(tmp_path, *TRAIN, *TEST, copy)))
    assert TEST[1] in {row.video for row in reading.rows}
    assert reading.unmatched_videos == (copy,)


def test_two_copies_that_nothing_decides_between_are_refused(tmp_path: Path) -> None:
    message = refusal(texts(tree(tmp_path, "a/Arson/Arson011_x264.mp4", "b/Arson/Arson011_x264.mp4")))
    assert "a/Arson/Arson011_x264.mp4, b/Arson/Arson011_x264.mp4" in message


def test_a_video_in_the_folder_of_another_class_is_not_joined(tmp_path: Path) -> None:
    reading = ucf_crime(texts(tree(tmp_path, "Fighting/Arson011_x264.mp4", "Fighting/Normal_Videos001_x264.mp4")))
    assert reading.rows == ()
    assert len(reading.unmatched_rows) == 4
    assert len(reading.unmatched_videos) == 2


def test_each_text_file_alone_is_enough_and_the_notes_say_what_lacks(tmp_path: Path) -> None:
    root = tree(tmp_path / "videos", *TRAIN, *TEST)
    only_train = ucf_crime(root, annotations=texts(tmp_path / "a", TRAIN, None, None))
    assert [row.split for row in only_train.rows] == ["train", "train"]
    only_test = ucf_crime(root, annotations=texts(tmp_path / "b", None, TEST, None))
    assert [row.events for row in only_test.rows] == [None, ()]
    only_lines = ucf_crime(root, annotations=texts(tmp_path / "c", None, None, LINES) / ANNOTATIONS)
    assert [row.events for row in only_lines.rows] == [(Interval(150, 420), Interval(680, 1267)), ()]
    assert any(ANNOTATIONS in note for note in only_test.notes)
    assert any(TRAIN_LIST in note for note in only_lines.notes)
    assert f"no list or annotation of UCF-Crime under {root}" in refusal(root)


def test_lists_beside_the_annotation_file_and_named_ones_are_used(tmp_path: Path) -> None:
    root = tree(tmp_path / "videos", *TRAIN, *TEST)
    beside = texts(tmp_path / "a") / ANNOTATIONS
    assert len(ucf_crime(root, annotations=beside).rows) == 4
    shorter = tmp_path / "mine.txt"
    shorter.write_text(TRAIN[0])
    assert [row.split for row in ucf_crime(root, annotations=beside, train_list=shorter).rows].count("train") == 1


def test_test_list_and_annotations_that_differ_are_noted(tmp_path: Path) -> None:
    root = texts(tree(tmp_path, *TRAIN, *TEST), test=TEST[1:], lines=LINES[:1])
    reading = ucf_crime(root)
    assert {row.video for row in reading.rows if row.split == "test"} == set(TEST)
    assert any(note.startswith("1 annotated videos are not in the test list") for note in reading.notes)
    assert any(note.startswith("1 videos of the test list are not annotated") for note in reading.notes)


@pytest.mark.parametrize(
    "line",
    [
        "Arson011_x264.mp4 Arson 150 420 680",
        "Arson011_x264.mp4 Arson 150 420 -1 x",
        "Arson011_x264.mp4 Arson 150 -1 -1 -1",
        "Arson011_x264.mp4 Arson 420 150 -1 -1",
        "Arson011_x264.mp4 Arson 150 420 400 500",
        "Arson011_x264.mp4 Arson -1 -1 -1 -1",
        "Arson011_x264.mp4 Normal 150 420 -1 -1",
        "Arson011_x264.mp4 Fighting 150 420 -1 -1",
        "Arson011_x264.mp4 arson 150 420 -1 -1",
        "Abuse001_x264.mp4 Abuse 150 420 -1 -1",
        "Normal_Videos_003_x264.mp4 Normal -1 -1 -1 -1",
    ],
)
def test_a_bad_annotation_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    root = texts(tree(tmp_path, *TRAIN, *TEST), lines=[LINES[1], "", line])
    assert f"{root / ANNOTATIONS}, line 3: " in refusal(root)


@pytest.mark.parametrize(
    "line",
    [
        "Abuse001_x264.mp4",
        "Abuse/",
        "Kissing/Kissing001_x264.mp4",
        "Testing_Normal_Videos_Anomaly/Normal_Videos_004_x264.mp4",
        f"./{TRAIN[0]}",
        TRAIN[0].removesuffix(".mp4"),
    ],
)
def test_a_bad_list_line_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    root = texts(tree(tmp_path, *TRAIN, *TEST), train=[TRAIN[0], line])
    assert f"{root / TRAIN_LIST}, line 2: " in refusal(root)


def test_lines_that_stand_twice_count_once_and_are_told(tmp_path: Path) -> None:
    root = texts(tree(tmp_path, *TRAIN, *TEST), train=[*TRAIN, TRAIN[0]], lines=[*LINES, LINES[0]])
    reading = ucf_crime(root)
    assert len(reading.rows) == len({row.video for row in reading.rows}) == len({*TRAIN, *TEST})
    assert [note.rpartition(": ")[2] for note in reading.notes if "repeat" in note] == [
        f"a line repeats an earlier one and counts once (line {n + 1})" for n in (len(TRAIN), len(LINES))
    ]


def test_a_video_in_both_lists_is_refused(tmp_path: Path) -> None:
    assert "listed twice" in refusal(texts(tree(tmp_path, *TRAIN, *TEST), train=[TEST[0]]))


def test_an_annotation_file_that_is_missing_or_binary_is_refused(tmp_path: Path) -> None:
    root = tree(tmp_path, *TRAIN)
    with pytest.raises(ManifestError, match="cannot be read"):
        ucf_crime(root, annotations=tmp_path / "none.txt", train_list=texts(tmp_path) / TRAIN_LIST)
    (tmp_path / ANNOTATIONS).write_bytes(b"\0\1")
    assert "not a text file" in refusal(root)


@pytest.mark.real_data
def test_the_official_files_give_the_published_counts(real_data: Path, tmp_path: Path) -> None:
    official = real_data / "annotations/ucf_crime"
    root = tree(
        tmp_path / "UCF", *(official / TRAIN_LIST).read_text().split(), *(official / TEST_LIST).read_text().split()
    )
    reading = ucf_crime(root, annotations=official)
    assert reading.unmatched_rows == reading.unmatched_videos == ()
    assert Counter((row.split, row.label) for row in reading.rows) == {
        ("train", "abnormal"): 810,
        ("train", "normal"): 800,
        ("test", "abnormal"): 140,
        ("test", "normal"): 150,
    }
    assert {row.category for row in reading.rows} == CLASSES | {""}
    assert len(CLASSES) == 13
    tests = [row for row in reading.rows if row.split == "test"]
    assert Counter(len(row.events or ()) for row in tests) == {0: 150, 1: 124, 2: 16}

    with (official / "test_frame_counts.csv").open(newline="") as file:
        frames = {Path(line["video"]).name: int(line["frames"]) for line in csv.DictReader(file)}
    events = [(frames[Path(row.video).name], event) for row in tests for event in row.events or ()]
    assert sum(frames[Path(row.video).name] for row in tests) == 1_111_808
    assert sum(min(event.end_frame, length) - event.start_frame for length, event in events) == 84_182
    assert sum(event.end_frame > length for length, event in events) == 5

    assert len(sample([row for row in reading.rows if row.split == "train"], fraction=0.01)) == 16
    write_manifest(reading.rows, root / "ucf.csv")
    assert tuple(read_manifest(root / "ucf.csv")) == reading.rows


@pytest.mark.real_data
def test_the_layout_of_the_official_archives_is_read(real_data: Path, tmp_path: Path) -> None:
    official = real_data / "annotations/ucf_crime"
    for name in (official / TRAIN_LIST).read_text().split() + (official / TEST_LIST).read_text().split():
        kind, file = name.split("/")
        if kind.startswith("Training"):
            name = f"Training-Normal-Videos-Part-{1 + int(file[13:16]) // 500}/{file}"
        elif kind in CLASSES:
            name = f"Anomaly-Videos-Part-{1 + sorted(CLASSES).index(kind) // 4}/{name}"
        tree(tmp_path, name)
    tree(tmp_path, "Normal_Videos_for_Event_Recognition/Normal_Videos_015_x264.mp4")
    for name in (TRAIN_LIST, TEST_LIST, ANNOTATIONS):
        shutil.copy(official / name, tmp_path / name)
    reading = ucf_crime(tmp_path)
    assert len(reading.rows) == 1900
    assert reading.unmatched_videos == ("Normal_Videos_for_Event_Recognition/Normal_Videos_015_x264.mp4",)
