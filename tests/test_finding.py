"""Videos are found below folders, and nothing is passed over without a word."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headhunt.errors import InputError
from headhunt.finding import Why, find


def tree(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    return root


def names(root: Path, paths) -> list[str]:
    return [path.relative_to(root).as_posix() for path in paths]


def why(root: Path) -> dict[str, Why]:
    return {one.path.relative_to(root).as_posix(): one.why for one in find(root).passed}


@pytest.mark.parametrize("suffix", [".dav", ".265", ".M2V", ".ivf", ".f4v", ".3g2"])
def test_files_of_recorders_and_raw_streams_are_videos(tmp_path: Path, suffix: str) -> None:
    tree(tmp_path, f"a{suffix}")
    assert names(tmp_path, find(tmp_path).videos) == [f"a{suffix}"]


def test_webp_images_are_frames(tmp_path: Path) -> None:
    tree(tmp_path, "cam/1.webp", "cam/2.webp")
    assert names(tmp_path, find(tmp_path).videos) == ["cam"]


def test_thumbnails_and_deleted_files_of_a_network_drive_are_no_videos(tmp_path: Path) -> None:
    tree(tmp_path, "cam1.mp4", "sub/cam2.mp4")
    tree(tmp_path, "@eaDir/cam1.mp4/1.jpg", "@eaDir/cam1.mp4/2.jpg", "sub/.@__thumb/3.jpg", "#recycle/old.mp4")
    assert names(tmp_path, find(tmp_path).videos) == ["cam1.mp4", "sub/cam2.mp4"]
    assert why(tmp_path) == dict.fromkeys(["#recycle", "@eaDir", "sub/.@__thumb"], Why.SYSTEM)


def test_what_is_passed_over_is_counted_and_told(tmp_path: Path) -> None:
    tree(
        tmp_path, "a.mp4", "a.srt", "b.srt", "readme", "poster.jpg", ".DS_Store", "cam/1.jpg", "cam/2.jpg", "cam/t.txt"
    )
    tree(tmp_path, "cam/deep/x.mp4", "old.zarr/zarr.json", "old.zarr/c/0")
    (tmp_path / "up").symlink_to(tmp_path)
    found = find(tmp_path)
    assert names(tmp_path, found.videos) == ["a.mp4", "cam"]
    told = " | ".join(found.notes())
    for part in (
        "5 files (2 .srt, 1 .txt, 1 .jpg, 1 without a suffix)",
        "1 name (.DS_Store)",
        "1 folder (cam/deep)",
        "1 folder (old.zarr)",
        "1 folder (up)",
    ):
        assert part in told, told


def test_nothing_is_told_where_nothing_is_passed_over(tmp_path: Path) -> None:
    assert find(tree(tmp_path, "a.mp4", "sub/b.mkv")).notes() == []


def test_a_folder_that_cannot_be_read_is_passed_over_and_told(tmp_path: Path) -> None:
    tree(tmp_path, "a.mp4", "private/b.mp4", "private.mp4/1.jpg", "z/c.mp4")
    locked = [tmp_path / "private", tmp_path / "private.mp4"]
    user = os.geteuid()
    tmp_path.parent.chmod(0o755)
    for folder in (tmp_path, tmp_path / "z"):
        folder.chmod(0o755)
    for folder in locked:
        folder.chmod(0)
    try:
        if user == 0:  # to whom nothing is forbidden
            for folder in (tmp_path, *tmp_path.parents):
                if folder.stat().st_mode & 0o005 != 0o005 and os.fspath(folder).startswith("/tmp/"):
                    folder.chmod(0o755)
            os.seteuid(65534)
        found = find(tmp_path)
        with pytest.raises(InputError, match="cannot be read"):
            find(tmp_path / "private")
    finally:
        os.seteuid(user)
        for folder in locked:
            folder.chmod(0o755)
    assert names(tmp_path, found.videos) == ["a.mp4", "z/c.mp4"]
    assert names(tmp_path, found.hollow) == ["private.mp4"]  # recorded as a video that cannot be read
    assert [(one.path.name, one.why) for one in found.passed] == [("private", Why.UNREADABLE)]
    assert "private (Permission denied)" in found.notes()[0]


def test_a_folder_that_breaks_while_it_is_read_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(tmp_path, "a.mp4", "broken/b.mp4")
    scan = os.scandir

    def failing(path):
        if Path(path).name == "broken":
            raise OSError(5, "Input/output error")
        return scan(path)

    monkeypatch.setattr(os, "scandir", failing)
    found = find(tmp_path)
    assert names(tmp_path, found.videos) == ["a.mp4"]
    assert "broken (Input/output error)" in found.notes()[0]
