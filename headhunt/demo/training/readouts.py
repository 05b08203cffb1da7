"""Read-outs for training only: what must be readable from patches, visual tokens, frames and segments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headhunt.demo.training import bodies
from headhunt.demo.training.losses import show_loss
from headhunt.demo.training.network import HIDDEN, SEEING
from headhunt.demo.training.packing import Layout, Packed
from headhunt.demo.training.patches import INDEX, MANY, PATCH_WORDS

MOST_COUNTED = 9  # the most people or cars in a frame that are told apart


class Readings(NamedTuple):
    """What the decoder's read-outs read, and what they should say.

    Attributes:
        gist: (n, hidden), at the ends of questions, after `GIST` layers.
        seen: (n, words), share of the segment's frames that show each word.
        frame: (m, hidden), at the ends of frames, after `FRAME_GIST` layers.
        shown: (m, words), 1 where the frame shows the word.
        people: int (m,), number of people in the frame, at most `MOST_COUNTED`.
        cars: int (m,), the same for cars.
    """

    gist: torch.Tensor
    seen: torch.Tensor
    frame: torch.Tensor
    shown: torch.Tensor
    people: torch.Tensor
    cars: torch.Tensor


class Reader(nn.Module):
    """Read-outs of words, numbers and body points; discarded after training.

    Visual tokens are compared with the embeddings of the words themselves, so that the vision tower comes to speak the
    decoder's language.

    Args:
        layout: Provides the token ids of the words.
        shares: How often a patch shows each word, (words,); rare ones weigh more.
    """

    words: torch.Tensor
    weight: torch.Tensor

    def __init__(self, layout: Layout, shares: Sequence[float]) -> None:
        super().__init__()
        rare = np.clip(np.sqrt(0.02 / (np.asarray(shares) + 1e-6)), 1.0, 8.0)
        self.register_buffer("weight", torch.tensor(rare, dtype=torch.float32), persistent=False)
        ids = [layout.ids(" " + word) for word in PATCH_WORDS]
        if any(len(one) != 1 for one in ids):
            raise AssertionError("a word of the patches takes more than one token")
        self.register_buffer("words", torch.tensor([one[0] for one in ids]), persistent=False)
        self.patch = nn.Linear(SEEING, len(PATCH_WORDS))
        nn.init.constant_(self.patch.bias, -4.0)
        self.body = nn.Linear(SEEING, 2 * bodies.POINTS)
        self.gist = nn.Linear(HIDDEN, len(PATCH_WORDS))
        self.frame = nn.Linear(HIDDEN, len(PATCH_WORDS))
        nn.init.constant_(self.gist.bias, -2.0)
        nn.init.constant_(self.frame.bias, -2.0)
        self.people = nn.Linear(HIDDEN, MOST_COUNTED + 1)
        self.cars = nn.Linear(HIDDEN, MOST_COUNTED + 1)
        self.bias = nn.Parameter(torch.full((len(PATCH_WORDS),), -4.0))
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, tokens: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
        """Logits (..., words) of visual tokens (..., hidden)."""
        words = F.normalize(table[self.words].float(), dim=-1)
        return self.scale * (tokens.float() @ words.T) + self.bias

    def losses(self, read: Readings) -> dict[str, torch.Tensor]:
        """Losses of the decoder's read-outs: words of segments and frames, numbers of people and cars."""
        numbers = ((self.people, read.people), (self.cars, read.cars))
        return {
            "gist": show_loss(self.gist(read.gist), read.seen, None),
            "frame": show_loss(self.frame(read.frame), read.shown, None),
            "number": torch.stack([F.cross_entropy(reader(read.frame), n) for reader, n in numbers]).sum(),
        }


def at_frames(states: torch.Tensor, batch: Packed, image: int) -> torch.Tensor:
    """The states (b, f, c), of states (b, t, c), at the token after each frame's visual tokens."""
    shown = batch.ids[0, : batch.prefix] == image
    after = (shown[:-1] & ~shown[1:]).nonzero()[:, 0] + 1
    return states[:, after]


def counted(words: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """People and cars in each frame, int (n, f), at most `MOST_COUNTED`, from words of cells (n, f, g, g, words)."""
    numbers = torch.arange(1, len(MANY) + 1, device=words.device)
    people = (words[..., [INDEX[word] for word in MANY]] * numbers).sum((-3, -2, -1))
    cars = words[..., INDEX["cars"]].sum((-2, -1), dtype=torch.int64)
    return people.clamp(max=MOST_COUNTED), cars.clamp(max=MOST_COUNTED)
