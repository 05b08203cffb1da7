"""One training of the embedded model, step by step: losses, optimiser, running average, checks, state."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from headhunt.demo.training import network, readouts, visual_tokens
from headhunt.demo.training.attention import choose_attention
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.decoder import decode
from headhunt.demo.training.grid import TOKENS, by_cell, picked
from headhunt.demo.training.history import folder_of
from headhunt.demo.training.language import THINGS, pairs
from headhunt.demo.training.losses import WEIGHTS, body_loss, show_loss, text_loss
from headhunt.demo.training.machine import device_name, fast_bfloat16
from headhunt.demo.training.muon import Muon
from headhunt.demo.training.packing import SYSTEM, Layout, pack
from headhunt.demo.training.patches import INDEX
from headhunt.demo.training.samples import FRAMES, Sample, shares
from headhunt.demo.training.schedule import SEGMENTS, TOLD
from headhunt.demo.training.variation import Variation
from headhunt.demo.world.facts import Facts
from headhunt.errors import ArtefactError
from headhunt.records import Json

MUON = 12.0  # Muon's rate in rates of AdamW
# Every so many-th frame is shown in this share of the steps of the first stage.
EVERY = {16: 0.3, 8: 0.2, 4: 0.2, 2: 0.15, 1: 0.15}
# Of the cells of a frame those with most patches of people, cars, bags, flames, ... are looked at, with some chance.
SHOWN = [INDEX[word] for word in ("person", "person", "cyclist", "car", "bag", *THINGS.values())]
MOST, SPREAD = 6.0, 3.0
SLOTS = ("count", "actor", "action", "object", "light", "place", "description")


class Shown(NamedTuple):
    """Segments as the decoder is shown them.

    Attributes:
        facts: Of each.
        words: (n, FRAMES, g, g, words) of all their frames.
        shown: Those of the frames that are shown.
        visual: Visual tokens of these, (n, f, TOKENS, hidden) or with n and f in one.
    """

    facts: list[Facts]
    words: torch.Tensor
    shown: torch.Tensor
    visual: torch.Tensor


class Trainer:
    """Everything of a run that is not its length.

    Args:
        config: How it goes.
        device: Where.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.products = torch.bfloat16 if fast_bfloat16(device) else torch.float32
        self.tokenizer = network.make_tokenizer_of_words()
        self.layout = Layout(self.tokenizer)
        self.model: Any = network.make_model(self.tokenizer).to(device)
        choose_attention(self.model, device)
        self.reader = readouts.Reader(self.layout, shares(split="train")).to(device)
        reads = list(self.reader.parameters())
        self.parameters = [*self.model.parameters(), *reads]
        # Muon for the matrices inside (more is learnt in the same time), AdamW for embeddings, read-outs and vectors.
        inner = ("vision_tower", "projector", "language_model.layers")
        matrices = [
            p for name, p in self.model.named_parameters() if p.ndim == 2 and any(part in name for part in inner)
        ]
        known = {id(p) for p in matrices}
        others = [p for p in self.model.parameters() if id(p) not in known]
        groups = [
            {"params": [p for p in own if (p.ndim > 1) == decayed], "times": times,
             "weight_decay": config.weight_decay if decayed else 0.0}
            for own, times in ((others, 1.0), (reads, config.read_rate))
            for decayed in (True, False)
        ]  # fmt: skip
        self.optimisers: dict[str, torch.optim.Optimizer] = {
            "adamw": torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), eps=1e-8),
            "muon": Muon(matrices, lr=config.rate, weight_decay=config.weight_decay, dtype=self.products),
        }
        for group in self.optimisers["muon"].param_groups:
            group["times"] = MUON
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.rng = np.random.default_rng([3, config.seed])
        self.ran_on = device_name(device, config.threads)
        self.before: list[Json] = []  # figures of the runs that the weights had behind them
        self.step = self.stage = 0
        self.whole = False  # second stage: whole frames are looked at
        self.reading = False  # second stage: only the read-outs learn
        self.drawn = [0, 0, 0]  # samples of each stage
        self.seconds = 0.0
        self.next_video = [0, 0, 0]

    def begin_with(self, model: str) -> None:
        """Take over the weights of a model of the same architecture, and what is known of how they were trained.

        The read-outs stay new. Heads that were added behind the model's own (`specialists`) stay away;
        nothing hangs on them.
        """
        from headhunt.models import load

        known: Any = load(model, device="cpu", dtype="float32")
        weights = known.model.state_dict()
        for name, wanted in self.model.state_dict().items():
            if ".self_attn." in name and name in weights:
                weights[name] = weights[name][tuple(map(slice, wanted.shape))]
        self.model.load_state_dict(weights)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        record = folder_of(model) / "scores.json"
        told = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        runs = [*told.get("before", []), told.get("training", {"note": f"weights of {model}"})]
        self.before = [run for run in runs if "specialists" not in run]  # they stay away

    def autocast(self) -> AbstractContextManager[Any]:
        """Products in bfloat16 where that is the faster of the two, everything else in float32."""
        if self.products == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.products)

    def losses(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the present stage."""
        return (self.told_step, self.frames_step, self.segments_step)[self.stage](samples)

    def told_step(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the first stage: the decoder alone, most of the time on few of the frames, which is quicker."""
        return self._decoder_losses(self._told(samples))

    def _told(self, samples: list[Sample]) -> Shown:
        every = int(self.rng.choice(list(EVERY), p=list(EVERY.values())))
        first = int(self.rng.integers(every))
        varied = Variation.drawn(len(samples), self.rng, self.device)
        words = varied.words(visual_tokens.as_tensor([s.patches for s in samples], self.device))
        shown = words[:, first::every]
        table = self.model.get_input_embeddings().weight
        visual = visual_tokens.told(shown.flatten(0, 1).flatten(1, 2), table, self.reader.words)
        return Shown(varied.facts([s.facts for s in samples if s.facts is not None]), words, shown, visual)

    def frames_step(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the second stage: the vision tower alone; the words stay as the decoder knows them.

        It looks at as many cells of each frame as the configuration says, those where most is; at the end of the stage
        at all of them.
        """
        varied = Variation.drawn(len(samples), self.rng, self.device)
        pixels = varied.pixels(visual_tokens.as_tensor([s.pixels for s in samples], self.device)).flatten(0, 1)
        words = varied.words(visual_tokens.as_tensor([s.patches for s in samples], self.device)).flatten(0, 1)
        posed = [s.bodies for s in samples if s.bodies is not None]
        bodies = varied.bodies(visual_tokens.as_tensor(posed, self.device)).flatten(0, 1)
        words, bodies = by_cell(words), by_cell(bodies)
        cells = words[..., SHOWN].sum((2, 3)).clamp(max=MOST) + SPREAD * torch.rand(words.shape[:2]).to(self.device)
        chosen = cells.topk(TOKENS if self.whole else self.config.cells, 1).indices.sort(1).values
        words, bodies = picked(words, chosen), picked(bodies, chosen)
        shown_by_cell = words.amax(2)
        with self.autocast(), torch.set_grad_enabled(torch.is_grad_enabled() and not self.reading):
            tokens, states = visual_tokens.see_cells(self.model, pixels, chosen)
        table = self.model.get_input_embeddings().weight.detach()
        wanted = visual_tokens.in_words(shown_by_cell.float(), table, self.reader.words)
        shown, places = self.reader.patch(states.float()), self.reader.body(states.float())
        return {
            "body": body_loss(places, bodies),
            "patch": show_loss(shown, words, self.reader.weight),
            "cell": show_loss(self.reader(tokens, table), shown_by_cell, self.reader.weight),
            "match": (tokens.float() - wanted).square().sum(-1).mean(),
        }

    def segments_step(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the third stage: the decoder alone, on what the vision tower made of the frames (`look`)."""
        return self._decoder_losses(self._looked_at(samples))

    def _looked_at(self, samples: list[Sample]) -> Shown:
        tokens = [s.tokens for s in samples if s.tokens is not None]
        facts = [s.facts for s in samples if s.facts is not None]  # varied before the tower looked
        words = visual_tokens.as_tensor([s.patches for s in samples], self.device)
        return Shown(facts, words, words, visual_tokens.as_tensor(tokens, self.device).float())

    def _decoder_losses(self, segments: Shown) -> dict[str, torch.Tensor]:
        loss, readings = self._decoded(segments)
        return {"text": loss, **self.reader.losses(readings)}

    def _decoded(self, segments: Shown) -> tuple[torch.Tensor, readouts.Readings]:
        """The loss of the answers, and what the read-outs are to read."""
        facts, words, shown, visual = segments
        asked = [pairs(fact, self.rng, n=self.config.questions) for fact in facts]
        system = SYSTEM if self.rng.random() < 0.15 else None
        batch = pack(self.layout, asked, system=system, n_frames=shown.shape[1]).to(self.device)
        with self.autocast():
            states = decode(self.model, batch, visual, self.layout.image)
            loss, _ = text_loss(self.model, states.last, batch)
        people, cars = readouts.counted(shown)
        readings = readouts.Readings(
            gist=states.hidden[network.GIST][batch.asked].float(),
            seen=words.amax((2, 3)).float().mean(1)[batch.asked.nonzero()[:, 0]],
            frame=readouts.at_frames(states.hidden[network.FRAME_GIST], batch, self.layout.image).float().flatten(0, 1),
            shown=shown.amax((2, 3)).float().flatten(0, 1),
            people=people.flatten(),
            cars=cars.flatten(),
        )
        return loss, readings

    def fit_readers(self, samples: list[Sample], *, steps: int = 300, rate: float = 1e-2) -> list[float]:
        """Let the decoder's read-outs learn to read a model that has learnt already, which stays as it is.

        Args:
            samples: Of the present stage, as `Feed` gives them.
            steps: Of AdamW on all of them at once.
            rate: Its rate at the beginning, falling to nothing.

        Returns:
            The loss of each step.
        """
        made = {TOLD: self._told, SEGMENTS: self._looked_at}[self.stage]
        with torch.no_grad():
            parts = [
                self._decoded(made(samples[i : i + self.config.batch]))[1]
                for i in range(0, len(samples), self.config.batch)
            ]
        readings = readouts.Readings(*(torch.cat(part) for part in zip(*parts, strict=True)))
        optimiser = torch.optim.AdamW(self.reader.parameters(), lr=rate, weight_decay=self.config.weight_decay)
        falling = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, steps)
        curve = []
        for _ in range(steps):
            loss = self._weighed(self.reader.losses(readings))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            falling.step()
            curve.append(float(loss.detach()))
        return curve

    def look(self, samples: list[Sample]) -> list[Sample]:
        """What is done to samples before they are given: in the third stage the vision tower looks at them, once.

        The tower has its averaged weights and learns no more, so that what it sees can be kept.
        """
        if self.stage != SEGMENTS:
            return samples
        varied = Variation.drawn(len(samples), self.rng, self.device)
        pixels = varied.pixels(visual_tokens.as_tensor([s.pixels for s in samples], self.device))
        words = varied.words(visual_tokens.as_tensor([s.patches for s in samples], self.device)).cpu().numpy()
        facts = varied.facts([s.facts for s in samples if s.facts is not None])
        with torch.no_grad(), self.autocast():
            self._settle()
            tokens = torch.stack([visual_tokens.see(self.model, frames)[0] for frames in pixels])
        kept = tokens.to("cpu", torch.float16).numpy()
        return [
            replace(s, pixels=s.pixels[:0], patches=words[i], facts=facts[i], tokens=kept[i])
            for i, s in enumerate(samples)
        ]

    def _settle(self) -> None:
        """Give the vision tower its averaged weights for good."""
        for name, p in self.model.named_parameters():
            if "vision_tower" in name or "projector" in name:
                p.copy_(self.average[name])

    def learn(self, losses: dict[str, torch.Tensor], rate: float) -> float:
        """One step of the optimiser; the total loss."""
        total = self._weighed(losses)
        for optimiser in self.optimisers.values():
            optimiser.zero_grad(set_to_none=True)
        total.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimiser in self.optimisers.values():
            for group in optimiser.param_groups:
                group["lr"] = rate * group["times"]
            optimiser.step()
        self.step += 1
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            names, now = zip(*self.model.named_parameters(), strict=True)
            torch._foreach_lerp_([self.average[name] for name in names], list(now), 1 - keep)
        return float(total.detach())

    @staticmethod
    def _weighed(losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([loss * WEIGHTS[name] for name, loss in losses.items()]).sum()

    def averaged(self) -> _Swap:
        """Inside it the model has its averaged weights."""
        return _Swap(self)

    @torch.no_grad()
    def check(self, samples: list[Sample]) -> dict[str, float]:
        """Share of held-out answers, slot by slot, all of whose tokens are the likeliest ones (given those before).

        For descriptions: the share of tokens. In the first stage the samples are told in words, without noise.
        """
        rng = np.random.default_rng(0)
        right: dict[str, list[float]] = defaultdict(list)
        with self.averaged(), self.autocast():
            for low in range(0, len(samples), 8):
                part = samples[low : low + 8]
                asked = [pairs(s.facts, rng, n=12) for s in part if s.facts is not None]
                batch = pack(self.layout, asked, system=None).to(self.device)
                visual = self._seen(part).unflatten(0, (len(part), FRAMES))
                hidden = decode(self.model, batch, visual, self.layout.image).last
                good = torch.zeros_like(batch.target, dtype=torch.bool)
                good[batch.target != -100] = text_loss(self.model, hidden, batch)[1]
                for row, slots in enumerate(batch.slots):
                    for number, slot in enumerate(slots, 1):
                        own = (batch.block[row] == number) & (batch.target[row] != -100)
                        hit = good[row][own].float()
                        right[slot].append(float(hit.mean() if slot == "description" else hit.min()))
        return {slot: float(np.mean(right[slot])) if right[slot] else float("nan") for slot in SLOTS}

    @torch.no_grad()
    def spreads(self, samples: list[Sample]) -> list[float]:
        """Root mean square of what the heads of each layer give at the end of questions about some segments."""
        rng = np.random.default_rng(1)
        squares = torch.zeros(network.LAYERS)
        for sample in samples:
            asked = [pairs(s.facts, rng, n=12) for s in [sample] if s.facts is not None]
            batch = pack(self.layout, asked, system=None).to(self.device)
            heads = decode(self.model, batch, self._seen([sample])[None], self.layout.image).heads
            rows = [given[batch.asked].float() for given in heads]
            squares += torch.stack([row.square().mean() for row in rows]).cpu() / len(samples)
        return [float(s) for s in squares.sqrt()]

    def _seen(self, samples: list[Sample]) -> torch.Tensor:
        if self.stage == TOLD:
            words = visual_tokens.as_tensor([s.patches for s in samples], self.device).flatten(0, 1)
            table = self.model.get_input_embeddings().weight
            return visual_tokens.in_words(words.flatten(1, 2).float(), table, self.reader.words)
        pixels = visual_tokens.as_tensor([s.pixels for s in samples], self.device).flatten(0, 1)
        return visual_tokens.see(self.model, pixels)[0]

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "reader": self.reader.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average,
            "place": {
                "step": self.step, "drawn": self.drawn, "stage": self.stage, "seconds": self.seconds,
                "next_video": self.next_video, "before": self.before,
                "ran_on": self.ran_on, "rng": json.dumps(self.rng.bit_generator.state),
            },
            "config": asdict(self.config),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a run was.

        Raises:
            ArtefactError: The state is of another architecture.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.reader.load_state_dict(state["reader"])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ArtefactError(
                "this training cannot be gone on with",
                got=str(error).splitlines()[0],
                expected="a state of the architecture and the read-outs of this version",
                hint="train anew, in another folder",
            ) from error
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        place = state["place"]
        self.step, self.drawn, self.stage = place["step"], place["drawn"], place["stage"]
        self.seconds, self.next_video = place["seconds"], place["next_video"]
        self.before, self.ran_on = place.get("before", []), place.get("ran_on", self.ran_on)
        self.rng.bit_generator.state = json.loads(place["rng"])


class _Swap:
    def __init__(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def _exchange(self) -> None:
        with torch.no_grad():
            for name, p in self.trainer.model.named_parameters():
                held = p.detach().clone()
                p.copy_(self.trainer.average[name])
                self.trainer.average[name].copy_(held)

    def __enter__(self) -> None:
        self._exchange()
        self.trainer.model.eval()

    def __exit__(self, *_: object) -> None:
        self._exchange()
        self.trainer.model.train()
