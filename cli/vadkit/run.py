"""`vadkit run`: one's own videos all the way to events with a fitted scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headhunt.configs.extract import DECIDED, ExtractConfig
from headhunt.configs.localize import LocalizeConfig
from headhunt.errors import UsageError
from vadkit import console, options
from vadkit.extract import SOME_FAILED
from vadkit.extract import tell as tell_extraction
from vadkit.localize import EventsOutput, check_output, event_lines


@options.takes(
    extraction=ExtractConfig,
    localization=LocalizeConfig,
    leave_out=(*DECIDED, "scores", "calibrate", "localization.split", "origin", "name"),
    presets=False,
)
def run(
    videos: options.Videos,
    extraction: ExtractConfig,
    localization: LocalizeConfig,
    scorer: Annotated[
        Path | None,
        typer.Option(
            "--scorer",
            metavar="FILE",
            help="The scorer, a file written by localize --save, or by fit --output without calibration.",
            show_default="none",
        ),
    ] = None,
    origin: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="STORE",
            help="Take scorer and calibration from this store instead.",
            show_default="none",
        ),
    ] = None,
    store: options.Store = options.STORE,
    output: EventsOutput = None,
    as_json: options.Json = False,
) -> None:
    """Find events in your own videos with a fitted scorer; no labels needed.

    The model is the scorer's own unless --model says where it lies. Exits with 3 when some videos failed.
    """
    check_output(output)
    if origin is not None and origin.resolve() == store.resolve():
        raise UsageError(
            "--store and --from are one store",
            got=str(store),
            expected="a store of its own for these videos",
            hint="name one with --store, such as --store run.zarr",
        )
    from headhunt.chains.run import run as chain
    from headhunt.store import Store

    with console.progress() as progress:
        report = chain(
            videos,
            store,
            scorer=scorer,
            origin=origin,
            extraction=extraction,
            localization=localization,
            output=output,
            progress=progress,
        )
    failed, found = report.extracted.failed, report.localized
    if as_json:
        console.print_json("run", report, store=store, failed=console.failures(failed))
    console.notes((*report.scored.notes, *found.notes))
    console.say(f"sigma {found.sigma:g}, tau {found.tau:g} ({found.source})")
    broken = {video for video, _ in failed} & set(found.unscored)
    for video in Store(store).videos().path:
        lines = event_lines(e for e in found.events if e.video == video)
        if video not in broken:
            console.say(video, *(f"  {line}" for line in lines or ["no events"]))
    tell_extraction(report.extracted)
    if failed:
        raise typer.Exit(SOME_FAILED)
