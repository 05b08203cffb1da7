"""Train the embedded model: `python -m headhunt.demo.train --out DIR [--hours H | --steps N] [--resume]`.

Two stages, both on videos rendered on the fly. In the first the vision tower learns on single frames which words each
patch shows. In the second the whole model learns on segments of 16 frames to describe and to answer, by next-token
prediction, while the read-outs of the first stage go on.

In DIR: `log.csv` (a row every check), `state.pt` (weights, optimiser, average, position; replaced atomically), `model/`
(the checkpoint, from the running average of the weights), `scores.json` and `MODEL_CARD.md`.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from headhunt.demo import network
from headhunt.demo.language import pairs
from headhunt.demo.training_data import FRAMES, Sample, frames_of, segments_of
from headhunt.errors import UsageError
from headhunt.models import pick_device

# First seeds: single frames, segments, and the segments of the checks, all of the world "train".
FRAME_SEEDS, SEGMENT_SEEDS, CHECK_SEEDS = 10_000_000, 20_000_000, 30_000_000
SLOTS = ("count", "actor", "action", "object", "light", "place", "description")
COLUMNS = ("step", "seconds", "stage", "samples", "rate", "lr", "loss", "text", "patch", "cell", "state", *SLOTS)
CHECK_SEGMENTS = 48
SEGMENTS_A_VIDEO, FRAMES_A_VIDEO = 4, 8


@dataclass(frozen=True)
class TrainConfig:
    """How a run goes.

    Attributes:
        hours: Length in hours, None to go by `steps`.
        steps: Length in steps.
        seed: Of the weights and every choice.
        batch: Segments a step; eight times as many frames in the first stage.
        warm_up: Share of the run given to the first stage.
        rate: Highest learning rate.
        weight_decay: Of AdamW.
        seen: Frames of a segment the vision tower learns from in the second stage; it reads all 16.
        questions: Short questions a segment.
        weight: Of each read-out beside the text.
        average: Decay of the running average of the weights.
        check_s: Seconds between checks.
        workers: Rendering processes.
        threads: Threads of the trainer.
    """

    hours: float | None = 2.5
    steps: int = 0
    seed: int = 0
    batch: int = 8
    warm_up: float = 0.15
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    seen: int = 6
    questions: int = 6
    weight: float = 0.2
    average: float = 0.998
    check_s: float = 240.0
    workers: int = 1
    threads: int = 1


class Videos(Dataset[list[Sample]]):
    """Item i is one video: frames of it in the first stage, segments of it in the second."""

    def __init__(self, stage: int) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return 10_000_000

    def __getitem__(self, index: int) -> list[Sample]:
        if self.stage == 0:
            return [frames_of(FRAME_SEEDS + index, split="train", n=FRAMES_A_VIDEO)]
        return segments_of(SEGMENT_SEEDS + index, split="train", n=SEGMENTS_A_VIDEO)


class Feed:
    """Samples of a stage from worker processes, mixed over videos.

    Args:
        stage: 0 or 1.
        first: Number of the first video.
        workers: Processes; 0 renders in this one.
        pool: Samples to draw from.
        rng: Source of chance.
    """

    def __init__(self, stage: int, *, first: int, workers: int, pool: int, rng: np.random.Generator) -> None:
        loader: DataLoader[list[Sample]] = DataLoader(
            Videos(stage),
            batch_size=None,
            sampler=range(first, len(Videos(stage))),
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            prefetch_factor=4 if workers else None,
            collate_fn=_same,
        )
        self.next_video = first
        self._source: Iterator[list[Sample]] = iter(loader)
        self._pool: list[Sample] = []
        self._size, self._rng = pool, rng

    def draw(self, n: int) -> list[Sample]:
        """`n` samples, each given once."""
        while len(self._pool) < max(n, self._size):
            self._pool += next(self._source)
            self.next_video += 1
        return [self._pool.pop(int(self._rng.integers(len(self._pool)))) for _ in range(n)]


def _same(samples: list[Sample]) -> list[Sample]:
    return samples


class Trainer:
    """Everything of a run that is not its length.

    Args:
        config: How it goes.
        device: Where.
    """

    def __init__(self, config: TrainConfig, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        self.config, self.device = config, device
        self.tokenizer = network.make_tokenizer_of_words()
        self.layout = network.Layout(self.tokenizer)
        self.model: Any = network.make_model(self.tokenizer).to(device)
        network.choose_attention(self.model, device)
        self.reader = network.Reader(self.layout).to(device)
        self.parameters = [p for part in (self.model, self.reader) for p in part.parameters()]
        matrices = [p for p in self.parameters if p.ndim > 1]
        vectors = [p for p in self.parameters if p.ndim < 2]
        groups = [
            {"params": matrices, "weight_decay": config.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self.optimiser = torch.optim.AdamW(groups, lr=config.rate, betas=(0.9, 0.98), eps=1e-8)
        self.average = {name: p.detach().clone() for name, p in self.model.named_parameters()}
        self.rng = np.random.default_rng([3, config.seed])
        self.step = self.samples = self.stage = 0
        self.seconds = 0.0
        self.next_video = [0, 0]

    def autocast(self) -> AbstractContextManager[Any]:
        """bfloat16 products, everything else in float32."""
        return torch.autocast(self.device.type, torch.bfloat16)

    def frames_step(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the first stage."""
        pixels = network.as_tensor([s.pixels for s in samples], self.device).flatten(0, 1)
        words = network.as_tensor([s.patches for s in samples], self.device).flatten(0, 1)
        with self.autocast():
            tokens, states = network.see(self.model, pixels)
        return {"patch": self._patch_loss(states, words), "cell": self._cell_loss(tokens, words, 0)}

    def _patch_loss(self, states: torch.Tensor, words: torch.Tensor) -> torch.Tensor:
        return network.show_loss(self.reader.patch(states.float()), words.flatten(1, 2))

    def _cell_loss(self, hidden: torch.Tensor, words: torch.Tensor, which: int) -> torch.Tensor:
        table = self.model.get_input_embeddings().weight
        return network.show_loss(self.reader(hidden, table, which), network.cells(words))

    def segments_step(self, samples: list[Sample]) -> dict[str, torch.Tensor]:
        """Losses of the second stage."""
        asked = [pairs(s.facts, self.rng, n=self.config.questions) for s in samples if s.facts is not None]
        system = network.SYSTEM if self.rng.random() < 0.15 else None
        batch = network.pack(self.layout, asked, system=system).to(self.device)
        pixels = network.as_tensor([s.pixels for s in samples], self.device).flatten(0, 1)
        words = network.as_tensor([s.patches for s in samples], self.device).flatten(0, 1)
        # Frames of a segment resemble each other: the tower learns from some and only reads the rest.
        order = [self.rng.permutation(FRAMES) + FRAMES * i for i in range(len(samples))]
        learnt = torch.from_numpy(np.concatenate([o[: self.config.seen] for o in order])).to(self.device)
        read = torch.from_numpy(np.concatenate([o[self.config.seen :] for o in order])).to(self.device)
        with self.autocast():
            tokens, states = network.see(self.model, pixels[learnt])
            with torch.no_grad():
                rest, _ = network.see(self.model, pixels[read])
            visual = torch.empty(len(pixels), *tokens.shape[1:], dtype=tokens.dtype, device=self.device)
            visual = visual.index_copy(0, learnt, tokens).index_copy(0, read, rest.to(tokens.dtype))
            hidden = network.decode(self.model, batch, visual.unflatten(0, (len(samples), FRAMES)), self.layout.image)
            loss, _ = network.text_loss(self.model, hidden, batch.target)
        at = (batch.ids[0] == self.layout.image).nonzero()[:, 0]
        states_at = hidden[:, at].unflatten(1, (FRAMES, network.TOKENS)).flatten(0, 1)
        return {
            "text": loss,
            "patch": self._patch_loss(states, words[learnt]),
            "cell": self._cell_loss(tokens, words[learnt], 0),
            "state": self._cell_loss(states_at, words, 1),
        }

    def learn(self, losses: dict[str, torch.Tensor], rate: float) -> float:
        """One step of the optimiser; the total loss."""
        total: torch.Tensor = sum(  # type: ignore[assignment]
            loss * (1.0 if name == "text" else self.config.weight) for name, loss in losses.items()
        )
        self.optimiser.zero_grad(set_to_none=True)
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.step()
        self.step += 1
        keep = min(self.config.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for name, p in self.model.named_parameters():
                self.average[name].lerp_(p.detach(), 1 - keep)
        return float(total.detach())

    def averaged(self) -> _Swap:
        """Inside it the model has its averaged weights."""
        return _Swap(self)

    @torch.no_grad()
    def check(self, samples: list[Sample]) -> dict[str, float]:
        """Share of held-out answers, slot by slot, all of whose tokens are the likeliest ones (given those before).

        For descriptions: the share of tokens.
        """
        rng = np.random.default_rng(0)
        right: dict[str, list[float]] = defaultdict(list)
        with self.averaged(), self.autocast():
            for low in range(0, len(samples), 8):
                part = samples[low : low + 8]
                asked = [pairs(s.facts, rng, n=12) for s in part if s.facts is not None]
                batch = network.pack(self.layout, asked, system=None).to(self.device)
                pixels = network.as_tensor([s.pixels for s in part], self.device).flatten(0, 1)
                tokens, _ = network.see(self.model, pixels)
                visual = tokens.unflatten(0, (len(part), FRAMES))
                hidden = network.decode(self.model, batch, visual, self.layout.image)
                good = torch.zeros_like(batch.target, dtype=torch.bool)
                good[batch.target != -100] = network.text_loss(self.model, hidden, batch.target)[1]
                for row, slots in enumerate(batch.slots):
                    for number, slot in enumerate(slots, 1):
                        own = (batch.block[row] == number) & (batch.target[row] != -100)
                        hit = good[row][own].float()
                        right[slot].append(float(hit.mean() if slot == "description" else hit.min()))
        return {slot: float(np.mean(right[slot])) if right[slot] else float("nan") for slot in SLOTS}

    def state(self) -> dict[str, Any]:
        """Everything `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "reader": self.reader.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
            "place": {
                "step": self.step, "samples": self.samples, "stage": self.stage, "seconds": self.seconds,
                "next_video": self.next_video, "rng": json.dumps(self.rng.bit_generator.state),
            },
            "config": asdict(self.config),
        }  # fmt: skip

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where a run was."""
        self.model.load_state_dict(state["model"])
        self.reader.load_state_dict(state["reader"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.average = {name: value.to(self.device) for name, value in state["average"].items()}
        place = state["place"]
        self.step, self.samples, self.stage = place["step"], place["samples"], place["stage"]
        self.seconds, self.next_video = place["seconds"], place["next_video"]
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


def rate_at(progress: float, step: int, highest: float) -> float:
    """Learning rate: 150 steps up, level, and from 55 % of the run on down to 3 % along a line."""
    up = min(1.0, (step + 1) / 150)
    down = 1.0 if progress < 0.55 else max(0.03, 1.0 - 0.97 * (progress - 0.55) / 0.45)
    return highest * min(up, down)


def save_state(trainer: Trainer, path: Path) -> None:
    """Write the state so that a kill leaves the old or the new one."""
    partial = path.with_name(path.name + ".partial")
    torch.save(trainer.state(), partial)
    partial.replace(path)


def train(out: Path, config: TrainConfig, *, device: str = "auto", resume: bool = False) -> Trainer:
    """Run or go on with a training; see the module's docstring for what it writes into `out`."""
    place = pick_device(device)
    if place.type == "cpu":
        torch.set_num_threads(config.threads)
        _keep_memory()
    else:
        torch.backends.cuda.matmul.allow_tf32 = True
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, place)
    log, state = out / "log.csv", out / "state.pt"
    if resume and state.is_file():
        trainer.restore(torch.load(state, map_location=place, weights_only=True))
    elif state.is_file() or log.is_file():
        raise UsageError(f"{out} already holds a training", hint="go on with --resume, or take another folder")
    else:
        with log.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
    held_out = [s for i in range(CHECK_SEGMENTS // 2) for s in segments_of(CHECK_SEEDS + i, split="train", n=2)]
    feed: Feed | None = None
    sums: dict[str, float] = defaultdict(float)
    began, before, last_check, counted, drawn = time.monotonic(), trainer.seconds, time.monotonic(), 0, 0
    while (progress := _progress(trainer, config)) < 1.0:
        stage = 0 if progress < config.warm_up else 1
        if feed is None or stage != trainer.stage:
            trainer.stage = stage
            feed = Feed(
                stage, first=trainer.next_video[stage], workers=config.workers,
                pool=2 * config.batch if stage == 0 else 6 * config.batch, rng=trainer.rng,
            )  # fmt: skip
        samples = feed.draw(config.batch)
        trainer.next_video[stage] = feed.next_video
        losses = trainer.frames_step(samples) if stage == 0 else trainer.segments_step(samples)
        rate = rate_at(progress, trainer.step, config.rate)
        sums["loss"] += trainer.learn(losses, rate)
        for name, loss in losses.items():
            sums[name] += float(loss.detach())
        trainer.samples += len(samples)
        counted, drawn = counted + 1, drawn + len(samples)
        now = time.monotonic()
        trainer.seconds = before + now - began
        if now - last_check >= config.check_s or _progress(trainer, config) >= 1.0:
            row: dict[str, float] = {name: total / counted for name, total in sums.items()}
            row |= {
                "step": trainer.step, "seconds": round(trainer.seconds, 1), "stage": stage,
                "samples": trainer.samples, "rate": drawn / (now - last_check), "lr": rate,
            }  # fmt: skip
            if stage == 1:
                row |= trainer.check(held_out)
            _write_row(log, row)
            save_state(trainer, state)
            sums, counted, drawn, last_check = defaultdict(float), 0, 0, time.monotonic()
    return trainer


def _progress(trainer: Trainer, config: TrainConfig) -> float:
    if config.hours is not None:
        return trainer.seconds / (3600 * config.hours)
    return trainer.step / config.steps


def _write_row(log: Path, row: dict[str, float]) -> None:
    cells = [f"{row[name]:.5g}" if isinstance(row.get(name), float) else row.get(name, "") for name in COLUMNS]
    with log.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(cells)
    print("  ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, cells, strict=True) if cell != ""), flush=True)


def _keep_memory() -> None:
    """Let glibc keep freed memory: without this large tensors are unmapped and faulted in again all the time."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc.mallopt(m_mmap_threshold, 1 << 30)
        libc.mallopt(m_trim_threshold, (1 << 31) - 1)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, help="length of the run in hours (2.5)")
    length.add_argument("--steps", type=int, help="length of the run in steps")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--threads", type=int, default=1, help="threads of the trainer on a CPU")
    parser.add_argument("--workers", type=int, help="rendering processes (1 on a CPU, all cores but one on a GPU)")
    parser.add_argument("--batch", type=int, help="segments a step (8 on a CPU, 48 on a GPU)")
    parser.add_argument("--check-s", type=float, default=240.0, help="seconds between checks")
    parser.add_argument("--warm-up", type=float, default=TrainConfig.warm_up, help="share of the first stage")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    args = parser.parse_args()
    gpu = pick_device(args.device).type != "cpu"
    cores = os.cpu_count() or 1
    config = TrainConfig(
        hours=None if args.steps else 2.5 if args.hours is None else args.hours,
        steps=args.steps or 0,
        seed=args.seed,
        batch=args.batch or (48 if gpu else 8),
        warm_up=args.warm_up,
        check_s=args.check_s,
        workers=(max(1, cores - 1) if gpu else 1) if args.workers is None else args.workers,
        threads=args.threads,
    )
    train(args.out, config, device=args.device, resume=args.resume)


if __name__ == "__main__":
    main()
