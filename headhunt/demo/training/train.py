"""Train the embedded model: `python -m headhunt.demo.training.train --out DIR [--hours H | --steps N] [--resume]`.

Three stages, all on videos made on the fly. In the first the decoder learns its language on segments told in words
instead of pixels: a visual token is the sum of the words its part of the frame shows. In the second the vision tower
learns on single frames, most of them of crowds, which words each patch shows, and to make such tokens. In the third the
decoder learns on segments of 16 frames as the vision tower sees them, by next-token prediction as in the first.

In DIR: `log.csv` (a row every check), `state.safetensors` (weights, optimiser, average, position; replaced
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
from pathlib import Path
from statistics import fmean

import torch

from headhunt.demo.training.checkpoint import load_state, save_state
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.export import export
from headhunt.demo.training.grid import TOKENS
from headhunt.demo.training.history import folder_of, keep_logs
from headhunt.demo.training.lessons import Feed, check_samples
from headhunt.demo.training.machine import keep_memory
from headhunt.demo.training.schedule import FRAMES_ALONE, WARM, WHOLE, rate_at, stage_at
from headhunt.demo.training.trainer import SLOTS, Trainer
from headhunt.errors import UsageError
from headhunt.models import pick_device

COLUMNS = (
    "step",
    "seconds",
    "stage",
    "samples",
    "rate",
    "lr",
    "loss",
    "text",
    "patch",
    "body",
    "cell",
    "match",
    "gist",
    "frame",
    "number",
    *SLOTS,
)
READ = (256, 2048, 256)  # samples of each stage on which only the read-outs learn where the rest has learnt before
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
    """Run or go on with a training; see the module's docstring for what it writes into `out`.

    Args:
        out: Folder of the run.
        config: How it goes.
        device: As of `pick_device`.
        resume: Go on with the run in `out`.
        init: A checkpoint of the same architecture whose weights the run begins with, None for random ones.
    """
    if not 1 <= config.cells <= TOKENS:
        raise UsageError("a frame has no such number of cells", got=config.cells, expected=f"1 to {TOKENS}")
    place = pick_device(device)
    if place.type == "cpu":
        keep_memory()
    else:
        torch.backends.cuda.matmul.allow_tf32 = True
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(config, place)
    log, state = out / "log.csv", out / STATE
    if resume and state.is_file():
        trainer.restore(load_state(state, place))
    elif state.is_file() or log.is_file():
        raise UsageError(f"{out} already holds a training", hint="go on with --resume, or take another folder")
    else:
        if init:
            trainer.begin_with(init)
            keep_logs(folder_of(init), out, len(trainer.before))
        with log.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerow(COLUMNS)
    held_out = check_samples(config.workers)
    feed: Feed | None = None
    new = bool(trainer.before)
    sums: dict[str, list[float]] = defaultdict(list)
    began, before, last_check, drawn = time.monotonic(), trainer.seconds, time.monotonic(), 0
    while (progress := _progress(trainer, config)) < 1.0:
        stage, done = stage_at(progress, config)
        if feed is None or stage != trainer.stage:
            trainer.stage = stage
            if place.type == "cpu":  # single frames keep a core busy with rendering, segments much less
                torch.set_num_threads(max(1, config.threads - (stage == FRAMES_ALONE)))
            feed = _feed(trainer, config)
            if new and stage != FRAMES_ALONE and not trainer.drawn[stage]:
                trainer.fit_readers(feed.draw(READ[stage]))
        trainer.whole = done > 1.0 - WHOLE
        after = trainer.drawn[stage] - (READ[stage] if new and stage == FRAMES_ALONE else 0)
        trainer.reading = after < 0
        size = config.batch * (2, 4 if trainer.whole or config.cells == TOKENS else 8, 1)[stage]
        samples = feed.draw(size)
        trainer.next_video[stage] = feed.next_video
        losses = trainer.losses(samples)
        rate = rate_at(stage, done, WARM if trainer.reading else after // size, config.rate)
        sums["loss"].append(trainer.learn(losses, rate))
        for name, loss in losses.items():
            sums[name].append(float(loss.detach()))
        trainer.drawn[stage] += len(samples)
        drawn += len(samples)
        now = time.monotonic()
        trainer.seconds = before + now - began
        if now - last_check >= config.check_s or _progress(trainer, config) >= 1.0:
            row: dict[str, float] = {name: fmean(values) for name, values in sums.items()}
            row |= {
                "step": trainer.step, "seconds": round(trainer.seconds, 1), "stage": stage,
                "samples": trainer.drawn[stage], "rate": drawn / (now - last_check), "lr": rate,
            }  # fmt: skip
            if stage != FRAMES_ALONE:
                row |= trainer.check(held_out)
            _write_row(log, row)
            save_state(trainer.state(), state)
            sums, drawn, last_check = defaultdict(list), 0, time.monotonic()
    return trainer


def _feed(trainer: Trainer, config: TrainConfig) -> Feed:
    stage = trainer.stage
    # What is shown again is varied: mirrored, in another brightness, asked other questions (the last stage: only that).
    return Feed(
        stage,
        first=trainer.next_video[stage],
        workers=config.workers,
        pool=(192, 256, 96)[stage] * config.batch,
        uses=config.uses[stage],
        rng=trainer.rng,
        prepare=trainer.look,
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
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, required=True, help="folder of the run")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1")
    parser.add_argument("--init", help="a model of this architecture to begin with ('tiny' for the embedded one)")
    parser.add_argument("--resume", action="store_true", help="go on with the run in --out")
    parser.add_argument("--export-only", action="store_true", help="write model/ and scores from the last state")
    parser.add_argument("--note", default="", help="what else is to be known of the run, for the card")
    parser.add_argument("--judge", type=int, default=100, help="held-out videos for the scores (100), 0 for none")
    # What is not given is as on a CPU or, on a GPU, as the embedded model was trained.
    recipe = parser.add_argument_group("recipe", argument_default=argparse.SUPPRESS)
    length = recipe.add_mutually_exclusive_group()
    length.add_argument("--hours", type=float, help=f"length of the run in hours ({CPU.hours}, {GPU.hours} on a GPU)")
    length.add_argument("--steps", type=int, help="length of the run in steps")
    recipe.add_argument("--threads", type=int, help="threads of the trainer on a CPU")
    recipe.add_argument("--workers", type=int, help="rendering processes (1 on a CPU, all cores but one on a GPU)")
    recipe.add_argument("--batch", type=int, help=f"segments a step ({CPU.batch}, {GPU.batch} on a GPU)")
    recipe.add_argument("--check-s", type=float, help="seconds between checks")
    recipe.add_argument("--told", type=float, help="share of the first stage")
    recipe.add_argument("--frames", type=float, help="share of the second stage")
    recipe.add_argument("--seed", type=int)
    recipe.add_argument("--cells", type=int, help="visual tokens of a frame looked at")
    recipe.add_argument("--uses", type=int, nargs=3, metavar="N", help="how often a sample is shown, stage by stage")
    recipe.add_argument("--rate", type=float, help="highest learning rate")
    recipe.add_argument("--read-rate", type=float, help="of the read-outs, in learning rates of the rest")
    args = parser.parse_args()
    # A terminated trainer takes its rendering processes along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    names = {field.name for field in fields(TrainConfig)}
    given = {name: value for name, value in vars(args).items() if name in names}
    if "uses" in given:
        given["uses"] = tuple(given["uses"])
    if "steps" in given:
        given["hours"] = None
    config = replace(CPU if pick_device(args.device).type == "cpu" else GPU, **given)
    if args.export_only:  # of a run that may still be going on
        state = load_state(args.out / STATE, "cpu")
        trainer = Trainer(TrainConfig(**state["config"]), torch.device("cpu"))
        trainer.restore(state)
    else:
        trainer = train(args.out, config, device=args.device, resume=args.resume, init=args.init)
    export(trainer, args.out, n_videos=args.judge, note=args.note)


if __name__ == "__main__":
    main()
