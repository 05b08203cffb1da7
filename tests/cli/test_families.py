"""From video files to metrics and events with a small model of each family, by the command line, offline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headhunt.store import Store
from tests.made_models import HEADS, LAYERS, MAKERS
from tests.made_videos import write_video

Call = Callable[..., Any]
SIZES = ((64, 48), (48, 96))  # width and height: frames that keep their shape have several grids


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight short videos of two shapes, and labels."""
    place = tmp_path_factory.mktemp("families-chain")
    (place / "videos").mkdir()
    lines = ["video,split,label,events"]
    for i in range(8):
        write_video(place / "videos" / f"{i}.mp4", 70, first_number=i * 150, size=SIZES[i // 2 % 2])
        split, label = "train" if i < 4 else "test", "abnormal" if i % 2 else "normal"
        lines.append(f"{i}.mp4,{split},{label},{'0-48' if i % 2 else ''}")
    (place / "labels.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return place


@pytest.mark.parametrize("family", MAKERS)
def test_the_whole_chain(
    family: str, checkpoints: dict[str, Path], folder: Path, vadkit: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setenv("VADKIT_STORE", f"{family}.zarr")
    model = ["--model", checkpoints[family], "--offline", "--frames", "5"]

    planned = vadkit("extract", "videos", *model, "--dry-run", "--json")
    assert planned.code == 0, planned.err
    assert planned.json["segments"] == 16
    assert planned.json["operations"]["vision"] > 0

    done = vadkit("extract", "videos", *model, "--units", "segment", "--json")
    assert (done.code, done.json["rows_done"], done.json["failed"]) == (0, 16, []), done.err
    again = vadkit("extract", "videos", *model, "--units", "segment", "--json")
    assert (again.json["rows_done"], again.json["rows_kept"]) == (0, 16)
    store = Store(f"{family}.zarr")
    packing = "image" if family == "internvl" else "video"
    assert store.fingerprint.packing == packing
    assert ("packing" in store.fingerprint.to_json()) == (packing == "video")
    heads = np.stack([store.layer(store.segments().row, layer, prompt="p1") for layer in range(LAYERS)])
    assert heads.shape[:3] == (LAYERS, 16, HEADS)
    assert np.isfinite(heads).all()
    assert (heads.std(1) > 0).mean() > 0.9  # segments differ

    assert vadkit("label", "labels.csv").code == 0
    for command in (["select-heads"], ["fit", "-o", f"{family}"], ["score"], ["localize", "--calibrate"]):
        answer = vadkit(*command, "--json")
        assert answer.code == 0, answer.err
    metrics = vadkit("evaluate", "--bootstrap", "10", "--json")
    assert (metrics.code, metrics.json["counts"]["n_videos"]) == (0, 4)

    ran = vadkit("run", "videos", "--scorer", f"{family}.json", "--store", f"{family}-run.zarr", "--tau", "0",
                 *model[:3], "--json")  # fmt: skip
    assert ran.code == 0, ran.err
    assert {event["video"] for event in ran.json["localized"]["events"]} == {f"{i}.mp4" for i in range(8)}

    fit = vadkit("doctor", "--model", checkpoints[family], "--offline", "--json")
    assert fit.code == 0, fit.err
    assert len(fit.json["checks"]) > 12


@pytest.mark.parametrize("family", ["llava_onevision", "qwen2_5_vl"])
def test_another_packing_is_another_store(
    family: str, checkpoints: dict[str, Path], folder: Path, vadkit: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    model = ["--model", checkpoints[family], "--frames", "4"]
    options = ["videos/0.mp4", *model, "--store", f"{family}-as.zarr", "--json"]
    assert vadkit("extract", *options, "--as", "image").code == 0
    assert Store(f"{family}-as.zarr").fingerprint.packing == "image"
    other = vadkit("extract", *options)
    assert (other.code, other.json["error"]["type"]) == (4, "FingerprintError")
    assert "packing: store image, now video" in other.err


def test_a_family_without_a_packing_for_video_says_so(
    checkpoints: dict[str, Path], folder: Path, vadkit: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    answer = vadkit("extract", "videos", "--model", checkpoints["internvl"], "--as", "video", "--store", "no.zarr")
    assert answer.code == 1
    assert "--as image" in answer.err
