"""One contract for all families: every clause on a small model of each real class, in each packing it has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.errors import ModelError
from headhunt.extraction import contract
from headhunt.extraction.activations import Extractor
from headhunt.models.backbone import sample_grid
from headhunt.models.families import FAMILIES
from headhunt.prompts import load
from tests.made_models import MAKERS

# A family in its own packing, and in the other where it has one.
KINDS = [("internvl", "image"), ("qwen2_5_vl", "video"), ("qwen2_5_vl", "image")]
KINDS += [("qwen3_vl", "video"), ("qwen3_vl", "image"), ("llava_onevision", "video"), ("llava_onevision", "image")]


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def trial(request: pytest.FixtureRequest, checkpoints: dict[str, Path]) -> contract.Trial:
    family, packing = request.param
    return contract.Trial(models.load(str(checkpoints[family]), packing=packing))


def test_every_family_is_tried() -> None:
    assert {*FAMILIES} == {*MAKERS} == {family for family, _ in KINDS}


@pytest.mark.parametrize("name", contract.CLAUSES)
def test_the_clause_holds(trial: contract.Trial, name: str) -> None:
    assert contract.CLAUSES[name](trial)


@pytest.mark.parametrize("size", [(1080, 1920), (320, 100), (57, 43)])
def test_videos_of_any_size_are_read_alike_by_all_sharings(trial: contract.Trial, size: tuple[int, int]) -> None:
    other = contract.Trial(trial.backbone, size)
    for name in ("packed = full", "loop = full", "visual tokens as predicted"):
        assert contract.CLAUSES[name](other)


@pytest.mark.parametrize("family", MAKERS)
def test_it_holds_in_bfloat16(checkpoints: dict[str, Path], family: str) -> None:
    found = contract.check(models.load(str(checkpoints[family]), dtype="bfloat16"))
    assert [clause for clause in found if not clause.ok] == []


@pytest.mark.parametrize("family", MAKERS)
def test_a_checkpoint_in_several_shards_and_half_precision_matches(
    checkpoints: dict[str, Path], family: str, tmp_path: Path
) -> None:
    one = models.load(str(checkpoints[family]), dtype="bfloat16")
    folder = tmp_path / "shards"
    folder.mkdir()
    for file in checkpoints[family].iterdir():
        if file.suffix != ".safetensors":
            (folder / file.name).write_bytes(file.read_bytes())
    with models.quiet():
        one.model.save_pretrained(folder, max_shard_size="100KB")  # type: ignore[operator]
    assert len(list(folder.glob("*.safetensors"))) > 1
    assert json.loads((folder / "config.json").read_text())["dtype"] == "bfloat16"
    again = models.load(str(folder), dtype="bfloat16", offline=True)
    first, second = (contract.Trial(backbone).full for backbone in (one, again))
    np.testing.assert_array_equal(first.heads, second.heads)


def test_the_vectors_are_those_of_the_models_own_forward(trial: contract.Trial) -> None:
    """transformers' own whole forward pass over the same ids, visual tokens and positions, read by a plain hook."""
    one, grid = trial.backbone, trial.grid
    prompt = load("headhunt5")
    ids = one.token_ids(prompt.prompts[0].text, grid=grid, frame_text=prompt.frame_text, system=prompt.system)
    frames = trial.pixels[0]
    whole = np.concatenate([frames, frames[-1:].repeat(-len(frames) % one.frames_per_unit, 0)])
    seen: dict[int, torch.Tensor] = {}
    layers: Any = one.decoder.layers  # type: ignore[attr-defined]
    handles = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _m, args, i=i: seen.__setitem__(i, args[0][0, -1]))
        for i, layer in enumerate(layers)
    ]
    pixels = one.preprocess.normalize(torch.from_numpy(whole))
    try:
        with torch.inference_mode():
            one.model(input_ids=torch.tensor([ids]), **own_inputs(one, pixels), position_ids=positions(one, ids, grid))
    finally:
        for handle in handles:
            handle.remove()
    got = torch.stack([seen[i] for i in range(len(layers))]).view(trial.full.heads.shape[2:])
    np.testing.assert_allclose(trial.full.heads[0, 0], got.numpy(), atol=1e-5, rtol=1e-4)


def positions(one: Any, ids: list[int], grid: models.Grid) -> torch.Tensor:
    found = one.positions(ids, grid)
    return found.expand(*found.shape[:-2], 1, -1)


def own_inputs(one: Any, pixels: torch.Tensor) -> dict[str, Any]:
    """Normalised frames as the model's own processor hands them over."""
    family, video = one.model.config.model_type, one.packing == "video"
    if family == "internvl":
        return {"pixel_values": pixels}
    if family == "llava_onevision":
        if video:
            return {"pixel_values_videos": pixels[None]}
        return {
            "pixel_values": pixels[:, None],
            "image_sizes": torch.tensor([pixels.shape[-2:]] * len(pixels)),
            "batch_num_images": torch.tensor([len(pixels)]),
        }
    patch = one.model.config.vision_config.patch_size
    high, wide = pixels.shape[2] // patch, pixels.shape[3] // patch
    if not video:
        pixels = pixels.repeat_interleave(2, 0)
    rows = []
    for unit in pixels.split(2):
        for y in range(0, high, 2):
            for x in range(0, wide, 2):
                for dy in range(2):
                    for dx in range(2):
                        top, left = patch * (y + dy), patch * (x + dx)
                        rows.append(unit[:, :, top : top + patch, left : left + patch].transpose(0, 1).reshape(-1))
    units, name = len(pixels) // 2, "video" if video else "image"
    grid = [[units, high, wide]] if video else [[1, high, wide]] * units
    values = {"pixel_values_videos" if video else "pixel_values": torch.stack(rows)}
    return values | {f"{name}_grid_thw": torch.tensor(grid)}


def test_a_broken_family_fails_the_clause_that_it_breaks(
    checkpoints: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    one: Any = models.load(str(checkpoints["qwen2_5_vl"]))
    original = type(one).positions

    def flat(self: Any, ids: Any, grid: Any, *, after: Any = ()) -> torch.Tensor:
        return original(self, ids, grid, after=after) * 0

    def as_if_alone(self: Any, ids: Any, grid: Any, *, after: Any = ()) -> torch.Tensor:
        return original(self, ids, grid)

    def failed() -> list[str]:
        return [clause.name for clause in contract.check(one) if not clause.ok]

    assert failed() == []
    with monkeypatch.context() as patch:
        patch.setattr(type(one), "positions", flat)
        assert failed() == ["positions increase over frames"]
    with monkeypatch.context() as patch:
        patch.setattr(type(one), "positions", as_if_alone)
        assert {"packed = full", "loop = full"} <= {*failed()}
    with monkeypatch.context() as patch:
        patch.setattr(type(one), "visual_tokens", lambda self, grid: grid.units * 7)
        with pytest.raises(ModelError, match="than predicted"):
            contract.CLAUSES["visual tokens as predicted"](contract.Trial(one))


def test_internvl_has_no_packing_for_video(checkpoints: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="no packing of its own for video"):
        models.load(str(checkpoints["internvl"]), packing="video")
    with pytest.raises(ModelError, match="unknown way to show frames"):
        models.load(str(checkpoints["internvl"]), packing="frames")


def test_prompts_cannot_hold_what_stands_for_frames(trial: contract.Trial) -> None:
    one: Any = trial.backbone
    spelt = one.placeholder()
    for text, system in ((f"Is {spelt}?", None), ("Is it?", f"{spelt}")):
        with pytest.raises(ModelError, match="holds the image token"):
            one.token_ids(text, grid=sample_grid(one, 2), frame_text="<image>", system=system)


def test_frames_are_odd_or_even_in_number(trial: contract.Trial) -> None:
    """The last of an odd number is shown twice, so that showing it twice oneself gives the same."""
    one = trial.backbone
    asked = load("headhunt5")
    odd = trial.pixels[:, :3]
    even = np.concatenate([odd, odd[:, -1:]], 1)
    three = Extractor.of(one, asked, n_frames=3)(odd, step_s=1.0)
    if one.frames_per_unit == 2 and not trial.grid.stamps:  # where it is told its time, it would be another
        np.testing.assert_array_equal(three.heads, Extractor.of(one, asked, n_frames=4)(even, step_s=1.0).heads)
    else:
        assert np.isfinite(three.heads).all()
