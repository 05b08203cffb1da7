"""The embedded example: render videos, extract with the embedded model, select, fit, score, localize, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headhunt.demo.world import make_dataset
from headhunt.records import HeadSet, Json
from headhunt.stages._progress import Progress, silent
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads


@dataclass(frozen=True)
class DemoReport:
    """What the example measured.

    Attributes:
        videos: Folder of the videos.
        store: The store.
        model: Notes of the model, which say what it is worth.
        head_sets: Metric -> heads.
        results: (row name, metrics of `evaluate`).
    """

    videos: Path
    store: Path
    model: tuple[str, ...]
    head_sets: dict[str, HeadSet]
    results: tuple[tuple[str, Json], ...]


def run(
    folder: Path,
    *,
    n_calibration: int = 16,
    n_val: int = 8,
    n_test: int = 40,
    duration_s: float | None = None,
    seed: int = 0,
    model: str = "tiny",
    workers: int = 2,
    say: Callable[[str], None] = lambda _text: None,
    progress: Progress = silent,
) -> DemoReport:
    """Run the example from nothing to metrics; every number is measured then and there.

    Args:
        folder: Where videos/ and store.zarr go; features that are there already are used again.
        n_calibration: Labelled videos to calibrate on, half of them abnormal.
        n_val: Labelled videos on which smoothing and threshold are chosen.
        n_test: Held-out videos to evaluate on.
        duration_s: Length of every video in seconds; None to draw it.
        seed: Seed of the world and of every choice.
        model: The model; the embedded one by default.
        workers: Processes that render.
        say: Called with what is about to happen, a sentence each.
        progress: Called with how far a stage is.
    """
    videos, store = folder / "videos", folder / "store.zarr"
    say(f"rendering {n_calibration + n_val + n_test} videos")
    make_dataset(
        videos,
        n_calibration=n_calibration,
        n_val=n_val,
        n_test=n_test,
        duration_s=duration_s,
        seed=seed,
        workers=workers,
    )
    say("extracting all heads, five prompts, once")
    report = extract([videos], store, ExtractConfig(model=model), progress=progress)
    say("selecting heads and fitting scorers")
    sets = {metric: select_heads(store, SelectConfig(metric=metric, k=k, seed=seed)) for metric, k in _METRICS}
    rows = []
    for name, fitted, smoothing in _ROWS:
        made = fit(store, FitConfig(seed=seed, name=fitted.name, method=fitted.method, heads=fitted.heads))
        scored = score(store, ScoreConfig(scorer=made.name))
        localize(
            store,
            LocalizeConfig(scores=scored.name, smoothing=smoothing, calibrate=True, name=f"{scored.name}-{smoothing}"),
        )
        rows.append((name, evaluate(store, EvaluateConfig(seed=seed))))
    notes = tuple(report.notes)
    return DemoReport(videos, store, notes, {m: s.head_set for m, s in sets.items()}, tuple(rows))


_METRICS = (("rss", 5), ("rsa", 4))
_ROWS = (
    ("HeadHunt-VAD: 5 heads by RSS, logistic", FitConfig(method="logistic", heads="rss", name="headhunt"), "gaussian"),
    ("  the same without smoothing", FitConfig(method="logistic", heads="rss", name="headhunt"), "none"),
    ("SteerVAD: 4 heads by RSA, steered", FitConfig(method="steer", heads="rsa", name="steervad"), "gaussian"),
    ("  4 heads by RSA, plain logistic probe", FitConfig(method="logistic", heads="rsa", name="probe"), "gaussian"),
    ("  5 random heads, logistic", FitConfig(method="logistic", heads="random:5:0", name="random"), "gaussian"),
    ("  all heads of the last layer", FitConfig(method="logistic", heads="layer:last", name="layer"), "gaussian"),
)
