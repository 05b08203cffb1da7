"""What each phase of a run shows the model, and the losses it learns from; knows no optimiser and no schedule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import torch

from headhunt.demo.training import network, readouts, visual_tokens
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.grid import TOKENS, by_cell, picked
from headhunt.demo.training.language import THINGS, pairs
from headhunt.demo.training.losses import body_loss, show_loss, text_loss, weighed
from headhunt.demo.training.packing import SYSTEM, pack
from headhunt.demo.training.patches import INDEX
from headhunt.demo.training.samples import Sample, facts_of, stacked
from headhunt.demo.training.schedule import FRAMES_ALONE, SEGMENTS, TOLD
from headhunt.demo.training.trainer import Trainer
from headhunt.demo.training.variation import Variation
from headhunt.demo.world.facts import Facts

# First phase: in this share of the steps, every n-th frame is shown.
EVERY = {16: 0.3, 8: 0.2, 4: 0.2, 2: 0.15, 1: 0.15}
# Second phase: cells are chosen by how many patches show these words, counted up to MOST, plus chance up to SPREAD.
SHOWN = [INDEX[word] for word in ("person", "person", "cyclist", "car", "bag", *THINGS.values())]
MOST, SPREAD = 6.0, 3.0


class Shown(NamedTuple):
    """Segments as the decoder is shown them.

    Attributes:
        facts: One record a segment.
        words: (n, FRAMES, g, g, words), of all frames.
        shown: The same, of the frames that are shown.
        visual: Visual tokens of the frames that are shown, (n, f, TOKENS, hidden) or (n * f, TOKENS, hidden).
    """

    facts: list[Facts]
    words: torch.Tensor
    shown: torch.Tensor
    visual: torch.Tensor


def losses(
    trainer: Trainer, samples: list[Sample], *, whole: bool = False, reading: bool = False
) -> dict[str, torch.Tensor]:
    """Losses of the current phase.

    Args:
        trainer: The run.
        samples: Samples of its phase, as `Feed` draws them.
        whole: Second phase: look at whole frames, whatever `TrainConfig.cells` says.
        reading: Second phase: train only the read-outs.
    """
    if trainer.phase == FRAMES_ALONE:
        return _tower_losses(trainer, samples, whole=whole, reading=reading)
    loss, readings = _decoded(trainer, SHOW[trainer.phase](trainer, samples))
    return {"text": loss, **trainer.reader.losses(readings)}


def _told(trainer: Trainer, samples: list[Sample]) -> Shown:
    """First phase: words in place of pixels, usually of a few frames only, which is faster."""
    every = int(trainer.rng.choice(list(EVERY), p=list(EVERY.values())))
    first = int(trainer.rng.integers(every))
    varied = Variation.drawn(len(samples), trainer.rng, trainer.device)
    words = varied.words(stacked([s.patches for s in samples], trainer.device))
    shown = words[:, first::every]
    visual = visual_tokens.told(shown.flatten(0, 1).flatten(1, 2), trainer.embeddings, trainer.reader.words)
    return Shown(varied.facts(facts_of(samples)), words, shown, visual)


def _looked_at(trainer: Trainer, samples: list[Sample]) -> Shown:
    """Third phase: what the vision tower has made of the frames (`look`), already varied."""
    tokens = stacked([s.tokens for s in samples if s.tokens is not None], trainer.device).float()
    words = stacked([s.patches for s in samples], trainer.device)
    return Shown(facts_of(samples), words, words, tokens)


SHOW: dict[int, Callable[[Trainer, list[Sample]], Shown]] = {TOLD: _told, SEGMENTS: _looked_at}


def _tower_losses(trainer: Trainer, samples: list[Sample], *, whole: bool, reading: bool) -> dict[str, torch.Tensor]:
    """Second phase: the vision tower alone; the embeddings of the words stay as the decoder knows them."""
    varied = Variation.drawn(len(samples), trainer.rng, trainer.device)
    pixels = varied.pixels(stacked([s.pixels for s in samples], trainer.device)).flatten(0, 1)
    words = varied.words(stacked([s.patches for s in samples], trainer.device)).flatten(0, 1)
    posed = stacked([s.bodies for s in samples if s.bodies is not None], trainer.device)
    words, bodies = by_cell(words), by_cell(varied.bodies(posed).flatten(0, 1))
    score = words[..., SHOWN].sum((2, 3)).clamp(max=MOST) + SPREAD * torch.rand(words.shape[:2]).to(trainer.device)
    chosen = score.topk(TOKENS if whole else trainer.config.cells, 1).indices.sort(1).values
    words, bodies = picked(words, chosen), picked(bodies, chosen)
    cell_words = words.amax(2)
    with trainer.autocast(), torch.set_grad_enabled(torch.is_grad_enabled() and not reading):
        tokens, states = visual_tokens.see_cells(trainer.model, pixels, chosen)
    reader, table = trainer.reader, trainer.embeddings.detach()
    wanted = visual_tokens.in_words(cell_words.float(), table, reader.words)
    shown, points = reader.patch(states.float()), reader.body(states.float())
    return {
        "body": body_loss(points, bodies),
        "patch": show_loss(shown, words, reader.weight),
        "cell": show_loss(reader(tokens, table), cell_words, reader.weight),
        "match": (tokens.float() - wanted).square().sum(-1).mean(),
    }


def _decoded(trainer: Trainer, segments: Shown) -> tuple[torch.Tensor, readouts.Readings]:
    """The loss of the answers, and what the read-outs read."""
    facts, words, shown, visual = segments
    asked = [pairs(fact, trainer.rng, n=trainer.config.questions) for fact in facts]
    system = SYSTEM if trainer.rng.random() < 0.15 else None
    batch = pack(trainer.layout, asked, system=system, n_frames=shown.shape[1]).to(trainer.device)
    image = trainer.layout.image
    with trainer.autocast():
        states = decode(trainer.model, batch, visual, image)
        loss, _ = text_loss(trainer.model, states.last, batch)
    people, cars = readouts.counted(shown)
    readings = readouts.Readings(
        gist=states.hidden[network.GIST][batch.asked].float(),
        seen=words.amax((2, 3)).float().mean(1)[batch.asked.nonzero()[:, 0]],
        frame=readouts.at_frames(states.hidden[network.FRAME_GIST], batch, image).float().flatten(0, 1),
        shown=shown.amax((2, 3)).float().flatten(0, 1),
        people=people.flatten(),
        cars=cars.flatten(),
    )
    return loss, readings


def look(trainer: Trainer, samples: list[Sample]) -> list[Sample]:
    """Prepare one video's samples for the current phase: in the third, the vision tower looks at them, once.

    The tower takes its averaged weights for good and learns no more, so what it sees can be kept.
    """
    if trainer.phase != SEGMENTS:
        return samples
    varied = Variation.drawn(len(samples), trainer.rng, trainer.device)
    pixels = varied.pixels(stacked([s.pixels for s in samples], trainer.device))
    words = varied.words(stacked([s.patches for s in samples], trainer.device)).cpu().numpy()
    facts = varied.facts(facts_of(samples))
    with torch.no_grad(), trainer.autocast():
        trainer.settle_tower()
        tokens = torch.stack([visual_tokens.see(trainer.model, frames)[0] for frames in pixels])
    kept = tokens.to("cpu", torch.float16).numpy()
    return [
        replace(s, pixels=s.pixels[:0], patches=words[i], facts=facts[i], tokens=kept[i]) for i, s in enumerate(samples)
    ]


def fit_readers(trainer: Trainer, samples: list[Sample], *, steps: int = 300, rate: float = 1e-2) -> list[float]:
    """Train the decoder's read-outs on a model that has already learnt and stays as it is (first and third phase).

    The model runs once over the samples; the read-outs then see all of them at every step.

    Args:
        trainer: The run.
        samples: Samples of its phase, as `Feed` draws them.
        steps: Steps of AdamW.
        rate: Its first learning rate, falling linearly to 0.

    Returns:
        The loss of each step.
    """
    show, size = SHOW[trainer.phase], trainer.config.batch
    with torch.no_grad():
        parts = [_decoded(trainer, show(trainer, samples[i : i + size]))[1] for i in range(0, len(samples), size)]
    readings = readouts.Readings(*(torch.cat(part) for part in zip(*parts, strict=True)))
    optimiser = torch.optim.AdamW(trainer.reader.parameters(), lr=rate, weight_decay=trainer.config.weight_decay)
    falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
    curve = []
    for _ in range(steps):
        loss = weighed(trainer.reader.losses(readings))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        falling.step()
        curve.append(float(loss.detach()))
    return curve
