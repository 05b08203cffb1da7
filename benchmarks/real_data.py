"""The whole chain on real video: calibrate on fight/, test on its held-out part and, across data sets, on ped2/.

    python benchmarks/real_data.py --model DIR [--data DIR] [--out DIR] [--seeds N]

Reads the folder named by --data or HEADHUNT_REAL_DATA (default ../shared/data): `fight` (Surveillance Camera Fight,
clip labels) and `ped2` (UCSD Ped2, frame-exact events). Heads, scorers, smoothing and threshold are chosen on fight's
splits train and val alone; its test split and all of ped2 are only ever evaluated on.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from pathlib import Path

from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads

ROWS = (
    ("5 heads by RSS, logistic", "logistic", "rss", {}),
    ("4 heads by RSA, steered", "steer", "rsa", {}),
    ("4 heads by RSA, logistic", "logistic", "rsa", {}),
    ("5 random heads, logistic", "logistic", "random:5:{seed}", {}),
    ("all heads of the last layer, logistic", "logistic", "layer:last", {}),
)


def progress(what: str, done: int, total: int) -> None:
    if total and done % max(1, total // 20) == 0:
        print(f"  {what} {done}/{total}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="a checkpoint folder, hub id or alias")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("HEADHUNT_REAL_DATA", "../shared/data")))
    parser.add_argument("--out", type=Path, default=Path("real-data-out"), help="folder of the stores; kept")
    parser.add_argument(
        "--seeds", type=int, default=3, help="random heads and steering are repeated over so many seeds"
    )
    parser.add_argument("--batch-size", type=int, default=2)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    stores = {name: options.out / f"{name}.zarr" for name in ("fight", "ped2")}
    for name, store in stores.items():
        begin = time.perf_counter()
        config = ExtractConfig(model=options.model, batch_size=options.batch_size)
        report = extract([options.data / name], store, config, progress=progress)
        print(
            f"{name}: {report.rows_done} rows computed, {report.rows_kept} kept, {len(report.failed)} videos failed, "
            f"{time.perf_counter() - begin:.0f} s"
        )
    results = []
    for title, method, heads, extra in ROWS:
        seeds = range(options.seeds) if "random" in heads or method == "steer" else range(1)
        for metric, k in (("rss", 5), ("rsa", 4)):
            if heads == metric:
                chosen = select_heads(stores["fight"], SelectConfig(metric=metric, k=k)).head_set
                print(f"{metric}: {' '.join(map(str, chosen.heads))}")
        values: dict[str, list[float]] = {"fight": [], "ped2": []}
        for seed in seeds:
            fit(stores["fight"], FitConfig(method=method, heads=heads.format(seed=seed), seed=seed, options=extra))
            score(stores["fight"], ScoreConfig())
            localize(stores["fight"], LocalizeConfig(calibrate=True))
            values["fight"].append(evaluate(stores["fight"], EvaluateConfig())["video"]["video_auc"])
            score(stores["ped2"], ScoreConfig(origin=str(stores["fight"])))
            localize(stores["ped2"], LocalizeConfig(origin=str(stores["fight"])))
            values["ped2"].append(evaluate(stores["ped2"], EvaluateConfig())["frame"]["continuous"]["frame_auc"])
        results.append({"row": title, **values})
    print(f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores; model {Path(options.model).name}")
    print(f"{'':40}{'fight, video AUC':>20}{'ped2, frame AUC':>20}")
    for row in results:
        cells = [
            f"{statistics.mean(row[n]):.3f}" + (f" ±{statistics.pstdev(row[n]):.3f}" if len(row[n]) > 1 else "")
            for n in ("fight", "ped2")
        ]
        print(f"{row['row']:40}{cells[0]:>20}{cells[1]:>20}")
    (options.out / "results.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
