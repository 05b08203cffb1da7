"""`vadkit demo`: the embedded example, from rendered videos to metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vadkit import console, options

FULL: dict[str, Any] = {"n_calibration": 16, "n_val": 8, "n_test": 40}
QUICK: dict[str, Any] = {"n_calibration": 8, "n_val": 4, "n_test": 8, "duration_s": 12.0}
COLUMNS = ("row", "AUC", "AP", "AUC 95 % from", "to", "event F1 at 0.3")


def demo(
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FOLDER", help="Where videos and store go.", show_default="a temporary folder, kept"
        ),
    ] = None,
    videos: Annotated[
        Path | None,
        typer.Option(
            "--videos", metavar="FOLDER", help="Only render the videos and their manifest there.", show_default="none"
        ),
    ] = None,
    seed: options.Seed = 0,
    model: Annotated[str, typer.Option("--model", metavar="NAME", help=options.MODEL_HELP)] = "tiny",
    workers: Annotated[int, typer.Option("--workers", metavar="N", min=1, help="Processes that render.")] = 2,
    quick: Annotated[bool, typer.Option("--quick", help="Fewer and shorter videos.")] = False,
    as_json: options.Json = False,
) -> None:
    """Run the embedded example: render videos, extract, select, fit, score, localize, evaluate."""
    sizes = QUICK if quick else FULL
    if videos is not None:
        from headhunt.demo.world import make_dataset

        rows = make_dataset(videos, seed=seed, workers=workers, **sizes)
        if as_json:
            console.print_json("demo", {"videos": videos, "manifest": videos / "manifest.csv", "n_videos": len(rows)})
        console.say(f"{videos}: {console.count(len(rows), 'video')} and manifest.csv")
        return
    import tempfile

    from headhunt.demo.example import run

    folder = Path(tempfile.mkdtemp(prefix="vadkit-demo-")) if out is None else out
    console.say(f"everything goes to {folder}")
    with console.progress() as progress:
        report = run(folder, seed=seed, model=model, workers=workers, say=console.say, progress=progress, **sizes)
    if as_json:
        results = [{"row": name.strip(), "metrics": metrics} for name, metrics in report.results]
        console.print_json("demo", report, store=report.store, results=results)
    for note in report.model:
        console.say("", f"*** {note.upper() if note.islower() else note} ***")
    console.table("test videos", COLUMNS, [_row(name, metrics) for name, metrics in report.results])
    console.say(f"videos: {report.videos}", f"store: {report.store}")


def _row(name: str, metrics: dict[str, Any]) -> list[object]:
    frame = metrics["frame"]["continuous"]
    interval = metrics["intervals_95"].get("frame/continuous/frame_auc", {})
    event = metrics["event"]["iou_0.3"]["event_f1"]
    return [name, frame["frame_auc"], frame["frame_ap_step"], interval.get("low"), interval.get("high"), event]
