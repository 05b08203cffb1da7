"""The specialists themselves: queries, keys and values of the new heads, and what each has to know."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from headhunt.demo.training import network
from headhunt.demo.training.attention import FAR
from headhunt.demo.training.patches import INDEX, PATCH_WORDS, TOPICS
from headhunt.demo.training.specialists.looked import Batch

ADDED, ADDED_KEYS = 4, 2  # heads and key-value heads added to each layer, as many sharing a key as in the model
SHARING = ADDED // ADDED_KEYS
DIM = network.HIDDEN // network.HEADS


class Specialists(nn.Module):
    """Queries, keys and values of the new heads of all layers, and their read-outs for training.

    Args:
        rotary: The decoder's rotary embedding.
        seed: Seed of the weights.
    """

    topic: torch.Tensor

    def __init__(self, rotary: Any, *, seed: int = 0) -> None:
        super().__init__()
        random, layers = torch.Generator().manual_seed(seed), network.LAYERS

        def drawn(*shape: int, std: float) -> nn.Parameter:
            return nn.Parameter(torch.randn(*shape, generator=random) * std)

        self._rotary = [rotary]  # in a list, so that torch does not register it
        self.q = drawn(layers, network.HIDDEN, ADDED * DIM, std=0.07)
        self.k = drawn(layers, network.HIDDEN, ADDED_KEYS * DIM, std=0.07)
        self.v = drawn(layers, network.HIDDEN, ADDED_KEYS * DIM, std=0.05)
        self.q_bias = nn.Parameter(torch.zeros(layers, ADDED * DIM))
        self.k_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS * DIM))
        self.v_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS * DIM))
        self.read = drawn(layers, ADDED_KEYS, DIM, len(PATCH_WORDS), std=0.02)
        self.read_bias = nn.Parameter(torch.zeros(layers, ADDED_KEYS, len(PATCH_WORDS)))
        self.register_buffer("topic", words_of(topic_of(layers)), persistent=False)

    def forward(self, batch: Batch) -> torch.Tensor:
        """Head outputs at the ends of the questions, (b, layers, q, ADDED, DIM)."""
        x = batch.states
        ends = batch.asked[:, None, :, None].expand(-1, x.shape[1], -1, x.shape[3])
        q = torch.einsum("blqc,lcd->blqd", x.gather(2, ends), self.q) + self.q_bias[:, None]
        k = torch.einsum("bltc,lcd->bltd", x, self.k) + self.k_bias[:, None]
        v = torch.einsum("bltc,lcd->bltd", x, self.v) + self.v_bias[:, None]
        q = self._turned(q.unflatten(-1, (ADDED_KEYS, SHARING, DIM)), batch.positions.gather(1, batch.asked))
        k = self._turned(k.unflatten(-1, (ADDED_KEYS, DIM)), batch.positions)
        scores = torch.einsum("blqgnd,bltgd->blgnqt", q, k) / DIM**0.5
        scores = scores.masked_fill(~batch.allowed[:, None, None, None], FAR)
        given = torch.einsum("blgnqt,bltgd->blqgnd", scores.softmax(-1), v.unflatten(-1, (ADDED_KEYS, DIM)))
        return given.flatten(-3, -2)

    def _turned(self, x: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Queries or keys (b, layers, t, ..., DIM) with the decoder's rotary embedding for positions (b, t)."""
        from transformers.models.qwen2.modeling_qwen2 import rotate_half

        b, t = positions.shape
        shape = (b, 1, t, *(1,) * (x.ndim - 4), DIM)
        cos, sin = (part.float().view(shape) for part in self._rotary[0](x, positions))
        turned: torch.Tensor = x * cos + rotate_half(x) * sin
        return turned

    def losses(self, batch: Batch, given: torch.Tensor) -> torch.Tensor:
        """Mean squared error of each head, (layers, ADDED), over the words of its topic and the questions.

        Args:
            batch: What the heads looked at, with `seen` standardised.
            given: Head outputs.
        """
        read, bias = self.read.repeat_interleave(SHARING, 1), self.read_bias.repeat_interleave(SHARING, 1)
        missed = torch.einsum("blqhd,lhdw->blqhw", given, read) + bias[:, None] - batch.seen[:, None, None, None]
        known = self.topic.repeat_interleave(SHARING, 1)
        of_question = (missed.square() * known[:, None]).sum(-1) / known.sum(-1)[:, None] * batch.real[:, None, :, None]
        mean: torch.Tensor = of_question.sum((0, 2)) / batch.real.sum()
        return mean


def topic_of(layers: int) -> torch.Tensor:
    """Topic number of each key-value head, (layers, ADDED_KEYS): all topics in turn."""
    return (torch.arange(layers * ADDED_KEYS) % len(TOPICS)).view(layers, ADDED_KEYS)


def words_of(topics: torch.Tensor) -> torch.Tensor:
    """Which words each key-value head has to know, (layers, ADDED_KEYS, words), 1 or 0, from their topic numbers."""
    known = torch.zeros(len(TOPICS), len(PATCH_WORDS))
    for row, topic in zip(known, TOPICS, strict=True):
        row[[INDEX[word] for word in topic]] = 1
    return known[topics]
