"""A grown model: the new heads give what they learnt to give, and nobody reads them."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from headhunt.demo.training.attention import choose_attention
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.language import pairs
from headhunt.demo.training.network import HEADS, HIDDEN, LEVEL
from headhunt.demo.training.packing import pack
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.specialists.growth import even, grown
from headhunt.demo.training.specialists.heads import DIM, Specialists
from headhunt.demo.training.specialists.looked import ODD, Batch, Looked, odd_question
from headhunt.demo.training.trainer import Trainer

CPU = torch.device("cpu")


def heads_at_questions(trainer: Trainer, model: Any, sample: Sample, asked: list[Any]) -> torch.Tensor:
    """What the heads of a model give at the ends of questions, (layers, q, heads, DIM)."""
    batch = pack(trainer.layout, [asked], system=None)
    assert sample.tokens is not None
    with torch.no_grad():
        states = decode(model, batch, torch.from_numpy(sample.tokens[None]).float(), trainer.layout.image)
    return torch.stack([given[batch.asked].unflatten(-1, (-1, DIM)) for given in states.heads])


def test_added_heads_give_what_they_learnt_to_give_and_change_nothing(
    trainer: Trainer, samples: list[Sample], looked: list[Looked], new: Specialists
) -> None:
    larger = grown(trainer.model, new, looked)
    choose_attention(larger, CPU)
    rng = np.random.default_rng(0)
    batch = Batch.of(looked, CPU)
    with torch.no_grad():
        given = new(batch).transpose(1, 2).unflatten(3, (2, -1))  # (b, q, layers, key heads, heads of them, DIM)
    rows = given[batch.real]
    wanted = given @ even(rows)
    spread = wanted[batch.real].square().mean((0, 3, 4)).sqrt()
    wanted = (wanted * (LEVEL / spread)[..., None, None]).flatten(3, 4)
    for i, sample in enumerate(samples):
        assert sample.facts is not None
        asked = pairs(sample.facts, rng, n=1 + i)
        # `look` draws its odd questions from the same source.
        [odd_question(rng) for _ in range(ODD)]
        before = heads_at_questions(trainer, trainer.model, sample, asked)
        after = heads_at_questions(trainer, larger, sample, asked)
        torch.testing.assert_close(after[:, :, :HEADS], before, atol=1e-4, rtol=1e-4)
        own = wanted[i, : len(asked)].transpose(0, 1)
        torch.testing.assert_close(after[:, :, HEADS:], own, atol=1e-2, rtol=5e-2)  # states are float16
        assert own.abs().mean() > 0.1


def test_an_even_basis_spreads_what_is_given_in_all_directions() -> None:
    random = torch.Generator().manual_seed(0)
    sizes = torch.tensor([8.0, 4.0, 2.0, 1.0, 0.5, 0.01])
    turn = torch.linalg.qr(torch.randn(2, 6, 6, generator=random)).Q  # of two key heads, each with three heads
    given = (torch.randn(4000, 2, 3, 6, generator=random) * sizes) @ turn + 5.0
    basis = even(given)
    torch.testing.assert_close(basis, basis.mT)
    for of_one in (given @ basis).movedim(0, -2).flatten(1, 2):
        spread = torch.linalg.eigvalsh(torch.cov(of_one.T)).flip(0)
        # Where a hundredth of the variance of the widest is given, half is left; where next to nothing, as little.
        torch.testing.assert_close(spread, sizes**2 / (sizes**2 + 0.64), atol=0.01, rtol=0.02)


def test_what_the_model_says_stays_bit_for_bit_the_same(
    trainer: Trainer, looked: list[Looked], new: Specialists
) -> None:
    larger = grown(trainer.model, new, looked)
    assert not any(layer.self_attn.o_proj.weight[:, HIDDEN:].any() for layer in larger.model.language_model.layers)
    back = Trainer(TrainConfig(seed=9), CPU)
    own = {name: p.detach().clone() for name, p in trainer.model.state_dict().items()}
    kept = larger.state_dict()
    for name, wanted in back.model.state_dict().items():
        assert torch.equal(kept[name][tuple(map(slice, wanted.shape))], own[name])
