from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from headhunt.datasets.ubnormal import LISTS, ubnormal
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow

ABNORMAL, NORMAL = "abnormal_scene_1_scenario_1", "normal_scene_1_scenario1_2"


def video(root: Path, name: str, *tracks: str) -> Path:
    scene = root / f"Scene{name.split('_')[2]}"
    scene.mkdir(parents=True, exist_ok=True)
    (scene / f"{name}.mp4").touch()
    if tracks:
        folder = scene / f"{name}_annotations"
        folder.mkdir()
        (folder / f"{name}_tracks.txt").write_text("\n".join(tracks))
        for number in range(3):
            (folder / f"{name}_{number:04d}_gt.png").touch()  # masks of instances, no video
    return root


def lists(root: Path, **names: list[str]) -> Path:
    root.mkdir(exist_ok=True)
    for part, content in names.items():
        (root / f"{part}_video_names.txt").write_text("\n".join(content))
    return root


def test_lists_and_tracks_make_the_rows(tmp_path: Path) -> None:
    root = video(video(tmp_path / "v", ABNORMAL, "1,10,20", "2,15,30", "1,31,31", "3,50,50"), NORMAL)
    video(root, "abnormal_scene_2_scenario_1_fog")
    official = lists(
        tmp_path / "lists",
        abnormal_test=[ABNORMAL],
        normal_validation=[NORMAL],
        abnormal_training=["abnormal_scene_9_scenario_1"],
    )
    reading = ubnormal(root, annotations=official)
    assert reading.rows == (
        # Frames 10 to 20, 15 to 30 and 31, both ends included, are one run.
        ManifestRow(f"Scene1/{ABNORMAL}.mp4", "test", "abnormal", (Interval(10, 32), Interval(50, 51))),
        ManifestRow(f"Scene1/{NORMAL}.mp4", "val", "normal", ()),
    )
    assert reading.unmatched_rows == (ManifestRow("abnormal_scene_9_scenario_1", "train", "abnormal", None),)
    assert reading.unmatched_videos == ("Scene2/abnormal_scene_2_scenario_1_fog.mp4",)
    assert any(note.startswith("no normal_training_video_names.txt, no normal_test") for note in reading.notes)
    assert any("events are not known: 1 (abnormal_scene_9_scenario_1)" in note for note in reading.notes)


def test_without_lists_names_say_the_label_and_nothing_the_split(tmp_path: Path) -> None:
    root = video(video(video(tmp_path, ABNORMAL, "1, 0, 3"), NORMAL), "other_scene_1")
    reading = ubnormal(root)
    assert [(row.split, row.label, row.events) for row in reading.rows] == [
        ("", "abnormal", (Interval(0, 4),)),
        ("", "normal", ()),
    ]
    assert reading.unmatched_videos == ("Scene1/other_scene_1.mp4",)
    assert any("no split is said" in note for note in reading.notes)


def test_tracks_may_lie_with_the_annotations(tmp_path: Path) -> None:
    root, labels = video(tmp_path / "v", ABNORMAL), tmp_path / "labels"
    video(labels, ABNORMAL, "1 5.0 7.0")
    assert ubnormal(root, annotations=labels).rows[0].events == (Interval(5, 8),)


@pytest.mark.parametrize("line", ["1,5", "1,7,5", "1,a,5", "-1,2,3", "1,2,3,4", "1,2.5,3"])
def test_a_bad_track_is_refused_with_file_and_line(tmp_path: Path, line: str) -> None:
    root = video(tmp_path, ABNORMAL, "1,2,3", line)
    with pytest.raises(ManifestError, match=r"_tracks\.txt, line 2: "):
        ubnormal(root)


def test_what_contradicts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="a normal video has tracks"):
        ubnormal(video(tmp_path / "a", NORMAL, "1,2,3"))
    root = video(tmp_path / "b", ABNORMAL)
    for number, (names, words) in enumerate(
        (
            ({"normal_test": [ABNORMAL]}, r"line 1: not the name"),
            ({"abnormal_test": [ABNORMAL], "abnormal_training": [ABNORMAL]}, "listed twice"),
        )
    ):
        with pytest.raises(ManifestError, match=words):
            ubnormal(root, annotations=lists(tmp_path / str(number), **names))


@pytest.mark.real_data
def test_the_official_lists_give_the_published_counts(real_data: Path, tmp_path: Path) -> None:
    official = real_data / "annotations/ubnormal"
    for name in LISTS:
        for line in (official / name).read_text().split():
            video(tmp_path, line, *(["1,10,19"] if line.startswith("abnormal") else []))
    reading = ubnormal(tmp_path, annotations=official)
    assert reading.unmatched_rows == reading.unmatched_videos == ()
    assert Counter((row.split, row.label) for row in reading.rows) == {
        ("train", "abnormal"): 82,
        ("train", "normal"): 186,
        ("val", "abnormal"): 38,
        ("val", "normal"): 26,
        ("test", "abnormal"): 158,
        ("test", "normal"): 53,
    }
    assert sum(row.split == "test" for row in reading.rows) == 211
    assert {row.events for row in reading.rows} == {(), (Interval(10, 20),)}
