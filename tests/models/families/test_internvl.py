"""InternVL: the prompt's tokens, and frames through the vision tower."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, DynamicCache

from headhunt import models
from headhunt.errors import ModelError
from headhunt.extraction.activations import Extractor
from headhunt.extraction.questions import share
from headhunt.models import last_layer
from headhunt.models.backbone import sample_grid
from headhunt.models.families import internvl
from headhunt.prompts import load


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


def test_features_of_the_embedded_model_are_bit_for_bit_those_of_the_first_edition() -> None:
    """Its packed pass, written out: a prefix of arange positions, all rests in one row, the last layer where read."""
    one = models.load("tiny", device="cpu", dtype="float32")
    asked = load("headhunt5")
    shape = (2, 4, 3, one.preprocess.height, one.preprocess.width)
    pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(3))
    found = Extractor.of(one, asked, n_frames=4)(pixels.numpy())

    grid = sample_grid(one, 4)
    whole = [one.token_ids(p.text, grid=grid, frame_text=asked.frame_text, system=None) for p in asked.prompts]
    tokens = share(whole, placeholder_id=one.placeholder_id)
    start, lengths = len(tokens.prefix), [len(suffix) for suffix in tokens.suffixes]
    last, ends = one.spec.layers - 1, [sum(lengths[: i + 1]) - 1 for i in range(len(lengths))]
    seen: list[torch.Tensor] = []
    rows = torch.tensor(ends)

    def read(_module: object, args: tuple[torch.Tensor, ...]) -> None:
        seen.append(args[0].clone() if args[0].shape[1] == len(ends) else args[0][:, rows])

    decoder = one.decoder
    with torch.inference_mode():
        visual = one.encode_frames(pixels.flatten(0, 1)).unflatten(0, (2, 4))
        row = torch.tensor(tokens.prefix)
        prefix = one.model.get_input_embeddings()(row)[None].expand(2, -1, -1).clone()
        prefix[:, row == one.placeholder_id] = visual.flatten(1, 2)
        cache = DynamicCache(config=decoder.config)
        held = {last_layer.cache_name(decoder): cache, "use_cache": True}
        with last_layer.narrowed(decoder, last, []), suppress(last_layer.StopForwardError):
            decoder(inputs_embeds=prefix, position_ids=torch.arange(start)[None].expand(2, -1), **held)
        rests = torch.tensor([token for suffix in tokens.suffixes for token in suffix])
        owner = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
        own = (owner[:, None] == owner) & torch.ones(len(rests), len(rests), dtype=torch.bool).tril()
        allowed = torch.cat([torch.ones(len(rests), start, dtype=torch.bool), own], 1)
        mask = torch.zeros(1, 1, *allowed.shape).masked_fill_(~allowed, torch.finfo(torch.float32).min)
        handles = [layer.self_attn.o_proj.register_forward_pre_hook(read) for layer in decoder.layers]
        embedded = one.model.get_input_embeddings()(rests)[None].expand(2, -1, -1)
        positions = torch.cat([torch.arange(start, start + n) for n in lengths])[None].expand(2, -1)
        with last_layer.narrowed(decoder, last, ends):
            out = decoder(inputs_embeds=embedded, position_ids=positions, attention_mask=mask, **held)
        for handle in handles:
            handle.remove()
    heads = torch.stack(seen, 2).unflatten(-1, (one.spec.heads, one.spec.head_dim))
    np.testing.assert_array_equal(found.heads, heads.numpy())
    np.testing.assert_array_equal(found.context, out.last_hidden_state.numpy())
