"""Rows of videos of several sizes: batches of one grid each, and the vectors they would have alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt import segments, video
from headhunt.extraction.activations import Extractor
from headhunt.models import Grid
from headhunt.records import Interval
from headhunt.stages.extract import ExtractConfig, extract, prepare
from headhunt.store import Store
from tests.made_videos import write_video

SIZES = {"a": (64, 48), "b": (48, 96), "c": (64, 48), "d": (200, 40)}


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sizes")
    for name, size in SIZES.items():
        write_video(folder / f"{name}.mp4", 130, size=size)
    return folder


@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "llava_onevision"])
@pytest.mark.parametrize("stride", [12, 48])
def test_batches_have_one_grid_and_rows_are_as_if_alone(
    checkpoints: dict[str, Path],
    videos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    family: str,
    stride: int,
) -> None:
    config = ExtractConfig(model=str(checkpoints[family]), n_frames=5, stride=stride, batch_size=3, decoders=0)
    read: list[tuple[Grid, int]] = []
    original = Extractor.read

    def remember(self: Extractor, visual, grid: Grid):
        read.append((grid, len(visual)))
        assert visual.shape[1] == grid.units
        return original(self, visual, grid)

    with monkeypatch.context() as patch:
        patch.setattr(Extractor, "read", remember)
        extract([videos], tmp_path / "s.zarr", config)
    store = Store(tmp_path / "s.zarr")
    table = store.segments()
    assert sum(n for _, n in read) == len(table) == len(table.done())
    shapes = {(grid.rows, grid.columns) for grid, _ in read}
    assert len(shapes) == (1 if family == "llava_onevision" else 3)
    # Where positions carry time, tails and whole videos have grids of their own.
    assert max(n for _, n in read) == (3 if stride == 12 or len(shapes) == 1 else 2)

    run = prepare(config)
    oracle = Extractor(run.backbone, run.extractor.questions, sharing="full")
    for i in range(0, len(table), 3):
        path = videos / store.videos().path[table.video[i]]
        wanted = segments.sample_frames(Interval(int(table.start_frame[i]), int(table.end_frame[i])), 5)
        frames = video.read_frames(path, wanted)
        tile = run.backbone.preprocess.of(*frames.shape[1:3], 5)
        step_s = (table.end_s[i] - table.start_s[i]) / 5
        expected = oracle(np.stack([tile.resize(frame) for frame in frames])[None], step_s=round(float(step_s), 6))
        for layer in range(run.backbone.spec.layers):
            got = store.layer(table.row[i : i + 1], layer, prompt=store.prompts[1])[0]
            np.testing.assert_allclose(got, expected.heads[0, 1, layer], rtol=2e-3, atol=1e-4)


def test_time_is_in_the_positions_of_a_longer_segment(
    checkpoints: dict[str, Path], videos: Path, tmp_path: Path
) -> None:
    """The same frames, said to be further apart, are at other places: a whole-video row's are."""
    run = prepare(ExtractConfig(model=str(checkpoints["qwen2_5_vl"]), n_frames=4))
    tile = run.backbone.preprocess.of(48, 64, 5)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 4, 3, tile.height, tile.width), dtype=np.uint8)
    near, far = (run.extractor(pixels, step_s=step).heads for step in (0.1, 30.0))
    assert np.abs(near - far).max() > 1e-3


def test_a_video_that_the_model_takes_no_frames_of_fails_alone(checkpoints: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "narrow.mp4", 30, size=(804, 4))
    write_video(tmp_path / "videos" / "wide.mp4", 30)
    config = ExtractConfig(model=str(checkpoints["qwen2_5_vl"]), n_frames=4, decoders=0, units="segment")
    report = extract([tmp_path / "videos"], tmp_path / "s.zarr", config)
    assert (report.rows_done, report.rows_failed) == (1, 1)
    assert [name for name, reason in report.failed if "too narrow for this model" in reason] == ["narrow.mp4"]
