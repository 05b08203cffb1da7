"""A run that adds specialists to a model and writes the model, its scores and its card."""

from __future__ import annotations

import csv
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch

from headhunt.demo.training import phases
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.export import write_model
from headhunt.demo.training.history import folder_of, keep_logs
from headhunt.demo.training.lessons import Feed
from headhunt.demo.training.machine import device_name
from headhunt.demo.training.schedule import SEGMENTS
from headhunt.demo.training.specialists import fitting
from headhunt.demo.training.specialists.fitting import COLUMNS, SpecialistConfig, fit
from headhunt.demo.training.specialists.growth import grown
from headhunt.demo.training.specialists.heads import ADDED, Specialists
from headhunt.demo.training.specialists.looked import Looked, look
from headhunt.demo.training.trainer import Trainer
from headhunt.errors import UsageError
from headhunt.extraction.memory import keep_freed_memory
from headhunt.models import pick_device

FIRST_VIDEO = 100_000  # number of the first video: the model learnt from none of these
MEASURED = 640  # segments on which the outputs of the new heads are measured


def run(out: Path, model: str, config: SpecialistConfig, *, device: str = "auto", judge: int = 100) -> None:
    """Add specialists to a model; write what `train` writes, and `specialists.csv`.

    Args:
        out: Folder to write to.
        model: 'tiny', or a folder with a model of the embedded one's architecture; its own specialists are dropped.
        config: How they are trained.
        device: As in `pick_device`.
        judge: Held-out videos for the scores; 0 for none.

    Raises:
        UsageError: Too few segments, or `out` already holds a model.
    """
    held_out = fitting.HELD_OUT
    if config.segments <= held_out:
        raise UsageError("too few segments to learn from", got=config.segments, expected=f"more than {held_out}")
    if (out / "model").exists():
        raise UsageError(f"{out} already holds a model", hint="use another folder")
    where = pick_device(device)
    if where.type == "cpu":
        keep_freed_memory()
        torch.set_num_threads(config.threads)
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(TrainConfig(seed=config.seed), where)
    trainer.begin_with(model)
    trainer.phase = SEGMENTS
    trainer.model.eval()
    began, rng = time.monotonic(), np.random.default_rng([5, config.seed])
    feed = Feed(
        SEGMENTS,
        first=FIRST_VIDEO,
        workers=config.workers,
        pool=1,
        uses=1,
        rng=trainer.rng,
        prepare=partial(phases.look, trainer),
    )
    segments: list[Looked] = []
    while len(segments) < config.segments:
        segments.append(look(trainer, feed.draw(1)[0], rng, questions=config.questions))
        if len(segments) % 200 == 0:
            print(f"{len(segments)} segments looked at in {time.monotonic() - began:.0f} s", flush=True)
    specialists = Specialists(trainer.model.model.language_model.rotary_emb, seed=config.seed).to(where)
    rows = fit(specialists, segments, config, where)
    with (out / "specialists.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *([f"{v:.5g}" for v in row] for row in rows)])
    figures = {
        "device": device_name(where, config.threads), "hours": round((time.monotonic() - began) / 3600, 3),
        "specialists": f"{ADDED} heads a layer, {config.epochs} times through {config.segments - held_out} segments",
        "videos rendered": feed.next_video - FIRST_VIDEO, "batch": config.batch,
        "optimiser": f"AdamW at {config.rate:g}, weight decay {config.weight_decay:g}", "seed": config.seed,
    }  # fmt: skip
    larger = grown(trainer.model.cpu(), specialists.cpu(), segments[:MEASURED])
    keep_logs(folder_of(model), out, len(trainer.before))
    write_model(larger, trainer.tokenizer, trainer.layout, out, runs=[*trainer.before, figures], n_videos=judge)
