"""`vadkit localize`: scores -> events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headhunt.errors import UsageError
from vadkit import console, options

if TYPE_CHECKING:
    from headhunt.records import Event

REFERENCE = {"smoothing": "gaussian-zero", "sigma": 1.5, "tau": 0.65}
OUTPUTS = (".json", ".csv")


def localize(
    context: typer.Context,
    scores: Annotated[
        str | None,
        typer.Option("--scores", metavar="NAME", help="Scores to take.", show_default="those made last"),
    ] = None,
    sigma: options.Sigma = None,
    tau: options.Tau = None,
    smoothing: Annotated[
        Literal["gaussian", "none", "gaussian-zero"],
        typer.Option("--smoothing", help="How scores are smoothed; gaussian-zero pads with zeros as the authors do."),
    ] = "gaussian",
    calibrate: Annotated[
        bool,
        typer.Option("--calibrate", help="Search sigma and tau for the highest frame-level F1 on labelled videos."),
    ] = False,
    split: Annotated[
        str | None,
        typer.Option(
            "--split",
            metavar="NAME",
            help="Split to calibrate on; the split test is refused.",
            show_default="val when there is one, else train",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="STORE", help="Take sigma and tau from another store's events.", show_default="none"
        ),
    ] = None,
    min_frames: Annotated[
        int, typer.Option("--min-frames", metavar="FRAMES", min=1, help="Drop events shorter than this.")
    ] = 1,
    merge_gap_frames: Annotated[
        int, typer.Option("--merge-gap-frames", metavar="FRAMES", min=0, help="Join events this close to each other.")
    ] = 0,
    preset: options.Preset = None,
    store: options.Store = options.STORE,
    name: options.Name = None,
    output: options.EventsOutput = None,
    as_json: options.Json = False,
) -> None:
    """Find events: smooth the scores, threshold them, and join the frames above."""
    check_output(output)
    from headhunt.stages.localize import LocalizeConfig
    from headhunt.stages.localize import localize as stage

    values: dict[str, Any] = {
        "scores": scores,
        "sigma": sigma,
        "tau": tau,
        "smoothing": smoothing,
        "calibrate": calibrate,
        "split": split,
        "origin": origin,
        "min_frames": min_frames,
        "merge_gap_frames": merge_gap_frames,
        "name": name,
    }
    config = LocalizeConfig(**values | (options.preset(context, REFERENCE) if preset else {}))
    report = stage(store, config, output=output)
    if as_json:
        console.print_json("localize", report, store=store)
    console.notes(report.notes)
    f1 = "" if report.f1 is None else f", frame F1 {report.f1:.4f}"
    found = console.count(len(report.events), "event")
    console.say(
        f"events/{report.name}: {found} in {len({e.video for e in report.events})} of "
        f"{console.count(report.videos, 'video')}; sigma {report.sigma:g}, tau {report.tau:g} ({report.source}{f1})"
    )
    console.say_some(report.unscored, "video", "without a score")


def check_output(output: Path | None) -> None:
    """Refuse a file of another kind than events are written as.

    Raises:
        UsageError: Its suffix says so.
    """
    if output is not None and output.suffix.lower() not in OUTPUTS:
        raise UsageError("events are written as JSON or CSV", got=str(output), expected=" or ".join(OUTPUTS))


def event_lines(events: Iterable[Event]) -> list[str]:
    """One line an event: when, and how sure."""
    return [f"{console.clock(e.start_s)} - {console.clock(e.end_s)}  peak {e.peak_score:.3f}" for e in events]
