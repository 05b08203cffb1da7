"""What a model is asked of every row, as token ids for each grid of frames; knows no pixels and no store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from headhunt.errors import InputError
from headhunt.models.backbone import sample_grid

if TYPE_CHECKING:
    from headhunt.models import Backbone, Grid
    from headhunt.prompts import PromptSet


KEPT = 64
"""Grids whose tokens are remembered."""


@dataclass(frozen=True)
class Tokens:
    """The token ids of all prompts of a run, cut where they part.

    Attributes:
        prefix: What all prompts share (system turn, frames), at least up to the last visual token.
        suffixes: The rest of each prompt, each at least one token long.
    """

    prefix: tuple[int, ...]
    suffixes: tuple[tuple[int, ...], ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Length of the whole input of each prompt, in tokens."""
        return tuple(len(self.prefix) + len(s) for s in self.suffixes)


def share(prompts: Sequence[Sequence[int]], *, placeholder_id: int) -> Tokens:
    """Cut token sequences into their longest common prefix and their rests.

    Args:
        prompts: Token ids of each whole input, the visual tokens in all of them alike.
        placeholder_id: Id of the visual placeholder.

    Raises:
        InputError: No prompts, or prompts that differ before the last visual token.
    """
    if not prompts or not all(prompts):
        raise InputError("no prompts, or an empty one")
    prefix: list[int] = [
        ids[0] for ids in takewhile(lambda ids: len(set(ids)) == 1, zip(*(p[:-1] for p in prompts), strict=False))
    ]
    if any(placeholder_id in p[len(prefix) :] for p in prompts):
        raise InputError("the prompts differ before the last frame", hint="put the frames before the prompt")
    return Tokens(tuple(prefix), tuple(tuple(p[len(prefix) :]) for p in prompts))


class Questions:
    """The prompts of a set in one model's words.

    Args:
        backbone: The model.
        prompts: What is asked.
        n_frames: Frames a row.

    Attributes:
        grid: That of so many frames of a sample video; the only one there is where a model has one size of frames.
    """

    def __init__(self, backbone: Backbone, prompts: PromptSet, *, n_frames: int) -> None:
        self._backbone, self._prompts = backbone, prompts
        self._known: dict[Grid, Tokens] = {}
        self.n_frames = n_frames
        self.grid = sample_grid(backbone, n_frames)

    def ids(self, grid: Grid) -> list[list[int]]:
        """Token ids of the whole input of each prompt."""
        asked = self._prompts
        return [
            self._backbone.token_ids(p.text, grid=grid, frame_text=asked.frame_text, system=asked.system)
            for p in asked.prompts
        ]

    def tokens(self, grid: Grid) -> Tokens:
        """The same, cut where the prompts part.

        Raises:
            InputError: They differ before the last visual token.
        """
        if grid not in self._known:
            if len(self._known) >= KEPT:  # long videos of many lengths have a grid each
                del self._known[next(iter(self._known))]
            self._known[grid] = share(self.ids(grid), placeholder_id=self._backbone.placeholder_id)
        return self._known[grid]
