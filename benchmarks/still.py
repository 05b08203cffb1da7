"""What `--skip-still` saves and what it costs: one command, one table.

    python benchmarks/still.py [--model tiny] [--bounds 3 6 12] [--on example long ped2] [--data DIR] [--seed N]

Heads and a scorer are chosen on calibration videos of which every segment is computed. The held-out videos are then
extracted with every segment computed, and again for each bound; scored with that one scorer, they are compared by the
share of segments that took another's features, by the time of the extraction and by frame AUC. On the embedded world
(the 40 held-out videos of the example, and 6 of two minutes each) and, where --data or HEADHUNT_REAL_DATA names a
folder that holds them, on UCSD Ped2 with a scorer from the fight clips.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from headhunt.demo.world.dataset import make_dataset
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store


def compare(name: str, calibration: Path, held_out: Path, folder: Path, config: ExtractConfig, bounds: list) -> None:  # type: ignore[type-arg]
    """Print a row for each bound, the first for every segment computed."""
    origin = folder / f"{name}-calibration.zarr"
    extract([calibration], origin, config)
    select_heads(origin, SelectConfig(metric="rss", k=5))
    fit(origin, FitConfig(method="logistic", heads="rss"))
    score(origin, ScoreConfig())
    localize(origin, LocalizeConfig(calibrate=True))
    whole_s = full = 0.0
    for bound in (None, *bounds):
        store = folder / f"{name}-{bound}.zarr"
        begin = time.perf_counter()
        report = extract([held_out], store, replace(config, skip_still=bound))
        seconds = time.perf_counter() - begin
        score(store, ScoreConfig(origin=str(origin)))
        localize(store, LocalizeConfig(origin=str(origin)))
        auc = evaluate(store, EvaluateConfig())["frame"]["continuous"]["frame_auc"]
        table = Store(store).segments()
        reused = float((table.source[table.unit == 0] >= 0).mean())
        if bound is None:
            whole_s, full = seconds, auc
        print(
            f"| {name} | {'-' if bound is None else bound} | {report.rows_done} | {100 * reused:.1f} % | "
            f"{whole_s / seconds:.2f} x | {auc:.4f} | {auc - full:+.4f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--bounds", type=float, nargs="+", default=[3.0, 6.0, 12.0], help="grey levels")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HEADHUNT_REAL_DATA", "../shared/data")))
    parser.add_argument("--on", nargs="+", choices=("example", "long", "ped2"), default=["example", "long", "ped2"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    config = ExtractConfig(model=options.model, units="segment", batch_size="auto")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        made = {"example": (16, 40, None), "long": (16, 6, 120.0)}
        print("| videos | bound | segments | reused | faster | frame AUC | change |\n|---|---|---|---|---|---|---|")
        for name in (name for name in made if name in options.on):
            n_calibration, n_test, seconds = made[name]
            place, learn = folder / name, folder / f"{name}-learn"
            workers = os.cpu_count() or 1
            make_dataset(place, n_calibration=0, n_test=n_test, seed=options.seed, duration_s=seconds, workers=workers)
            make_dataset(learn, n_calibration=n_calibration, n_val=8, n_test=0, seed=options.seed, workers=workers)
            compare(name, learn, place, folder, config, options.bounds)
        if "ped2" not in options.on:
            return
        if (options.data / "ped2").is_dir():
            compare("ped2", options.data / "fight", options.data / "ped2", folder, config, options.bounds)
        else:
            print(f"no ped2 in {options.data}: name its folder by --data or HEADHUNT_REAL_DATA")


if __name__ == "__main__":
    main()
