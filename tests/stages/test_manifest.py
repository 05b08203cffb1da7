"""From a data set's own files to a manifest, with the options its reader has; and a reader added from outside."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from headhunt.datasets import READERS
from headhunt.datasets.manifest import read_manifest
from headhunt.errors import ManifestError, UsageError
from headhunt.records import Interval, ManifestRow
from headhunt.stages.manifest import make_manifest


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("train/normal/a.mp4", "test/fight/b.mp4"):
        (tmp_path / "v" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "v" / name).write_bytes(b"x")
    return tmp_path / "v"


def test_the_manifest_lies_beside_the_videos_and_reads_back(root: Path) -> None:
    reading, target = make_manifest("folder", str(root))
    assert target == root / "manifest.csv"
    assert [(row.video, row.split) for row in read_manifest(target)] == [
        ("test/fight/b.mp4", "test"), ("train/normal/a.mp4", "train"),
    ]  # fmt: skip
    assert len(reading.rows) == 2


def test_a_manifest_that_is_there_is_not_overwritten_unless_told(root: Path) -> None:
    _, target = make_manifest("folder", root)
    target.write_text("corrected by hand")
    with pytest.raises(UsageError, match="is there already") as caught:
        make_manifest("folder", root)
    assert "--overwrite" in str(caught.value)
    assert target.read_text() == "corrected by hand"
    make_manifest("folder", root, overwrite=True)
    assert len(read_manifest(target)) == 2


@pytest.mark.parametrize(
    ("dataset", "options", "words"),
    [
        ("folder", {"train_list": "x"}, "--train-list does not belong to folder"),
        ("ucf-crime", {"normal": ["a"]}, "--normal does not belong to ucf-crime"),
        ("ucf-crime", {"pace": 1}, "--pace does not belong to ucf-crime"),
        ("nowhere", {}, "unknown data set"),
    ],
)
def test_options_of_another_reader_are_refused_by_name(root: Path, dataset: str, options: dict, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_manifest(dataset, root, options=options)


def test_nothing_there_is_an_error(root: Path, tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="is not a folder"):
        make_manifest("folder", tmp_path / "none")
    with pytest.raises(ManifestError):
        make_manifest("xd-violence", root)


def test_a_reader_from_outside_takes_one_file(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "listed.py").write_text(
        "from headhunt.datasets import READERS\n"
        "from headhunt.datasets.reading import Reading, find_videos\n"
        "from headhunt.records import Interval, ManifestRow\n\n\n"
        "def listed(root, *, annotations=None, label='odd'):\n"
        "    rows = [ManifestRow(v, 'train', label, (Interval(0, 9),)) for v in find_videos(root)]\n"
        "    return Reading(tuple(rows), (), (), ())\n\n\n"
        "READERS['listed'] = listed\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(READERS, "_variants", dict(READERS._variants))
    importlib.import_module("listed")
    _, target = make_manifest("listed", root, output=tmp_path / "m.jsonl", options={"label": "fire"})
    assert read_manifest(target)[0] == ManifestRow("test/fight/b.mp4", "train", "fire", (Interval(0, 9),), "fire")
