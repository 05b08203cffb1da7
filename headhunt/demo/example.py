"""The embedded example: render videos, extract with the embedded model, then measure both methods and their ablations.

A row is worth more over several seeds: `repeat` runs the whole example with new worlds and puts the figures together.
"""

from __future__ import annotations

import importlib
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt import ranking
from headhunt.chains.ablation import (
    CONTROLS,
    FIGURES,
    HEADHUNT,
    PLANTED,
    ROWS,
    RSA,
    RSS,
    Result,
    Row,
    measure,
    own_rows,
    summary,
)
from headhunt.demo.world import make_dataset, plan_dataset
from headhunt.demo.world.look_alikes import LOOK_ALIKE_OF
from headhunt.progress import Progress, silent
from headhunt.records import HeadSet, Json
from headhunt.stages.extract import ExtractConfig, extract

OWN_HEADS = (0, 7)
"""First and last of the embedded model's own heads in each layer. The others were planted: they were trained on the
renderer's own words for what a segment shows, so what is found with them is a positive control, not evidence."""
CAPTION = (
    "own heads: the 8 of each layer that the model has of its own. The other rows choose among 12, of which 4 a layer "
    "were planted: they were trained on the renderer's own words for what is seen. Such rows show that planted signal "
    "is found; they are no evidence for the papers."
)
SECONDS = 24.96  # of a video: thirteen segments, long enough for two incidents in most


@dataclass(frozen=True)
class DemoReport:
    """What the example measured.

    Attributes:
        seed: Of the world and of every choice.
        videos: Folder of the videos.
        store: The store.
        model: Notes of the model, which say what it is worth.
        head_sets: Name -> heads.
        results: A result a row.
        look_alikes: How many of the test videos hold a look-alike or what it resembles.
        seconds: What rendering, extraction and the rows took; little where their results were there already.
    """

    seed: int
    videos: Path
    store: Path
    model: tuple[str, ...]
    head_sets: dict[str, HeadSet]
    results: tuple[Result, ...]
    look_alikes: int
    seconds: dict[str, float]


def run(
    folder: Path,
    *,
    n_calibration: int = 16,
    n_val: int = 0,
    n_test: int = 40,
    duration_s: float | None = SECONDS,
    seed: int = 0,
    model: str = "tiny",
    workers: int = 2,
    rows: Sequence[Row] = ROWS,
    say: Callable[[str], None] = lambda _text: None,
    progress: Progress = silent,
) -> DemoReport:
    """Run the example from nothing to metrics; every number is measured then and there.

    Args:
        folder: Where videos/ and store.zarr go; features that are there already are used again.
        n_calibration: Labelled videos to calibrate on, half of them abnormal.
        n_val: More labelled videos, on which smoothing and threshold are chosen; 0 to choose on those of calibration.
        n_test: Held-out videos to evaluate on.
        duration_s: Length of every video in seconds; None to draw it.
        seed: Seed of the world and of every choice.
        model: The model; the embedded one by default.
        workers: Processes that render.
        rows: What to measure.
        say: Called with what is about to happen, a sentence each.
        progress: Called with how far a stage is.
    """
    videos, store = folder / "videos", folder / "store.zarr"
    sizes: Any = {
        "n_calibration": n_calibration, "n_val": n_val, "n_test": n_test, "duration_s": duration_s, "seed": seed,
    }  # fmt: skip
    threading.Thread(target=_import_ahead).start()
    began = [time.perf_counter()]
    say(f"rendering {n_calibration + n_val + n_test} videos")
    make_dataset(videos, workers=workers, **sizes)
    began.append(time.perf_counter())
    say("extracting all heads, five prompts, once")
    report = extract([videos], store, ExtractConfig(model=model), progress=progress)
    began.append(time.perf_counter())
    say(f"selecting heads and fitting scorers: {len(rows)} rows")
    pairs = _look_alikes(sizes)
    results, chosen = measure(
        store, rows, seed=seed, look_alikes=pairs, say=lambda done, total: progress("rows", done, total)
    )
    # Once more, so that HeadHunt-VAD's scorer and threshold are the store's current ones, whatever was measured last.
    measure(store, [row for row in rows if row == HEADHUNT], seed=seed, look_alikes=pairs)
    began.append(time.perf_counter())
    seconds = dict(zip(("rendering", "extraction", "rows"), map(float, np.diff(began).round(1)), strict=True))
    return DemoReport(seed, videos, store, tuple(report.notes), chosen, tuple(results), len(pairs), seconds)


def rows_of(model: str, *, full: bool) -> tuple[Row, ...]:
    """The rows to measure with a model: its own heads first, planted ones (the embedded model's) next, then controls.

    Args:
        model: The model, as it is asked for.
        full: Every ablation of both papers; else the fourteen that decide.
    """
    own = own_rows(*OWN_HEADS) if model == "tiny" else ()
    return own + (ROWS if full else PLANTED + CONTROLS)


def _import_ahead() -> None:
    """Import what the later stages need, seconds of one core, while videos are rendered."""
    for module in ("torch", "transformers.models.internvl.modeling_internvl", "sklearn.linear_model"):
        importlib.import_module(module)


def _look_alikes(sizes: Mapping[str, Any]) -> list[str]:
    """Test videos that hold a look-alike and nothing abnormal, and those that show a category which one resembles."""
    test = [(row, plan) for row, plan in plan_dataset(**sizes) if row.split == "test"]
    ordinary = [
        (row.video, LOOK_ALIKE_OF[plan.look_alike]) for row, plan in test if not plan.categories and plan.look_alike
    ]
    resembled = {category for _, category in ordinary}
    return sorted(
        [v for v, _ in ordinary] + [row.video for row, plan in test if resembled.intersection(plan.categories)]
    )


def repeat(
    folder: Path, seeds: Sequence[int], *, say: Callable[[str], None] = lambda _text: None, **options: Any
) -> tuple[list[DemoReport], Json]:
    """Run the example once a seed, each with a world of its own, and put the figures together.

    Args:
        folder: Where seed-<seed>/ go.
        seeds: The seeds.
        say: As in `run`.
        options: Of `run`.

    Returns:
        The reports, and seeds, rows [{row, figure: {mean, std, values}}] and overlap (see `overlaps`).
    """
    reports = []
    for seed in seeds:
        say(f"seed {seed}")
        reports.append(run(folder / f"seed-{seed}", seed=seed, say=say, **options))
    rows = [
        {"row": lines[0].name.strip(), **{key: summary([r.figures[key] for r in lines]) for key in FIGURES}}
        for lines in zip(*(report.results for report in reports), strict=True)
    ]
    return reports, {"seeds": list(seeds), "rows": rows, "overlap": overlaps([report.head_sets for report in reports])}


def overlaps(chosen: Sequence[Mapping[str, HeadSet]]) -> Json:
    """How much selections agree: RSS and RSA each between seeds (all pairs), and with each other for the same seed.

    Returns:
        rss, rsa, rss_rsa: mean Jaccard index, None where there is nothing to compare; rss_heads and rsa_heads: how
        often each head was picked, most often first.
    """
    out: Json = {}
    names = {"rss": str(RSS.name), "rsa": str(RSA.name)}
    for ranking_name, name in names.items():
        sets = [one[name] for one in chosen if name in one]
        pairs = [ranking.overlap(a, b) for a, b in itertools.combinations(sets, 2)]
        out[ranking_name] = float(np.mean(pairs)) if pairs else None
        count: dict[str, int] = {}
        for head in sorted(h for one in sets for h in one.heads):
            count[str(head)] = count.get(str(head), 0) + 1
        out[f"{ranking_name}_heads"] = dict(sorted(count.items(), key=lambda item: -item[1]))
    same = [ranking.overlap(one[names["rss"]], one[names["rsa"]]) for one in chosen if set(names.values()) <= set(one)]
    out["rss_rsa"] = float(np.mean(same)) if same else None
    return out
