"""Pixels and tokens against transformers' own processor, which needs torchvision; `make parity` sets that up."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.models.backbone import sample_grid
from headhunt.models.templates import numbered, text
from tests.models.test_inputs import CASES, FILE, FRAME_TEXT, STEP_S, Case, check, frames_of, key, ours, summary

_LIBRARIES: list[torch.library.Library] = []


def import_torchvision() -> None:
    """Import it beside a CPU torch: its compiled operators cannot be loaded there, so empty ones are declared."""
    for _ in range(50):
        try:
            import torchvision  # noqa: F401

            return
        except RuntimeError as error:
            missing = re.search(r"operator torchvision::(\w+) does not exist", str(error))
            if missing is None:
                raise
            library = torch.library.Library("torchvision", "FRAGMENT")
            library.define(f"{missing.group(1)}(Tensor x) -> Tensor")
            _LIBRARIES.append(library)
            for name in [m for m in sys.modules if m.split(".")[0] == "torchvision"]:
                del sys.modules[name]
    raise ImportError("torchvision asks for ever more operators")


@pytest.fixture(scope="session")
def torchvision() -> None:
    """The reference's own needs, imported before transformers looks for them; a skip when they are not there."""
    pytest.importorskip("PIL", reason="the reference processor needs Pillow: run `make parity`")
    try:
        import_torchvision()
    except ImportError:
        pytest.skip("the reference processor needs torchvision: run `make parity`")


@pytest.mark.filterwarnings("ignore")  # warnings of torchvision without its compiled part are not ours
@pytest.mark.parametrize("size", [(48, 64), (240, 320), (56, 56)])
def test_pixels_and_tokens_equal_the_reference_processor(torchvision: None, tiny: Path, size: tuple[int, int]) -> None:
    import transformers

    one = models.load(str(tiny))
    frames = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    processor = transformers.InternVLProcessor(
        image_processor=transformers.GotOcr2ImageProcessor.from_pretrained(tiny),
        tokenizer=one.tokenizer,
        video_processor=transformers.InternVLVideoProcessor.from_pretrained(tiny),
        image_seq_length=one.tokens_per_frame,
    )
    text = "<|im_start|>user\n<video>\nIs it?<|im_end|>\n<|im_start|>assistant\n"
    theirs = processor(text=text, videos=[frames], return_tensors="pt", do_sample_frames=False)
    ours = one.preprocess.normalize(torch.from_numpy(np.stack([one.preprocess.resize(f) for f in frames])))
    assert torch.equal(ours, theirs["pixel_values"])
    ids = one.token_ids("Is it?", grid=sample_grid(one, 3), frame_text="Frame{i}: <image>\n", system=None)
    assert ids == theirs["input_ids"][0].tolist()


SYSTEM = "Look closely."


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("system", [SYSTEM, None])
@pytest.mark.parametrize("case", CASES, ids=key)
def test_what_a_family_is_given_equals_its_own_processor(
    torchvision: None, checkpoints: dict[str, Path], case: Case, system: str | None
) -> None:
    """Ids of the whole input, and visual tokens of the pixels, for frames of many sizes."""
    import transformers

    family, packing, n_frames, _ = case
    folder = checkpoints[family]
    one: Any = models.load(str(folder), packing=packing)
    kinds = {
        "qwen2_5_vl": ("Qwen2VLImageProcessor", "Qwen2VLVideoProcessor", "Qwen2_5_VLProcessor"),
        "qwen3_vl": ("Qwen2VLImageProcessor", "Qwen3VLVideoProcessor", "Qwen3VLProcessor"),
        "llava_onevision": (
            "LlavaOnevisionImageProcessor",
            "LlavaOnevisionVideoProcessor",
            "LlavaOnevisionProcessor",
        ),
    }
    pictures, videos, whole = (getattr(transformers, name) for name in kinds[family])
    named = {"num_image_tokens": 25, "vision_feature_select_strategy": "full"} if family == "llava_onevision" else {}
    processor = whole(
        image_processor=pictures.from_pretrained(folder),
        tokenizer=one.tokenizer,
        video_processor=videos.from_pretrained(folder),
        chat_template=one.template or one.tokenizer.chat_template,
        **named,
    )
    frames = frames_of(case)
    if packing == "video":
        parts = [{"type": "video"}, text("Is it?")]
    elif family != "llava_onevision":
        parts = [*numbered(FRAME_TEXT, n_frames), text("Is it?")]
    else:
        parts = [text("".join(FRAME_TEXT.replace("{i}", str(i + 1)) for i in range(n_frames)) + "Is it?")]
    messages = [{"role": "user", "content": parts}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": [text(system)]})
    asked = processor.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    shown = {"videos": [frames]} if packing == "video" else {"images": [list(frames)]}
    options: dict[str, Any] = {"do_sample_frames": False} if packing == "video" else {}
    if packing == "video":  # every other frame, from the second on: the centres of bins of two
        numbers = [2 * i + 1 for i in range(n_frames)]
        metadata = {"total_num_frames": 2 * n_frames, "fps": 2 / STEP_S, "frames_indices": numbers}
        options["video_metadata"] = [metadata]
    theirs = processor(text=[asked], **shown, **options, return_tensors="pt")

    ids, resized, grid = ours(one, case, system)
    assert ids == theirs["input_ids"][0].tolist()
    assert ids.count(one.placeholder_id) == one.visual_tokens(grid)
    pixels = theirs["pixel_values_videos" if packing == "video" else "pixel_values"]
    if system is None:
        given = summary(ids, pixels)
        if os.environ.get("HEADHUNT_WRITE_GOLDEN"):
            kept = json.loads(FILE.read_text()) if FILE.is_file() else {}
            FILE.write_text(json.dumps(dict(sorted({**kept, key(case): given}.items())), indent=1) + "\n")
        check(given, case)

    inputs = {k: v for k, v in theirs.items() if k not in {"input_ids", "attention_mask", "mm_token_type_ids"}}
    seconds = inputs.pop("second_per_grid_ts", None)
    assert seconds is None or float(seconds[0]) == pytest.approx(2 * STEP_S)
    core = one.model.model
    with torch.inference_mode():
        found = one.in_a_row(one.encode_frames(torch.from_numpy(resized))[None])[0]
        if packing == "video":
            expected = core.get_video_features(**inputs).pooler_output
        else:
            expected = core.get_image_features(**inputs).pooler_output
    expected = torch.cat([part.reshape(-1, found.shape[-1]) for part in expected])
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=1e-5)
