"""What each phase shows the model, and what learns from it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headhunt.demo.training import phases, visual_tokens
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.grid import TOKENS, by_cell
from headhunt.demo.training.network import HIDDEN
from headhunt.demo.training.phases import MOST, SHOWN, SPREAD
from headhunt.demo.training.samples import FRAMES, Sample, pooled, segments_of, shots_of, told_of
from headhunt.demo.training.schedule import FRAMES_ALONE, SEGMENTS, TOLD
from headhunt.demo.training.trainer import Trainer
from headhunt.demo.training.variation import Variation
from headhunt.demo.training.visual_tokens import see, see_cells

CPU = torch.device("cpu")


def test_loss_falls_on_a_few_segments(samples: list[Sample]) -> None:
    small = Trainer(TrainConfig(batch=2, questions=2, average=0.5), CPU)
    small.phase = SEGMENTS
    before = {name: p.detach().clone() for name, p in small.model.named_parameters()}
    looked = phases.look(small, [samples[0]])
    seen = [float(small.learn(phases.losses(small, looked), 2e-3)) for _ in range(9)]
    assert seen[-1] < 0.75 * seen[0]
    assert all(np.isfinite(seen))
    changed = {name for name, p in small.model.named_parameters() if not torch.equal(p, before[name])}
    assert any("language_model.layers" in name for name in changed)
    assert not any("vision_tower" in name or "projector" in name for name in changed)


def test_what_the_tower_has_seen_is_what_it_would_see_again(samples: list[Sample]) -> None:
    small = Trainer(TrainConfig(average=0.5), CPU)
    assert phases.look(small, samples)[0] is samples[0]  # only the third phase looks
    small.phase = SEGMENTS
    for was, looked in zip(samples, phases.look(small, samples), strict=True):
        assert looked.pixels.size == 0
        assert looked.tokens is not None
        assert looked.tokens.shape == (FRAMES, TOKENS, HIDDEN)
        mirrored = not np.array_equal(looked.patches, was.patches)
        alike = []
        for turn in (mirrored, not mirrored):
            pixels = was.pixels[:, :, ::-1].copy() if turn else was.pixels
            with torch.no_grad():
                tokens, _ = see(small.model, torch.from_numpy(pixels))
            alike.append(np.corrcoef(looked.tokens.ravel(), tokens.numpy().ravel())[0, 1])
        assert alike[0] > 0.8  # but for the brightness and bfloat16
        assert alike[0] > alike[1] + 0.02


def test_frames_alone_teach_the_vision_tower_and_leave_the_decoder_as_it_is() -> None:
    small = Trainer(TrainConfig(average=0.5), CPU)
    small.phase = FRAMES_ALONE
    before = {name: p.detach().clone() for name, p in small.model.named_parameters()}
    shots = shots_of(5, split="train", n=3)
    assert [shot.pixels.shape[0] for shot in shots] == [1, 1, 1]
    small.learn(phases.losses(small, shots), 1e-3)
    changed = {name for name, p in small.model.named_parameters() if not torch.equal(p, before[name])}
    assert any("vision_tower" in name for name in changed)
    assert not any("language_model" in name for name in changed)
    assert all(torch.isfinite(value).all() for value in small.average.values())


def test_segments_told_in_words_teach_the_decoder_and_leave_the_vision_tower_as_it_is() -> None:
    small = Trainer(TrainConfig(average=0.5), CPU)
    before = {name: p.detach().clone() for name, p in small.model.named_parameters()}
    told = told_of(5, split="train", n=2)
    assert [one.pixels.size for one in told] == [0, 0]
    assert [one.patches.shape[0] for one in told] == [16, 16]
    small.learn(phases.losses(small, pooled(told)), 1e-3)
    changed = {name for name, p in small.model.named_parameters() if not torch.equal(p, before[name])}
    assert any("language_model.layers" in name for name in changed)
    assert not any("vision_tower" in name for name in changed)


def test_cells_with_most_in_them_are_looked_at(trainer: Trainer, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[torch.Tensor] = []
    real = see_cells
    monkeypatch.setattr(visual_tokens, "see_cells", lambda m, p, c: looked.append(c) or real(m, p, c))
    small = Trainer(TrainConfig(cells=6), CPU)
    small.phase = FRAMES_ALONE
    shots = shots_of(5, split="train", n=6)
    torch.manual_seed(0)  # some chance is in it
    as_it_is = Variation(torch.zeros(6, dtype=torch.bool), torch.ones(6), torch.zeros(6))
    monkeypatch.setattr(Variation, "drawn", lambda *_: as_it_is)  # a mirrored frame has its cells elsewhere
    with torch.no_grad():
        phases.losses(small, shots)
        phases.losses(small, shots, whole=True)
    assert [chosen.shape for chosen in looked] == [(6, 6), (6, 16)]
    assert torch.equal(looked[1], torch.arange(16).expand(6, -1))
    words = torch.from_numpy(np.concatenate([shot.patches for shot in shots]))
    shown = by_cell(words)[..., SHOWN].sum((2, 3))
    for amount, chosen in zip(shown, looked[0], strict=True):
        left = [int(amount[i]) for i in range(16) if i not in chosen.tolist()]
        assert amount[chosen].float().mean() > np.mean(left)
        least, most = (min(float(v), MOST) for v in (amount[chosen].min(), max(left)))
        assert least >= most - SPREAD  # whatever chance says
    taken = torch.zeros_like(shown, dtype=torch.bool).scatter(1, looked[0], True)
    assert shown[taken].float().mean() > 1.5 * shown[~taken].float().mean()


def test_only_read_outs_learn_while_reading() -> None:
    small = Trainer(TrainConfig(questions=2), CPU)
    small.phase = FRAMES_ALONE
    before = {name: p.detach().clone() for name, p in small.model.named_parameters()}
    was = small.reader.patch.weight.detach().clone()
    small.learn(phases.losses(small, shots_of(5, split="train", n=2), reading=True), 1e-3)
    assert all(torch.equal(p, before[name]) for name, p in small.model.named_parameters())
    assert not torch.equal(small.reader.patch.weight, was)


@pytest.mark.parametrize("phase", [TOLD, SEGMENTS])
def test_read_outs_learn_to_read_a_model_that_stays_as_it_is(phase: int) -> None:
    small = Trainer(TrainConfig(questions=2, batch=2), CPU)
    small.phase = phase
    before = {name: p.detach().clone() for name, p in small.model.named_parameters()}
    make = told_of if phase == TOLD else segments_of
    curve = phases.fit_readers(small, phases.look(small, pooled(make(5, split="train", n=3))), steps=40)
    assert len(curve) == 40
    assert curve[-1] < 0.7 * curve[0]
    assert all(torch.equal(p, before[name]) for name, p in small.model.named_parameters())
    assert all(p.grad is None for p in small.model.parameters())
