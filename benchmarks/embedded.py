"""The embedded example over several seeds: both methods, their ablations and baselines, on worlds never trained on.

    python benchmarks/embedded.py [--seeds N] [--selections M] [--model tiny] [--out DIR] [--record FILE]

Every seed renders 56 videos of its own (16 to calibrate on, smoothing and threshold included, 40 held out), extracts
once, and measures every row; then mean and spread are printed as a Markdown table. Heads are selected on the
calibration videos of further seeds as well, M in all, to see how far selections agree. With --record the figures of
every seed are written as JSON; benchmarks/results/embedded.json is such a record.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import tempfile
import time
from pathlib import Path

from headhunt.chains.ablation import FIGURES, PLANTED, ROWS, own_rows
from headhunt.demo.example import OWN_HEADS, overlaps, repeat, rows_of


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--selections", type=int, default=10, help="seeds whose selected heads are compared")
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--out", type=Path, help="folder of videos and stores, kept; a temporary one by default")
    parser.add_argument("--record", type=Path, help="write the figures of every seed there, as JSON")
    options = parser.parse_args()
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        place, common = options.out or Path(scratch), {"model": options.model, "say": print}
        first, last = options.first_seed, options.first_seed + options.seeds
        reports, together = repeat(place, range(first, last), rows=rows_of(options.model, full=True), **common)
        more = range(last, first + options.selections)
        # These calibrate on 16 videos as well; nothing of what they measure on the few others is shown.
        few, _ = repeat(place, more, n_test=4, rows=PLANTED[:2], **common) if more else ([], {})
    together["overlap"] = overlaps([report.head_sets for report in (*reports, *few)])
    together["selections"] = len(reports) + len(few)
    together["machine"] = f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    together["minutes"] = round((time.perf_counter() - began) / 60, 1)
    together["seconds"] = [report.seconds for report in reports]
    together["look_alikes"] = [report.look_alikes for report in reports]
    if options.record:
        options.record.parent.mkdir(parents=True, exist_ok=True)
        options.record.write_text(json.dumps(together, indent=1) + "\n", encoding="utf-8")
    print(table(together))


def table(together: dict) -> str:  # type: ignore[type-arg]
    """The record as Markdown: mean ± standard deviation over seeds."""
    names = {row.name.strip(): row.name for row in (*own_rows(*OWN_HEADS), *ROWS)}
    lines = [
        f"{together['machine']}; {len(together['seeds'])} seeds, {together['minutes']} minutes; mean ± deviation",
        "",
        "| row | " + " | ".join(FIGURES.values()) + " |",
        "|---" * (1 + len(FIGURES)) + "|",
    ]
    for row in together["rows"]:
        name = names.get(row["row"], row["row"])
        name = "&nbsp;&nbsp;" * (len(name) - len(name.lstrip())) + name.strip()
        lines.append(f"| {name} | " + " | ".join(_spread(row[key]) for key in FIGURES) + " |")
    overlap = together["overlap"]
    lines.append("")
    for seed, seconds in zip(together["seeds"], together["seconds"], strict=True):
        lines.append(f"seed {seed}: " + ", ".join(f"{what} {took:.0f} s" for what, took in seconds.items()))
    for metric in ("rss", "rsa"):
        often = ", ".join(f"{head} {n}x" for head, n in list(overlap[f"{metric}_heads"].items())[:8])
        heads = f"{metric.upper()} heads of {together['selections']} seeds, mean Jaccard index"
        lines.append(f"{heads}: {_number(overlap[metric])}; {often}")
    lines.append(f"RSS against RSA heads of one seed: {_number(overlap['rss_rsa'])}")
    return "\n".join(lines)


def _spread(value: dict) -> str:  # type: ignore[type-arg]
    deviation = "" if value["std"] is None else f" ±{value['std']:.3f}"
    return _number(value["mean"]) + deviation


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.is_file() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


if __name__ == "__main__":
    main()
