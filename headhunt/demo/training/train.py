"""Train the embedded model: `python -m headhunt.demo.training.train --out DIR [--hours H | --steps N] [--resume]`.

Three phases, all on videos rendered on the fly. In the first, the decoder learns its language on segments told in words
instead of pixels: a visual token is the sum of the words that its part of the frame shows. In the second, the vision
tower learns from single frames, most of them of crowds, which words each patch shows, and to produce such tokens. In
the third, the decoder learns on segments of 16 frames as the vision tower sees them. Like the first, the third is
next-token prediction.

DIR receives `log.csv` (a row at every check), `state.safetensors` (weights, optimisers, average, progress; replaced
atomically), `model/` (the checkpoint, from the running average of the weights), `scores.json` and `MODEL_CARD.md`.
"""

from __future__ import annotations

import argparse
import csv
import os
import signal
import sys
import time
from collections import defaultdict
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from statistics import fmean

import torch

from headhunt.demo.training import phases
from headhunt.demo.training.checkpoint import load_state, save_state
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.export import export
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.history import folder_of, keep_logs
from headhunt.demo.training.lessons import Feed, check_samples
from headhunt.demo.training.measures import SLOTS, check
from headhunt.demo.training.schedule import FRAMES_ALONE, WARM, WHOLE, phase_at, rate_at
from headhunt.demo.training.trainer import Trainer
from headhunt.errors import UsageError
from headhunt.extraction.memory import keep_freed_memory
from headhunt.models import pick_device

COLUMNS = (
    "step", "seconds", "phase", "samples", "rate", "lr", "loss",
    "text", "patch", "body", "cell", "match", "gist", "frame", "number", *SLOTS,
)  # fmt: skip
READ = (256, 2048, 256)  # samples of each phase on which only the read-outs learn, in a run from trained weights
STATE = "state.safetensors"
CPU = TrainConfig()
# The recipe of the embedded model.
GPU = TrainConfig(
    hours=0.1417, batch=32, told=0.23, frames=0.41, uses=(1, 10, 9), check_s=30.0,
    workers=max(1, (os.cpu_count() or 1) - 1),
)  # fmt: skip


def train(
    out: Path, config: TrainConfig, *, device: str = "auto", resume: bool = False, init: str | None = None
) -> Trainer:
    """Start or continue a run; the module's docstring says what it writes into `out`.

    Args:
        out: Folder of the run.
        config: How the run goes.
        device: As in `pick_device`.
        resume: Continue the run in `out`.
        init: A checkpoint of the same architecture to start from; None for random weights.

    Raises:
        UsageError: `config.cells` is out of range, or `out` holds a run already and `resume` is not set.
    """
    if not 1 <= config.cells <= TOKENS:
        raise UsageError("a frame does not have this number of cells", got=config.cells, expected=f"1 to {TOKENS}")
    where = pick_device(device)
    if where.type == "cpu":
        keep_freed_memory()
    else:
        torch.backends.cuda.matmul.allow_tf32 = True
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, where)
    log, state = out / "log.csv", out / STATE
    if resume and state.is_file():
        trainer.restore(load_state(state, where))
    elif state.is_file() or log.is_file():
        raise UsageError(f"{out} already holds a training run", hint="continue it with --resume, or use another folder")
    else:
        if init:
            trainer.begin_with(init)
            keep_logs(folder_of(init), out, len(trainer.before))
        with log.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
    held_out = check_samples(config.workers)
    feed: Feed | None = None
    fresh_readers = bool(trainer.before)  # they are never saved with a model, so they start over
    sums: dict[str, list[float]] = defaultdict(list)
    began, before, last_check, drawn = time.monotonic(), trainer.seconds, time.monotonic(), 0
    while (progress := _progress(trainer, config)) < 1.0:
        phase, done = phase_at(progress, config)
        if feed is None or phase != trainer.phase:
            trainer.phase = phase
            if where.type == "cpu":  # rendering keeps a core busy with single frames, far less with segments
                torch.set_num_threads(max(1, config.threads - (phase == FRAMES_ALONE)))
            feed = _feed(trainer, config)
            if fresh_readers and phase != FRAMES_ALONE and not trainer.drawn[phase]:
                phases.fit_readers(trainer, feed.draw(READ[phase]))
        whole = done > 1.0 - WHOLE
        after = trainer.drawn[phase] - (READ[phase] if fresh_readers and phase == FRAMES_ALONE else 0)
        reading = after < 0
        size = config.batch * (2, 4 if whole or config.cells == TOKENS else 8, 1)[phase]
        samples = feed.draw(size)
        trainer.next_video[phase] = feed.next_video
        losses = phases.losses(trainer, samples, whole=whole, reading=reading)
        rate = rate_at(phase, done, WARM if reading else after // size, config.rate)
        sums["loss"].append(trainer.learn(losses, rate))
        for name, loss in losses.items():
            sums[name].append(float(loss.detach()))
        trainer.drawn[phase] += len(samples)
        drawn += len(samples)
        now = time.monotonic()
        trainer.seconds = before + now - began
        if now - last_check >= config.check_s or _progress(trainer, config) >= 1.0:
            row: dict[str, float] = {name: fmean(values) for name, values in sums.items()}
            row |= {
                "step": trainer.step, "seconds": round(trainer.seconds, 1), "phase": phase,
                "samples": trainer.drawn[phase], "rate": drawn / (now - last_check), "lr": rate,
            }  # fmt: skip
            if phase != FRAMES_ALONE:
                row |= check(trainer, held_out)
            _write_row(log, row)
            save_state(trainer.state(), state)
            sums, drawn, last_check = defaultdict(list), 0, time.monotonic()
    return trainer


def _feed(trainer: Trainer, config: TrainConfig) -> Feed:
    phase = trainer.phase
    # Repeated samples are varied: mirrored, brighter or darker, asked other questions (in the last phase only that).
    return Feed(
        phase,
        first=trainer.next_video[phase],
        workers=config.workers,
        pool=(192, 256, 96)[phase] * config.batch,
        uses=config.uses[phase],
        rng=trainer.rng,
        prepare=partial(phases.look, trainer),
    )


def _progress(trainer: Trainer, config: TrainConfig) -> float:
    if config.hours is not None:
        return trainer.seconds / (3600 * config.hours)
    return trainer.step / config.steps


def _write_row(log: Path, row: dict[str, float]) -> None:
    cells = [f"{row[name]:.5g}" if isinstance(row.get(name), float) else row.get(name, "") for name in COLUMNS]
    with log.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(cells)
    print("  ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, cells, strict=True) if cell != ""), flush=True)


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m headhunt.demo.training.train",
        description="Train the embedded model, write it to --out and judge it on held-out videos.",
    )
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--init", help="a model of this architecture to start from ('tiny' for the embedded one)")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out")
    parser.add_argument("--export-only", action="store_true", help="write model/ and scores from the last state")
    parser.add_argument("--note", default="", help="anything else worth knowing about the run, for the card")
    parser.add_argument("--judge", type=int, default=100, help="held-out videos for the scores (100), 0 for none")
    # Options left out take the CPU's defaults or, on a GPU, the recipe of the embedded model.
    recipe = parser.add_argument_group("recipe", argument_default=argparse.SUPPRESS)
    length = recipe.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, help=f"length of the run in hours ({CPU.hours}, {GPU.hours} on a GPU)")
    length.add_argument("--steps", type=int, help="length of the run in steps")
    recipe.add_argument("--threads", type=int, help="threads of the trainer on a CPU")
    recipe.add_argument("--workers", type=int, help="rendering processes (1 on a CPU, all cores but one on a GPU)")
    recipe.add_argument("--batch", type=int, help=f"segments a step ({CPU.batch}, {GPU.batch} on a GPU)")
    recipe.add_argument("--check-s", type=float, help="seconds between checks")
    recipe.add_argument("--told", type=float, help="share of the first phase")
    recipe.add_argument("--frames", type=float, help="share of the second phase")
    recipe.add_argument("--seed", type=int)
    recipe.add_argument("--cells", type=int, help="visual tokens a frame that the second phase looks at")
    recipe.add_argument("--uses", type=int, nargs=3, metavar="N", help="how often a sample is shown, by phase")
    recipe.add_argument("--rate", type=float, help="learning rate")
    recipe.add_argument("--read-rate", type=float, help="that of the read-outs, as a multiple of --rate")
    args = parser.parse_args()
    # A terminated trainer takes its rendering processes with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = {field.name for field in fields(TrainConfig)}
    given = {name: value for name, value in vars(args).items() if name in names}
    if "uses" in given:
        given["uses"] = tuple(given["uses"])
    if "steps" in given:
        given["hours"] = None
    config = replace(CPU if pick_device(args.device).type == "cpu" else GPU, **given)
    if args.export_only:  # the run may still be going on
        state = load_state(args.out / STATE, "cpu")
        trainer = Trainer(TrainConfig(**state["config"]), torch.device("cpu"))
        trainer.restore(state)
    else:
        trainer = train(args.out, config, device=args.device, resume=args.resume, init=args.init)
    export(trainer, args.out, n_videos=args.judge, note=args.note)


if __name__ == "__main__":
    main()
