"""What a dry run predicts: operations against those that torch counts, time from passes that are really run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from headhunt.errors import ComputeError, ModelError
from headhunt.extraction import costs
from headhunt.extraction.activations import Extractor
from headhunt.extraction.preparation import Run
from headhunt.records import Head
from headhunt.stages.dry_run import dry_run
from headhunt.stages.extract import ExtractConfig, prepare
from tests.made_videos import write_video


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), n_frames=4, batch_size=2, attn="eager")  # torch counts its products


@pytest.fixture(scope="module")
def run(config: ExtractConfig) -> Run:
    return prepare(config)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("v") / "v.mp4", 96)


def pixels_of(run: Run, batch: int) -> np.ndarray:
    size = (batch, 4, 3, run.backbone.preprocess.height, run.backbone.preprocess.width)
    return np.random.default_rng(0).integers(0, 256, size, dtype=np.uint8)


@pytest.mark.parametrize("method", ["packed", "loop", "full"])
@pytest.mark.parametrize(("heads", "context"), [(None, True), ((Head(2, 1), Head(0, 3)), False)])
@pytest.mark.parametrize("narrow", [True, False])
def test_operations_are_those_that_torch_counts(run: Run, method: str, heads, context: bool, narrow: bool) -> None:
    extractor = Extractor(run.backbone, run.tokens, heads=heads, context=context, method=method)
    if not narrow:
        extractor.narrow = None
    pixels = pixels_of(run, 1)
    with FlopCounterMode(display=False) as counter:
        visual = extractor.encode(pixels[0])
    seen = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        extractor.read(visual[None])
    cost = costs.operations(extractor)
    assert 4 * cost.vision == pytest.approx(seen, rel=1e-3)
    assert cost.prefix + cost.suffixes == pytest.approx(counter.get_total_flops(), rel=1e-3)
    assert (cost.prefix == 0) == (method == "full")


def test_shared_frames_are_counted_once_and_rows_all(config: ExtractConfig, run: Run, video: Path) -> None:
    one = costs.operations(run.extractor)
    plain = dry_run([video], "none.zarr", replace(config, units="segment"))
    assert plain.segments == 2
    assert plain.operations is not None
    assert plain.operations.vision == pytest.approx(8 * one.vision)
    assert plain.operations.total == pytest.approx(8 * one.vision + 2 * (one.prefix + one.suffixes))
    shared = dry_run([video], "none.zarr", replace(config, units="segment", stride=12))
    assert shared.segments == 5
    assert shared.operations is not None
    assert shared.operations.vision == pytest.approx(8 * one.vision)  # every 12th frame, whatever segments show it
    assert shared.seconds is not None
    assert plain.seconds is not None
    assert shared.seconds > 0 < plain.seconds
    assert "3 passes of 2 over random pixels on cpu" in plain.estimate


def test_the_time_is_that_of_real_passes_of_the_true_shape(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[tuple[int, ...]] = []
    times = iter([0.0, 0.0, 9.0, 9.0, 9.0, 12.0, 12.0, 12.0, 16.0])  # passes of 9, 3 and 4 seconds
    monkeypatch.setattr(costs, "_speed", lambda _extractor: 1e15)
    monkeypatch.setattr(Extractor, "__call__", lambda self, pixels: shapes.append(pixels.shape))
    monkeypatch.setattr(costs.time, "monotonic", lambda: next(times))
    measured = costs.pace(run.extractor, 4, 2)
    monkeypatch.undo()
    assert shapes == [(2, 4, 3, 56, 56)] * 3
    assert measured.seconds == pytest.approx(3.0 / 2)


def test_what_would_take_too_long_is_not_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_speed", lambda _extractor: 1e3)
    monkeypatch.setattr(Extractor, "__call__", lambda self, pixels: pytest.fail("it was run"))
    cost = costs.operations(run.extractor).times(frames=4, rows=1)
    measured = costs.pace(run.extractor, 4, 2)
    assert measured.seconds == pytest.approx(cost.total / 1e3)
    assert "matrix product" in measured.source


def test_less_is_measured_where_a_batch_does_not_fit(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    shapes: list[int] = []
    room = 1

    def call(_self: Extractor, pixels: np.ndarray) -> None:
        shapes.append(len(pixels))
        if len(pixels) > room:
            raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(Extractor, "__call__", call)
    assert "passes of 1 over" in costs.pace(run.extractor, 4, 4).source
    assert shapes == [4, 2, 1, 1, 1]
    room = 0
    with pytest.raises(ComputeError, match="does not fit"):
        costs.pace(run.extractor, 4, 4)


def test_a_device_that_is_not_here_leaves_the_time_open_and_counts_all_the_same(
    config: ExtractConfig, video: Path
) -> None:
    told = dry_run([video], "none.zarr", replace(config, device="cuda:77"))
    assert (told.seconds, told.estimate) == (None, "")
    assert told.operations is not None
    assert told.tokens is not None
    assert "cannot be loaded here as asked" in told.notes[-1]
    with pytest.raises(ModelError):
        dry_run([video], "none.zarr", replace(config, model="/nowhere"))


def test_a_batch_size_that_is_still_to_be_found_leaves_the_passes_open(config: ExtractConfig, video: Path) -> None:
    told = dry_run([video], "none.zarr", replace(config, batch_size="auto"))
    assert told.passes is None
    assert told.seconds is not None
