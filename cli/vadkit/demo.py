"""`vadkit demo`: the embedded example, from rendered videos to metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headhunt.configs.demo import DemoConfig
from vadkit import console, options

FULL: dict[str, Any] = {"n_calibration": 16, "n_val": 0, "n_test": 40, "duration_s": 24.96}
QUICK: dict[str, Any] = {"n_calibration": 8, "n_val": 4, "n_test": 8, "duration_s": 12.0}


@options.takes(config=DemoConfig)
def demo(config: DemoConfig, as_json: options.Json = False) -> None:
    """Run the embedded example: render videos, extract, select, fit, score, localize, evaluate."""
    sizes = QUICK if config.quick else FULL
    out, seed, seeds, model, workers = config.out, config.seed, config.seeds, config.model, config.workers
    if config.videos is not None:
        from headhunt.demo.world import make_dataset

        videos = config.videos
        rows = make_dataset(videos, seed=seed, workers=workers, **sizes)
        if as_json:
            console.print_json("demo", {"videos": videos, "manifest": videos / "manifest.csv", "n_videos": len(rows)})
        console.say(f"{videos}: {console.count(len(rows), 'video')} and manifest.csv")
        return
    import tempfile

    from headhunt.demo.example import CAPTION, repeat, rows_of, run

    folder = Path(tempfile.mkdtemp(prefix="vadkit-demo-")) if out is None else out
    console.say(f"everything goes to {folder}")
    with console.progress() as progress:
        given: dict[str, Any] = {
            "model": model, "workers": workers, "rows": rows_of(model, full=config.full), "say": console.say,
            "progress": progress, **sizes,
        }  # fmt: skip
        if seeds == 1:
            reports, together = [run(folder, seed=seed, **given)], None
        else:
            reports, together = repeat(folder, range(seed, seed + seeds), **given)
    if as_json:
        first = {"store": reports[0].store} if together is None else {"folder": folder}
        console.print_json("demo", reports[0] if together is None else together, **first)
    if model == "tiny":
        console.say("", CAPTION)
    for note in reports[0].model:
        console.say("", f"*** {note.upper() if note.islower() else note} ***")
    _tell(reports[0]) if together is None else _tell_together(together)
    for report in reports:
        took = ", ".join(f"{what} {seconds:.0f} s" for what, seconds in report.seconds.items())
        console.say(f"videos: {report.videos}", f"store: {report.store}", f"time: {took}")


def _tell(report: Any) -> None:
    from headhunt.chains.ablation import FIGURES

    columns = ["row", *FIGURES.values(), "AUC 95 % from", "to"]
    table = [[r.name, *(r.figures[key] for key in FIGURES), *(r.interval or (None, None))] for r in report.results]
    console.table(f"test videos (look-alikes: {report.look_alikes} of them)", columns, table)
    for name in ("rss-5", "rsa-4"):
        heads = report.head_sets[name].heads
        console.say(f"heads by {name[:3].upper()}: {' '.join(map(str, heads))}")


def _tell_together(together: dict[str, Any]) -> None:
    from headhunt.chains.ablation import FIGURES

    table = [[row["row"], *(_spread(row[key]) for key in FIGURES)] for row in together["rows"]]
    console.table(f"mean ± deviation over {len(together['seeds'])} seeds", ["row", *FIGURES.values()], table)
    overlap = together["overlap"]
    for name in ("rss", "rsa"):
        often = ", ".join(f"{head} {n}x" for head, n in list(overlap[f"{name}_heads"].items())[:6])
        console.say(f"{name.upper()} heads of two seeds overlap by {overlap[name]:.2f} (Jaccard); picked: {often}")
    console.say(f"RSS and RSA heads of one seed overlap by {overlap['rss_rsa']:.2f}")


def _spread(value: dict[str, Any]) -> str | None:
    if value["mean"] is None:
        return None
    return f"{value['mean']:.3f}" + ("" if value["std"] is None else f" ±{value['std']:.3f}")
