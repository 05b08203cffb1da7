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
import ctypes
import json
import os
import platform
import signal
import sys
import time
from collections import defaultdict
from dataclasses import fields, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from headhunt.demo.training import language, network
from headhunt.demo.training.checkpoint import load_state, save_state
from headhunt.demo.training.lessons import CHECK_SEEDS, FRAMES_ALONE, SEGMENTS, TOLD, Feed, check_samples
from headhunt.demo.training.trainer import MUON, SLOTS, WARM, TrainConfig, Trainer, folder_of, rate_at
from headhunt.demo.training.training_data import FRAMES, PATCH_WORDS, segments_of
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
WHOLE = 0.2  # share of the second stage, at its end, in which whole frames are looked at
READ = (256, 2048, 256)  # samples of each stage on which only the read-outs learn where the rest has learnt before
LEVEL_VIDEOS = 8  # of the world "train": on them it is measured how large what heads give is
STATE = "state.safetensors"
CPU = TrainConfig()
# The recipe of the embedded model.
GPU = TrainConfig(
    hours=0.1417, batch=32, told=0.23, frames=0.41, uses=(1, 10, 9), check_s=30.0,
    workers=max(1, (os.cpu_count() or 1) - 1),
)  # fmt: skip
NOTE = "embedded model, trained on rendered video only: it describes what is visible and judges nothing"


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
    if not 1 <= config.cells <= network.TOKENS:
        raise UsageError("a frame has no such number of cells", got=config.cells, expected=f"1 to {network.TOKENS}")
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
        size = config.batch * (2, 4 if trainer.whole or config.cells == network.TOKENS else 8, 1)[stage]
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


def keep_logs(known: Path, out: Path, runs: int) -> None:
    """The logs of the runs before: log-1.csv of the first, and so on."""
    for run in range(1, runs + 1):
        for log in (known / f"log-{run}.csv", known / "log.csv"):
            if log.is_file():
                (out / f"log-{run}.csv").write_bytes(log.read_bytes())
                break


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


def stage_at(progress: float, config: TrainConfig) -> tuple[int, float]:
    """The stage at a point of the run, and the share of it that is over."""
    if progress < config.told:
        return TOLD, progress / config.told
    before = config.told + config.frames
    if progress < before:
        return FRAMES_ALONE, (progress - config.told) / config.frames
    return SEGMENTS, (progress - before) / (1.0 - before)


def _write_row(log: Path, row: dict[str, float]) -> None:
    cells = [f"{row[name]:.5g}" if isinstance(row.get(name), float) else row.get(name, "") for name in COLUMNS]
    with log.open("a", newline="") as file:
        csv.writer(file, lineterminator="\n").writerow(cells)
    print("  ".join(f"{name} {cell}" for name, cell in zip(COLUMNS, cells, strict=True) if cell != ""), flush=True)


def keep_memory() -> None:
    """Let glibc keep freed memory: without this large tensors are unmapped and faulted in again all the time."""
    if sys.platform == "linux" and platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        m_trim_threshold, m_mmap_threshold = -1, -3
        libc.mallopt(m_mmap_threshold, 1 << 30)
        libc.mallopt(m_trim_threshold, (1 << 31) - 1)


def export(trainer: Trainer, out: Path, *, n_videos: int, note: str = "") -> None:
    """Write the averaged weights as a checkpoint folder, judge it, and write scores and card beside it.

    Args:
        trainer: After training or `restore`.
        out: Folder of the run; `model/` in it is written.
        n_videos: Held-out videos to judge on, two segments each; 0 leaves judging out.
        note: What else is to be known of the run; stands in the card and in the scores.
    """
    # Layers differ in how large their heads' vectors are, by chance alone: what is fitted on them without scaling, as
    # the methods do, would see some layers and not others.
    measured_on = [s for i in range(LEVEL_VIDEOS) for s in segments_of(CHECK_SEEDS + i, split="train", n=2)]
    with trainer.averaged():
        even = network.levelled(trainer.model, trainer.spreads(measured_on))
    run = _figures(trainer) | ({"note": note} if note else {})
    write_model(even, trainer.tokenizer, trainer.layout, out, runs=[*trainer.before, run], n_videos=n_videos)


def write_model(
    model: Any, tokenizer: Any, layout: network.Layout, out: Path, *, runs: list[dict[str, Any]], n_videos: int
) -> None:
    """Write weights as a checkpoint folder, judge it, and write scores and card beside it.

    Args:
        model: InternVLForConditionalGeneration.
        tokenizer: Its own.
        layout: Of the same tokenizer.
        out: Folder of the run; `model/` in it is written.
        runs: Figures of each run of the training, the last one's last.
        n_videos: Held-out videos to judge on, two segments each; 0 leaves judging out.
    """
    from headhunt.demo.training import held_out
    from headhunt.demo.training.card import model_card
    from headhunt.extraction import golden
    from headhunt.models import load

    place = out / "model"
    place.mkdir(parents=True, exist_ok=True)
    network.save(model, tokenizer, place, note=NOTE)
    backbone = load(str(place), device="cpu", dtype="float32")  # the code path, precision and weights of use
    golden.save(golden.measure(backbone), place)
    model = backbone.model
    judged, examples = held_out.judge(model, layout, n_videos=n_videos) if n_videos else (None, [])
    weights = place / "model.safetensors"
    sizes = {
        "frames": FRAMES, "length": 48, "height": network.HEIGHT, "width": network.WIDTH,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vision": sum(p.numel() for p in model.model.vision_tower.parameters()),
        "layers": network.LAYERS, "heads": backbone.spec.heads, "hidden": network.HIDDEN, "tokens": network.TOKENS,
        "vocabulary": len(tokenizer), "words": len(language.WORDS),
        "megabytes": weights.stat().st_size / 1e6, "shown": len(PATCH_WORDS), "level": network.LEVEL,
    }  # fmt: skip
    whole = {"training": runs[-1], "before": runs[:-1], "judged": judged, "examples": examples}
    (out / "scores.json").write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    (out / "MODEL_CARD.md").write_text(model_card(sizes, runs, judged, examples), encoding="utf-8")


def _figures(trainer: Trainer) -> dict[str, Any]:
    told, frames, segments = trainer.drawn
    config = trainer.config
    return {
        "device": trainer.ran_on,
        "hours": round(trainer.seconds / 3600, 3),
        "steps": trainer.step,
        "segments told in words": told,
        "single frames": frames,
        "segments": segments,
        "videos rendered": sum(trainer.next_video),
        "batch": config.batch,
        "stages": f"{config.told:g}, {config.frames:g} and the rest of the time; samples shown "
        f"{', '.join(map(str, config.uses))} times",
        "optimiser": f"Muon for matrices at {MUON:g} times the rate, AdamW for the rest at {config.rate:g} at most"
        f"{f', read-outs at {config.read_rate:g} times' if config.read_rate != 1 else ''}, "
        f"weight decay {config.weight_decay:g}, {str(trainer.products).removeprefix('torch.')} products",
        "seed": config.seed,
        **({"cells of a frame looked at": config.cells} if config.cells != network.TOKENS else {}),
    }


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
