"""What the decoder's pass keeps."""

from __future__ import annotations

import numpy as np
import torch

from headhunt.demo.training.decoder import decode
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.language import pairs
from headhunt.demo.training.network import HIDDEN
from headhunt.demo.training.packing import pack
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.trainer import Trainer


def test_what_heads_give_is_what_o_proj_gets(trainer: Trainer, samples: list[Sample]) -> None:
    seen: dict[int, torch.Tensor] = {}
    layers = trainer.model.model.language_model.layers
    handles = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _m, args, i=i: seen.__setitem__(i, args[0]))
        for i, layer in enumerate(layers)
    ]
    asked = [pairs(s.facts, np.random.default_rng(0), n=3) for s in samples]
    batch = pack(trainer.layout, asked, system=None)
    visual = torch.randn(2, 16 * TOKENS, HIDDEN, generator=torch.Generator().manual_seed(0))
    try:
        with torch.no_grad():
            heads = decode(trainer.model, batch, visual, trainer.layout.image).heads
    finally:
        for handle in handles:
            handle.remove()
    assert all(torch.equal(given, seen[i]) for i, given in enumerate(heads))
    assert not any(layer.self_attn.o_proj._forward_pre_hooks for layer in layers)
