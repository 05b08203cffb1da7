"""Segments packed with their questions into one decoder pass; knows token ids, no pixels.

The layout is that of extraction: chat template, frames, question, answer. The frames of a segment are read once; its
questions follow as separate suffixes that see the frames and themselves, but not each other (block-diagonal mask,
positions restarting after the shared prefix).
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from headhunt.demo.training.attention import FAR
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.language import Pair
from headhunt.demo.training.samples import FRAMES
from headhunt.prompts import FRAME_TEXT
from headhunt.records import IMAGE

SYSTEM = "You are a camera."
DEEDS = 4.0  # weight of tokens that name actions: they decide what the first generated token must know


class Layout:
    """Token ids of whole inputs, split after the last frame.

    Args:
        tokenizer: From `make_tokenizer_of_words`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.image = int(tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"))
        self._cut = "<|endoftext|>"
        self._ids = functools.lru_cache(maxsize=1 << 16)(self._tokens)
        self._after = self._rendered("\0", None, 1).split(self._cut)[1].split("\0")

    def ids(self, text: str) -> tuple[int, ...]:
        """Token ids of a text."""
        return self._ids(text)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def prefix(self, system: str | None, n_frames: int = FRAMES) -> tuple[int, ...]:
        """Everything up to the last frame's line break."""
        return self.ids(self._rendered("", system, n_frames).split(self._cut)[0])

    def suffix(self, question: str) -> tuple[int, ...]:
        """Everything from the question to the generation prompt."""
        before, after = self._after
        return self.ids(before + question + after)

    def answer(self, answer: str) -> tuple[int, ...]:
        """An answer and the end of its turn."""
        return self.ids(answer + "<|im_end|>")

    def _rendered(self, question: str, system: str | None, n_frames: int) -> str:
        tile = "<img>" + "<IMG_CONTEXT>" * TOKENS + "</img>"
        frames = "".join(FRAME_TEXT.replace("{i}", str(i + 1)).replace(IMAGE, tile) for i in range(n_frames))
        messages = [{"role": "system", "content": system}] if system is not None else []
        messages.append({"role": "user", "content": frames + self._cut + question})
        out: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return out


@dataclass(frozen=True)
class Packed:
    """A batch of segments with their questions, ready for one pass.

    Attributes:
        ids: int (b, t), padded at the end.
        positions: int (b, t).
        block: int (b, t): 0 for the prefix, 1, 2, ... for the suffixes, -1 for padding.
        target: int (b, t): the id to predict at each position, -100 for none.
        weight: float (b, t): its weight in the loss; tokens that name actions weigh most.
        asked: bool (b, t): the last token of each question, where extraction reads.
        slots: Slots of the suffixes of each segment.
        prefix: Length of the prefix.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    block: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    asked: torch.Tensor
    slots: list[list[str]]
    prefix: int

    def to(self, device: torch.device) -> Packed:
        """The same batch on a device."""
        names = ("ids", "positions", "block", "target", "weight", "asked")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def bias(self, dtype: torch.dtype) -> torch.Tensor:
        """What is added to attention scores, (b, 1, t, t): a token sees the prefix and its own suffix up to itself."""
        t = self.ids.shape[1]
        own = (self.block[:, :, None] == self.block[:, None, :]) | (self.block[:, None, :] == 0)
        allowed = own & torch.ones(t, t, dtype=torch.bool, device=self.ids.device).tril()
        zero = torch.zeros(1, dtype=dtype, device=self.ids.device)
        return torch.where(allowed, zero, zero + FAR)[:, None]


def pack(layout: Layout, segments: Sequence[Sequence[Pair]], *, system: str | None, n_frames: int = FRAMES) -> Packed:
    """Lay out the questions of a batch of segments behind their shared prefix."""
    prefix = layout.prefix(system, n_frames)
    said = [[(layout.suffix(p.question), layout.answer(p.answer), _deeds(p, layout)) for p in own] for own in segments]
    # An answer's last token is only predicted, never read.
    longest = len(prefix) + max(sum(len(asked) + len(answer) - 1 for asked, answer, _ in own) for own in said)
    shape = (len(segments), longest + -longest % 16)
    ids, positions, asked_at = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool)
    block, target, weight = np.full(shape, -1), np.full(shape, -100), np.zeros(shape, np.float32)
    ids[:, : len(prefix)], positions[:, : len(prefix)], block[:, : len(prefix)] = prefix, np.arange(len(prefix)), 0
    for row, own in enumerate(said):
        low = len(prefix)
        for number, (asked, answer, first) in enumerate(own, 1):
            begin, high = low + len(asked) - 1, low + len(asked) + len(answer) - 1
            ids[row, low:high] = asked + answer[:-1]
            positions[row, low:high] = np.arange(len(prefix), len(prefix) + high - low)
            block[row, low:high] = number
            target[row, begin:high] = answer
            weight[row, begin : begin + first], weight[row, begin + first : high] = DEEDS, 1.0
            asked_at[row, begin] = True
            low = high
    slots = [[pair.slot for pair in pairs] for pairs in segments]
    arrays = {
        "ids": ids, "positions": positions, "block": block, "target": target, "weight": weight, "asked": asked_at,
    }  # fmt: skip
    tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Packed(**tensors, slots=slots, prefix=len(prefix))


def _deeds(pair: Pair, layout: Layout) -> int:
    """How many of an answer's tokens name actions: a description's up to "can be seen", all in one about actions."""
    if pair.slot == "description":
        return len(layout.ids(pair.answer.partition(" can be seen")[0]))
    return len(layout.ids(pair.answer)) if pair.slot == "action" else 0
