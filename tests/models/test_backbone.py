"""Finding the decoder, and proving that its heads add up to its output."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headhunt import models
from headhunt.errors import ModelError
from headhunt.models.backbone import find_decoder, prove_heads


def test_heads_that_do_not_add_up_are_found(tiny: Path) -> None:
    one = models.load(str(tiny))
    handle = one.decoder.layers[1].self_attn.o_proj.register_forward_hook(lambda _m, _a, out: out * 1.5)
    try:
        with pytest.raises(ModelError, match="do not add up"):
            prove_heads(one.decoder, one.spec, device=one.device, tolerance=1e-4)
    finally:
        handle.remove()


def test_a_model_without_a_text_decoder_is_refused() -> None:
    with pytest.raises(ModelError, match="no single text decoder"):
        find_decoder(torch.nn.Sequential(torch.nn.Linear(2, 2)))
