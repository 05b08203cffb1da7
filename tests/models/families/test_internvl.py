"""InternVL: the prompt's tokens, and frames through the vision tower."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoTokenizer

from headhunt import models
from headhunt.errors import ModelError
from headhunt.models.backbone import sample_grid
from headhunt.models.families import internvl


def test_many_frames_go_through_the_vision_tower_in_passes_that_change_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = models.load(str(tiny), device="cpu", dtype="float32")
    sizes: list[int] = []
    one.vision_layers[0].register_forward_pre_hook(lambda _m, args: sizes.append(len(args[0])))
    shape = (7, 3, one.preprocess.height, one.preprocess.width)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = one.encode_frames(frames)
        assert sizes == [7]
        monkeypatch.setattr(internvl, "LARGEST_ON_CPU", 1)  # a pass has one frame at least
        torch.testing.assert_close(one.encode_frames(frames), whole, atol=1e-5, rtol=1e-4)
        assert sizes[1:] == [1] * 7
        sizes.clear()
        vision = one.model.config.vision_config
        a_token = max(3 * vision.hidden_size, vision.intermediate_size) * 4
        tokens = 1 + shape[2] * shape[3] // (vision.patch_size[0] * vision.patch_size[1])
        monkeypatch.setattr(internvl, "LARGEST_ON_CPU", 4 * tokens * a_token)
        torch.testing.assert_close(one.encode_frames(frames), whole, atol=1e-5, rtol=1e-4)
        assert sizes == [4, 3]


def test_the_last_position_is_the_generation_prompt(tiny: Path) -> None:
    one = models.load(str(tiny))
    ids = one.token_ids("Is it?", grid=sample_grid(one, 2), frame_text="Frame{i}: <image>\n", system="Look.")
    text = AutoTokenizer.from_pretrained(tiny).decode(ids)
    tile = "<img>" + "<IMG_CONTEXT>" * 4 + "</img>"
    assert text == (
        "<|im_start|>system\nLook.<|im_end|>\n<|im_start|>user\n"
        f"Frame1: {tile}\nFrame2: {tile}\nIs it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_prompt_cannot_smuggle_in_frames(tiny: Path) -> None:
    one = models.load(str(tiny))
    with pytest.raises(ModelError, match="image token"):
        one.token_ids("<IMG_CONTEXT>", grid=sample_grid(one, 1), frame_text="<image>", system=None)
