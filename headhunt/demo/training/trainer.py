"""A training run in progress: model, read-outs, optimisers, running average, state; knows nothing of its phases."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from headhunt.demo.training import network, readouts
from headhunt.demo.training.attention import choose_attention
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.history import folder_of
from headhunt.demo.training.losses import weighed
from headhunt.demo.training.machine import device_name, fast_bfloat16
from headhunt.demo.training.muon import Muon
from headhunt.demo.training.packing import Layout
from headhunt.demo.training.samples import shares
from headhunt.errors import ArtefactError
from headhunt.records import Json

MUON = 12.0  # Muon's learning rate, as a multiple of AdamW's


class Trainer:
    """A training run in progress.

    Args:
        config: How the run goes.
        device: Where it runs.
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
        # Muon for the inner matrices (they learn more in the same time); AdamW for embeddings, read-outs and vectors.
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
        self.average = self._weights()
        self.rng = np.random.default_rng([3, config.seed])
        self.ran_on = device_name(device, config.threads)
        self.before: list[Json] = []  # figures of earlier runs of these weights
        self.step = self.phase = 0
        self.drawn = [0, 0, 0]  # samples of each phase
        self.seconds = 0.0
        self.next_video = [0, 0, 0]  # number of the next video of each phase

    @property
    def embeddings(self) -> torch.Tensor:
        """Embeddings of all tokens, (vocabulary, hidden)."""
        table: torch.Tensor = self.model.get_input_embeddings().weight
        return table

    def begin_with(self, model: str) -> None:
        """Start from the weights of a model of the same architecture and the records of its training.

        The read-outs stay new. Specialists, heads added after the model's own that nothing reads, are dropped.
        """
        from headhunt.models import load

        known: Any = load(model, device="cpu", dtype="float32")
        weights = known.model.state_dict()
        for name, wanted in self.model.state_dict().items():
            if ".self_attn." in name and name in weights:
                weights[name] = weights[name][tuple(map(slice, wanted.shape))]
        self.model.load_state_dict(weights)
        self.average = self._weights()
        record = folder_of(model) / "scores.json"
        told = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
        runs = [*told.get("before", []), told.get("training", {"note": f"weights of {model}"})]
        self.before = [run for run in runs if "specialists" not in run]  # dropped

    def autocast(self) -> AbstractContextManager[Any]:
        """Matrix products in bfloat16 where that is faster, everything else in float32."""
        if self.products == torch.float32:
            return nullcontext()
        return torch.autocast(self.device.type, self.products)

    def learn(self, losses: dict[str, torch.Tensor], rate: float) -> float:
        """Take one step at a learning rate; returns the total loss."""
        total = weighed(losses)
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

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Inside the `with` block the model has its averaged weights."""
        self._exchange()
        self.model.eval()
        try:
            yield
        finally:
            self._exchange()
            self.model.train()

    @torch.no_grad()
    def settle_tower(self) -> None:
        """Give the vision tower its averaged weights for good."""
        for name, p in self.model.named_parameters():
            if "vision_tower" in name or "projector" in name:
                p.copy_(self.average[name])

    @torch.no_grad()
    def _exchange(self) -> None:
        for name, p in self.model.named_parameters():
            held = p.detach().clone()
            p.copy_(self.average[name])
            self.average[name].copy_(held)

    def _weights(self) -> dict[str, torch.Tensor]:
        return {name: p.detach().clone() for name, p in self.model.named_parameters()}

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "reader": self.reader.state_dict(),
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "average": self.average,
            "place": {
                "step": self.step, "drawn": self.drawn, "phase": self.phase, "seconds": self.seconds,
                "next_video": self.next_video, "before": self.before,
                "ran_on": self.ran_on, "rng": json.dumps(self.rng.bit_generator.state),
            },
            "config": asdict(self.config),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Continue where a run stopped.

        Raises:
            ArtefactError: The state belongs to another architecture.
        """
        try:
            self.model.load_state_dict(state["model"])
            self.reader.load_state_dict(state["reader"])
            for name, optimiser in self.optimisers.items():
                optimiser.load_state_dict(state["optimisers"][name])
        except (RuntimeError, ValueError, KeyError) as error:
            raise ArtefactError(
                "this training cannot be continued",
                got=str(error).splitlines()[0],
                expected="a state of this version's architecture and read-outs",
                hint="start a new training in another folder",
            ) from error
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        place = state["place"]
        self.step, self.drawn, self.phase = place["step"], place["drawn"], place["phase"]
        self.seconds, self.next_video = place["seconds"], place["next_video"]
        self.before, self.ran_on = place["before"], place["ran_on"]
        self.rng.bit_generator.state = json.loads(place["rng"])
