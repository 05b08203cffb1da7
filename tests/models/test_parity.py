"""Pixels and tokens against transformers' own processor, which needs torchvision; `make parity` sets that up."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt import models

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
    ids = one.token_ids("Is it?", n_frames=3, frame_text="Frame{i}: <image>\n", system=None)
    assert ids == theirs["input_ids"][0].tolist()
