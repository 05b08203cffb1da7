"""Mirrored and brightened samples, and what is then seen on them."""

from __future__ import annotations

import numpy as np
import torch

from headhunt.demo.training.patches import INDEX
from headhunt.demo.training.samples import Sample
from headhunt.demo.training.variation import Variation

CPU = torch.device("cpu")


def test_a_mirrored_segment_is_told_as_what_it_then_shows(samples: list[Sample]) -> None:
    n = len(samples)
    turn = Variation(torch.arange(n) >= 1, torch.ones(n), torch.zeros(n))  # all but the first
    other = {"left": "right", "right": "left"}
    facts, index = [s.facts for s in samples if s.facts is not None], INDEX
    pixels, words = (torch.from_numpy(np.stack(v)) for v in zip(*((s.pixels, s.patches) for s in samples), strict=True))
    turned, told, shown = turn.pixels(pixels), turn.facts(facts), turn.words(words)
    assert torch.equal(turned[0], pixels[0])
    assert torch.equal(shown[0], words[0])
    assert told[0] == facts[0]
    assert torch.equal(turned[1:], pixels[1:].flip(-2))
    assert torch.equal(shown[1:, ..., index["left"]], words[1:].flip(-2)[..., index["right"]])
    assert torch.equal(shown[1:, ..., index["person"]], words[1:].flip(-2)[..., index["person"]])
    for new, old in zip(told[1:], facts[1:], strict=True):
        assert new != old
        for seen, was in zip(new.actors, old.actors, strict=True):
            assert seen.region == other.get(was.region, was.region)
            assert seen.direction == other.get(was.direction, was.direction)
    assert torch.equal(turn.pixels(turned), pixels)
    assert torch.equal(turn.words(shown), words)
    assert turn.facts(told) == facts


def test_variations_are_drawn_from_the_given_chance() -> None:
    one, two = (Variation.drawn(400, np.random.default_rng(3), CPU) for _ in range(2))
    assert torch.equal(one.turned, two.turned)
    assert torch.equal(one.gain, two.gain)
    assert 150 < int(one.turned.sum()) < 250
    grey = torch.full((400, 1, 2, 2, 3), 128, dtype=torch.uint8)
    found = one.pixels(grey)
    assert found.dtype == torch.uint8
    assert found.float().std() > 5
    assert torch.equal(one.pixels(grey), two.pixels(grey))
    white = one.pixels(grey + 127)
    assert torch.equal(white.amax(), torch.tensor(255, dtype=torch.uint8))
    assert int(white.amin()) >= 204  # clipped, not wrapped
