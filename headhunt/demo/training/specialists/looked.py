"""What specialists look at: one pass of the model over a segment, with everything kept that new heads could see."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch

from headhunt.demo.training import language
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.language import Pair, pairs
from headhunt.demo.training.packing import pack
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.trainer import Trainer

SELDOM = 0.02  # least standard deviation assumed of a word
ODD = 3  # meaningless questions a segment: what heads show must not depend on what is asked


class Looked(NamedTuple):
    """What new heads can look at in one segment, up to the ends of its questions.

    Attributes:
        states: float16 (layers, t, hidden), the input of each layer's attention.
        positions: int (t,).
        block: int (t,): 0 for the frames, 1, 2, ... for the questions.
        asked: int (q,), indices of the ends of the questions.
        seen: float (words,), share of the frames that show each word; standardised by `in_deviations`.
    """

    states: torch.Tensor
    positions: torch.Tensor
    block: torch.Tensor
    asked: torch.Tensor
    seen: torch.Tensor


class Batch(NamedTuple):
    """Several segments side by side, padded.

    Attributes:
        states: float32 (b, layers, t, hidden).
        positions: int (b, t).
        allowed: bool (b, q, t): what the end of each question may look at.
        asked: int (b, q).
        real: bool (b, q): False where a segment has fewer questions.
        seen: float32 (b, words).
    """

    states: torch.Tensor
    positions: torch.Tensor
    allowed: torch.Tensor
    asked: torch.Tensor
    real: torch.Tensor
    seen: torch.Tensor

    @classmethod
    def of(cls, segments: Sequence[Looked], device: torch.device) -> Batch:
        """Pad and stack segments."""
        b, t = len(segments), max(len(s.positions) for s in segments)
        q = max(len(s.asked) for s in segments)
        layers, _, hidden = segments[0].states.shape
        states = torch.zeros(b, layers, t, hidden, dtype=torch.float16)
        positions, asked = torch.zeros(b, t, dtype=torch.int64), torch.zeros(b, q, dtype=torch.int64)
        allowed, real = torch.zeros(b, q, t, dtype=torch.bool), torch.zeros(b, q, dtype=torch.bool)
        for i, s in enumerate(segments):
            n, m = len(s.positions), len(s.asked)
            states[i, :, :n], positions[i, :n], asked[i, :m], real[i, :m] = s.states, s.positions, s.asked, True
            own = (s.block == 0) | (s.block == s.block[s.asked][:, None])
            allowed[i, :m, :n] = own & (torch.arange(n) <= s.asked[:, None])
        parts = (states.to(device).float(), positions, allowed, asked, real, torch.stack([s.seen for s in segments]))
        return cls(*(part.to(device) for part in parts))


def look(trainer: Trainer, sample: Sample, rng: np.random.Generator, *, questions: int) -> Looked:
    """Run the model over one segment and keep what new heads could look at.

    Args:
        trainer: Holds the model.
        sample: With visual tokens, as from `phases.look`.
        rng: Source of the questions.
        questions: Meaningful questions besides the description's.
    """
    if sample.facts is None or sample.tokens is None:
        raise AssertionError("the sample has no facts or no visual tokens")
    asked = pairs(sample.facts, rng, n=questions) + [Pair("", odd_question(rng), "") for _ in range(ODD)]
    batch = pack(trainer.layout, [asked], system=None).to(trainer.device)
    visual = torch.from_numpy(sample.tokens[None]).to(trainer.device).float()
    with torch.no_grad():
        hidden = decode(trainer.model, batch, visual, trainer.layout.image).hidden
        layers = trainer.model.model.language_model.layers
        inputs = [layer.input_layernorm(x)[0] for layer, x in zip(layers, hidden[:-1], strict=True)]
    block, ends = batch.block[0].cpu(), batch.asked[0].cpu()
    # Leave out the answers: everything from the end of a question to the next question.
    owns = [block == number for number in range(1, len(asked) + 1)]
    answers = torch.stack([own & (ends & own).cumsum(0).bool() & ~ends for own in owns]).any(0)
    kept = (block >= 0) & ~answers
    seen = torch.from_numpy(sample.patches).amax((1, 2)).float().mean(0)
    states = torch.stack([x[kept.to(x.device)] for x in inputs]).half().cpu()
    return Looked(states, batch.positions[0].cpu()[kept], block[kept], ends[kept].nonzero()[:, 0], seen)


def odd_question(rng: np.random.Generator) -> str:
    """A meaningless question: words of the descriptions and words the model does not know, in any order."""
    words, letters = sorted(language.WORDS), np.array(list("abcdefghijklmnopqrstuvwxyz"))
    said = [
        words[int(rng.integers(len(words)))] if rng.random() < 0.6 else "".join(rng.choice(letters, rng.integers(2, 9)))
        for _ in range(int(rng.integers(4, 14)))
    ]
    return " ".join(said) + "?"


def in_deviations(segments: Sequence[Looked]) -> list[Looked]:
    """The segments with `seen` standardised, word by word: mean 0, deviation 1; less for words hardly ever seen."""
    seen = torch.stack([s.seen for s in segments])
    scaled = (seen - seen.mean(0)) / seen.std(0).clamp(min=SELDOM)
    return [s._replace(seen=row) for s, row in zip(segments, scaled, strict=True)]
