"""`vadkit localize`: scores -> events."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headhunt.configs.localize import LocalizeConfig
from vadkit import console, options

if TYPE_CHECKING:
    from headhunt.records import Event

EventsOutput = Annotated[Path | None, options.output("Also write the events there, as the file's ending says.")]


@options.takes(config=LocalizeConfig)
def localize(
    config: LocalizeConfig,
    store: options.Store = options.STORE,
    output: EventsOutput = None,
    save: Annotated[
        Path | None,
        typer.Option(
            "--save",
            metavar="SCORER",
            help="With --calibrate: also write the scorer there, with the calibration found, for run --scorer.",
            show_default="none",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Find events: smooth the scores, threshold them, and join the frames above."""
    check_output(output)
    from headhunt.stages.localize import localize as stage

    report = stage(store, config, output=output, save=save)
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
    """Refuse a file of another kind than events are written as, before anything else is done.

    Raises:
        UsageError: Its ending says so.
    """
    if output is not None:
        from headhunt.sinks import sink_for

        sink_for(output)


def event_lines(events: Iterable[Event]) -> list[str]:
    """One line an event: when, and how sure."""
    return [f"{console.clock(e.start_s)} - {console.clock(e.end_s)}  peak {e.peak_score:.3f}" for e in events]
