"""What a dry run predicts: operations against formulas and real passes, time from passes that are really run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from headhunt.errors import ComputeError, ModelError
from headhunt.extraction import costs
from headhunt.extraction.activations import Extractor
from headhunt.extraction.preparation import Run
from headhunt.models import Backbone
from headhunt.prompts import load
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


def row_of(run: Run) -> costs.Operations:
    return costs.operations(run.extractor).times(units=4, rows=1)


def weights(module: nn.Module) -> int:
    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Linear))


def frame_by_hand(backbone: Backbone) -> float:
    """Linear layers 2 x weights x tokens, attention 4 x tokens^2 x width a layer."""
    core, config = backbone.model.model, backbone.model.config.vision_config
    patches = core.vision_tower.embeddings.patch_embeddings.num_patches
    tower = patches * core.vision_tower.embeddings.patch_embeddings.projection.weight.numel()
    tower += (patches + 1) * weights(core.vision_tower)
    attention = 2 * config.num_hidden_layers * (patches + 1) ** 2 * config.hidden_size
    return 2 * (tower + attention + patches // 4 * weights(core.multi_modal_projector))


def pass_by_hand(extractor: Extractor, new: int, before: int, read: int) -> float:
    """The same of a pass over `new` tokens on top of `before` cached ones; every token sees all, masked or not."""
    last = extractor.backbone.spec.layers - 1 if extractor.stop is None else extractor.stop
    width = extractor.backbone.spec.heads * extractor.backbone.spec.head_dim
    total = 0.0
    for index, layer in enumerate(extractor.backbone.decoder.layers[: last + 1]):
        attention, rows = layer.self_attn, read if index == extractor.narrow else new
        used = weights(layer) if index != extractor.stop else weights(attention) - weights(attention.o_proj)
        total += 2 * rows * used + 4 * rows * (before + new) * width
        if index == extractor.narrow:
            total += 2 * new * (weights(attention.k_proj) + weights(attention.v_proj))
    return total


@pytest.mark.parametrize("attn", ["sdpa", "eager"])
@pytest.mark.parametrize(("sharing", "n_prompts"), [("packed", 1), ("packed", 5), ("loop", 2), ("full", 2)])
@pytest.mark.parametrize(("heads", "context"), [(None, True), ((Head(2, 1), Head(0, 3)), False)])
def test_operations_are_those_of_the_formulas(
    run: Run, attn: str, sharing: str, n_prompts: int, heads, context: bool
) -> None:
    prompts = load("headhunt5")
    asked = replace(prompts, prompts=prompts.prompts[:n_prompts], scoring=prompts.ids[0])
    extractor = Extractor.of(run.backbone, asked, n_frames=4, heads=heads, context=context, sharing=sharing)
    tokens = extractor.tokens
    shared, rests = len(tokens.prefix), [len(suffix) for suffix in tokens.suffixes]
    passes = [(n, shared, 1) for n in rests]
    if sharing == "packed":
        passes = [(sum(rests), shared, len(rests))]
    if sharing == "full" or (sharing == "packed" and n_prompts == 1):
        passes, shared = [(n, 0, 1) for n in tokens.lengths], 0
    run.backbone.decoder.set_attn_implementation(attn)
    try:
        cost = costs.operations(extractor)
    finally:
        run.backbone.decoder.set_attn_implementation("eager")
    assert cost.vision == frame_by_hand(run.backbone)
    assert cost.prefix == (pass_by_hand(extractor, shared, 0, 0) if shared else 0)
    assert cost.suffixes == sum(pass_by_hand(extractor, *sizes) for sizes in passes)


def test_counting_leaves_the_model_as_it_was(run: Run) -> None:
    before = {name: (id(p), p.device, p._version) for name, p in run.backbone.model.named_parameters()}
    parts = dict(vars(run.backbone))
    costs.operations(run.extractor)
    assert {name: (id(p), p.device, p._version) for name, p in run.backbone.model.named_parameters()} == before
    assert all(vars(run.backbone)[name] is part for name, part in parts.items())
    assert not any(m._forward_pre_hooks or m._forward_hooks for m in run.backbone.model.modules())
    assert "forward" not in vars(run.extractor)


@pytest.mark.parametrize("sharing", ["packed", "loop", "full"])
@pytest.mark.parametrize(("heads", "context"), [(None, True), ((Head(2, 1), Head(0, 3)), False)])
@pytest.mark.parametrize("narrow", [True, False])
def test_operations_are_those_of_a_real_pass(run: Run, sharing: str, heads, context: bool, narrow: bool) -> None:
    extractor = Extractor(run.backbone, run.extractor.questions, heads=heads, context=context, sharing=sharing)
    if not narrow:
        extractor.narrow = None
    pixels = pixels_of(run, 1)
    with FlopCounterMode(display=False) as counter:
        visual = extractor.encode(pixels[0])
    seen = counter.get_total_flops()
    with FlopCounterMode(display=False) as counter:
        extractor.read(visual[None], extractor.questions.grid)
    cost = costs.operations(extractor)
    assert 4 * cost.vision == seen
    assert cost.prefix + cost.suffixes == counter.get_total_flops()
    assert (cost.prefix == 0) == (sharing == "full")


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
    row = row_of(run)
    times = iter([0.0, 0.0, 9.0, 9.0, 9.0, 12.0, 12.0, 12.0, 16.0])  # passes of 9, 3 and 4 seconds
    monkeypatch.setattr(costs, "_speed", lambda _extractor: 1e15)
    monkeypatch.setattr(Extractor, "__call__", lambda self, pixels: shapes.append(pixels.shape))
    monkeypatch.setattr(costs.time, "monotonic", lambda: next(times))
    measured = costs.pace(run.extractor, row, 4, 2)
    monkeypatch.undo()
    assert shapes == [(2, 4, 3, 56, 56)] * 3
    assert measured.seconds == pytest.approx(3.0 / 2)


def test_what_would_take_too_long_is_not_run(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costs, "_speed", lambda _extractor: 1e3)
    monkeypatch.setattr(Extractor, "__call__", lambda self, pixels: pytest.fail("it was run"))
    cost = row_of(run)
    measured = costs.pace(run.extractor, row_of(run), 4, 2)
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
    row = row_of(run)
    assert "passes of 1 over" in costs.pace(run.extractor, row, 4, 4).source
    assert shapes == [4, 2, 1, 1, 1]
    room = 0
    with pytest.raises(ComputeError, match="does not fit"):
        costs.pace(run.extractor, row, 4, 4)


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
