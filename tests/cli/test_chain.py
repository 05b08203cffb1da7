"""From video files to events with the embedded model, as processes of their own, as a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.made_videos import write_video

Call = Callable[..., Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six short videos, one file that is none, and labels."""
    place = tmp_path_factory.mktemp("chain")
    (place / "videos").mkdir()
    lines = ["video,split,label,events"]
    for i in range(6):
        write_video(place / "videos" / f"{i}.mp4", 60, first_number=i * 150)
        split, label = "train" if i < 4 else "test", "abnormal" if i % 2 else "normal"
        lines.append(f"{i}.mp4,{split},{label},{'0-48' if i % 2 else ''}")
    (place / "videos" / "broken.mp4").write_bytes(b"no video" * 100)
    (place / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch, folder: Path, vadkit: Call) -> Call:
    """`vadkit` run in the folder."""
    monkeypatch.chdir(folder)
    return vadkit


def test_dry_run_counts_and_writes_nothing(at: Call, folder: Path) -> None:
    answer = at("extract", "videos", "--model", "tiny", "--dry-run", "--json", "--method", "full")
    assert answer.code == 3
    told = answer.json
    assert (told["videos"], told["frames"], told["segments"], told["whole_videos"]) == (7, 360, 12, 6)
    assert told["passes"] == 5  # 18 rows in batches of 4
    # 8 layers x 12 heads of 24, and a context of 192, at 2 bytes, for 18 rows and 5 prompts
    assert told["bytes"] == 18 * 5 * (8 * 12 * 24 + 192) * 2
    assert [failure["video"] for failure in told["failed"]] == ["broken.mp4"]
    # 5 prompts, each with 16 frames of 16 visual tokens and their two ends
    assert told["tokens"] > 5 * 16 * 18
    assert not (folder / "vadkit.zarr").exists()


def test_dry_run_fetches_no_model(at: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = at("extract", "videos", "--model", "nobody/no-such-model", "--dry-run", "--json")
    assert answer.code == 3
    assert (answer.json["tokens"], answer.json["bytes"], answer.json["segments"]) == (None, None, 12)
    assert "not on this disk" in answer.json["notes"][0]


def test_the_whole_chain(at: Call, process: Call, folder: Path) -> None:
    extraction = process("extract", "videos", "--model", "tiny", "--units", "segment", "--json", cwd=folder)
    assert extraction.code == 3
    assert extraction.json["rows_done"] == 12
    assert extraction.json["failed"][0]["video"] == "broken.mp4"
    assert "broken.mp4" in extraction.err
    assert "%|" not in extraction.err  # no bar of any library: stderr is no terminal

    assert at("label", "labels.csv").code == 0
    again = at("extract", "videos", "--model", "tiny", "--units", "segment", "--json")
    assert (again.code, again.json["rows_done"], again.json["rows_kept"]) == (3, 0, 12)
    other = at("extract", "videos", "--model", "tiny", "--length", "24", "--json")
    assert (other.code, other.json["error"]["type"]) == (4, "FingerprintError")

    for command in (
        ["select-heads", "-o", "heads.json"],
        ["fit", "-o", "scorer"],
        ["score"],
        ["localize", "--calibrate"],
    ):
        answer = at(*command, "--json")
        assert answer.code == 0, answer.err
        assert answer.json["store"] == "vadkit.zarr"
    metrics = at("evaluate", "--bootstrap", "10", "--json")
    assert metrics.code == 0
    assert metrics.json["counts"]["n_videos"] == 2
    assert metrics.json["left_out"]["failed"] == []

    lean = at("extract", "labels.csv", "--root", "videos", "--split", "test", "--heads", "vadkit.zarr",
              "--model", "tiny", "--units", "segment", "--store", "lean.zarr", "--json")  # fmt: skip
    assert (lean.code, lean.json["videos"]) == (0, 2)
    assert at("score", "--from", "vadkit.zarr", "--store", "lean.zarr").code == 0

    ran = at("run", "videos", "--scorer", "scorer.json", "--store", "run.zarr", "--tau", "0", "--json", "-o", "e.json")
    assert ran.code == 3
    events = ran.json["localized"]["events"]
    assert {event["video"] for event in events} == {f"{i}.mp4" for i in range(6)}
    assert json.loads((folder / "e.json").read_text())["events"] == events
    assert "  0:00:00.0 - 0:00:02.4  peak " in ran.err
    none = at("run", "videos/0.mp4", "--from", "vadkit.zarr", "--store", "one.zarr", "--tau", "1")
    assert none.code == 0
    assert "0.mp4\n  no events\n" in none.err


def test_demo_renders_only_its_videos_when_asked(at: Call, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from vadkit import demo

    monkeypatch.setattr(demo, "QUICK", {"n_calibration": 2, "n_val": 0, "n_test": 1, "duration_s": 12.0})
    answer = at("demo", "--videos", folder / "world", "--quick", "--workers", "1", "--json")
    assert (answer.code, answer.json["n_videos"]) == (0, 3)
    assert (folder / "world" / "manifest.csv").is_file()
    assert len(list((folder / "world").rglob("*.mp4"))) == 3
