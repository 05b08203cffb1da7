"""Videos and data sets of the world on disk: H.264 files and a manifest; the only module that knows of files."""

from __future__ import annotations

import csv
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from headhunt.demo.world.families import stream
from headhunt.demo.world.look_alikes import LOOK_ALIKES
from headhunt.demo.world.plan import Split, VideoPlan, WorldConfig
from headhunt.demo.world.rendering import render_blocks
from headhunt.demo.world.script import CATEGORIES, ROAD_TAKEN, plan_video
from headhunt.errors import InputError
from headhunt.extraction.memory import keep_freed_memory
from headhunt.records import ManifestRow

MANIFEST = "manifest.csv"
HEADER = ("video", "split", "label", "events", "category")
# Numbers of the parts, which keep their seeds apart: neither parts nor data sets of different seeds share a video.
PARTS = {"calibration": 0, "val": 1, "test": 2}
PART_SPLIT = {"calibration": "train", "val": "val", "test": "test"}
SEEDS_A_PART = 100_000


def write_video(plan: VideoPlan, path: Path | str, *, crf: int | None = None) -> Path:
    """Render a plan and encode it as H.264 (yuv420p, index at the front); frame k of the file is frame k of the plan.

    Args:
        plan: What to render.
        path: File to write (.mp4); replaced if it exists.
        crf: Quality, 0 (best) to 51; None for the plan's.
    """
    import av

    path = Path(path)
    config = plan.config if crf is None else replace(plan.config, crf=crf)
    partial = path.with_name(f".{path.name}.partial")
    options = {"movflags": "+faststart"}
    with av.open(str(partial), "w", format="mp4", options=options) as container:
        stream = container.add_stream("libx264", rate=config.fps)
        stream.width, stream.height, stream.pix_fmt = config.width, config.height, "yuv420p"
        # One thread, so that the file does not depend on the number of cores.
        stream.codec_context.thread_count = 1
        stream.options = {"crf": str(config.crf), "preset": config.preset, "g": "50", "threads": "1"}
        for block in render_blocks(plan):
            for picture in block:
                frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
                container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    partial.replace(path)
    return path


def _write(task: tuple[VideoPlan, str]) -> None:
    write_video(task[0], task[1])


def plan_dataset(
    *,
    n_calibration: int = 16,
    n_val: int = 0,
    n_test: int = 40,
    seed: int = 0,
    duration_s: float | None = None,
    config: WorldConfig | None = None,
    world: Split = "eval",
) -> list[tuple[ManifestRow, VideoPlan]]:
    """Plans and manifest rows of a data set; every part is half normal, half abnormal.

    Categories and look-alikes take turns, in an order that depends on the data set and the part. An abnormal video
    shows two categories if it is long enough, so that six of them cover every category.

    Raises:
        InputError: A negative or too large number of videos, or no video at all.
    """
    counts = {"calibration": n_calibration, "val": n_val, "test": n_test}
    if min(counts.values()) < 0 or sum(counts.values()) == 0 or max(counts.values()) > SEEDS_A_PART or seed < 0:
        raise InputError(
            "a data set cannot have these sizes", got=counts, expected=f"0 to {SEEDS_A_PART} videos a part"
        )
    out = []
    for part, count in counts.items():
        order = stream(seed, world, 3, PARTS[part])
        categories, names = (order.permutation(list(known)).tolist() for known in (CATEGORIES, LOOK_ALIKES))
        pairs = _pairs(categories)
        for i in range(count):
            own = (seed * len(PARTS) + PARTS[part]) * SEEDS_A_PART + i
            name = names[(i // 2) % len(names)] if (i // 2) % 3 != 2 else ""
            if i % 2:
                category, second = pairs[(i // 2) % len(pairs)]
                plan = plan_video(
                    own, kind="abnormal", category=category, second=second, duration_s=duration_s, split=world,
                    config=config,
                )  # fmt: skip
            else:
                plan = plan_video(
                    own, kind="normal", look_alike=name, duration_s=duration_s, split=world, config=config
                )
            row = ManifestRow(f"{part}/{i:04d}.mp4", PART_SPLIT[part], plan.kind, plan.events, plan.category)
            out.append((row, plan))
    return out


def _pairs(order: Sequence[str]) -> list[tuple[str, str]]:
    """Eleven pairs of categories: each occurs twice, at least once in the first six; no pair needs the road twice."""
    road = [c for c in order if c in ROAD_TAKEN]
    free = [c for c in order if c not in ROAD_TAKEN]
    turned = free[1:]
    first = [*zip(road, free, strict=False), (free[-1], free[0])]
    return [*first, *zip(turned, road, strict=True)]


def make_dataset(
    folder: Path | str,
    *,
    n_calibration: int = 16,
    n_val: int = 0,
    n_test: int = 40,
    seed: int = 0,
    duration_s: float | None = None,
    config: WorldConfig | None = None,
    world: Split = "eval",
    workers: int = 1,
) -> list[ManifestRow]:
    """Write a data set: calibration/, val/ and test/ with videos, and manifest.csv; `workers` does not change a byte.

    Args:
        folder: Where to write; created if missing.
        n_calibration: Videos in calibration/ (split "train"), half of them abnormal.
        n_val: Videos in val/ (split "val").
        n_test: Videos in test/ (split "test").
        seed: Data sets of different seeds share no video.
        duration_s: Length of every video in seconds; None for a random one of 26 to 34.
        config: Size, rate, noise and encoding.
        world: World of the videos; "eval" shares nothing with what the embedded model was trained on.
        workers: Rendering processes.

    Returns:
        The rows of the manifest, in its order.

    Raises:
        InputError: Sizes or `workers` out of range.
    """
    if workers < 1:
        raise InputError("rendering needs at least one worker", got=workers, expected=">= 1")
    folder = Path(folder)
    made = plan_dataset(
        n_calibration=n_calibration,
        n_val=n_val,
        n_test=n_test,
        seed=seed,
        duration_s=duration_s,
        config=config,
        world=world,
    )
    tasks = []
    for row, plan in made:
        path = folder / row.video
        path.parent.mkdir(parents=True, exist_ok=True)
        tasks.append((plan, str(path)))
    if workers == 1:
        for task in tasks:
            _write(task)
    else:
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(workers, mp_context=context, initializer=keep_freed_memory) as pool:
            list(pool.map(_write, tasks))
    rows = [row for row, _ in made]
    with (folder / MANIFEST).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for row in rows:
            events = ";".join(f"{e.start_frame}-{e.end_frame}" for e in row.events or ())
            writer.writerow([row.video, row.split, row.label, events, row.category])
    return rows
