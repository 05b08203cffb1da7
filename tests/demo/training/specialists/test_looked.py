"""What new heads may look at."""

from __future__ import annotations

import torch

from headhunt.demo.training.network import HIDDEN, LAYERS
from headhunt.demo.training.specialists.looked import SELDOM, Looked, in_deviations
from headhunt.demo.training.trainer import Trainer


def test_only_questions_and_what_they_may_see_are_kept(trainer: Trainer, looked: list[Looked]) -> None:
    for segment in looked:
        layers, t, hidden = segment.states.shape
        assert (layers, hidden) == (LAYERS, HIDDEN)
        assert len(segment.positions) == len(segment.block) == t
        prefix = int((segment.block == 0).sum())
        assert prefix == len(trainer.layout.prefix(None))
        for number, end in enumerate(segment.asked.tolist(), 1):
            own = (segment.block == number).nonzero()[:, 0]
            assert own[-1] == end  # no answer follows
            assert segment.positions[own].tolist() == list(range(prefix, prefix + len(own)))
        assert 0 <= segment.seen.min() <= segment.seen.max() <= 1
        assert segment.seen.max() == 1  # the place is seen in every frame


def test_words_are_wanted_in_deviations(looked: list[Looked]) -> None:
    scaled = torch.stack([s.seen for s in in_deviations(looked)])
    seen = torch.stack([s.seen for s in looked])
    torch.testing.assert_close(scaled.mean(0), torch.zeros(seen.shape[1]), atol=1e-5, rtol=0)
    varied = seen.std(0) > SELDOM
    assert varied.any()
    assert not varied.all()
    torch.testing.assert_close(scaled.std(0)[varied], torch.ones(int(varied.sum())))
    assert not scaled[:, seen.std(0) == 0].any()  # never a division by nothing
