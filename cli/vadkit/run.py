"""`vadkit run`: one's own videos all the way to events with a fitted scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headhunt.errors import UsageError
from vadkit import console, options
from vadkit.extract import SOME_FAILED
from vadkit.extract import tell as tell_extraction
from vadkit.localize import check_output, event_lines


def run(
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEOS", help="Videos, folders or manifests.")],
    scorer: Annotated[
        Path | None,
        typer.Option(
            "--scorer", metavar="FILE", help="The scorer, a file written by fit --output.", show_default="none"
        ),
    ] = None,
    origin: Annotated[
        Path | None,
        typer.Option(
            "--from",
            metavar="STORE",
            help="Take scorer, smoothing and threshold from this store instead.",
            show_default="none",
        ),
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            metavar="NAME",
            help="The model, when it lies elsewhere than where the scorer was fitted.",
            show_default="the scorer's own",
            rich_help_panel=options.RUNTIME,
        ),
    ] = "",
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    batch_size: options.BatchSize = 4,
    skip_still: options.SkipStill = None,
    offline: options.Offline = False,
    sigma: options.Sigma = None,
    tau: options.Tau = None,
    store: options.Store = options.STORE,
    output: options.EventsOutput = None,
    as_json: options.Json = False,
) -> None:
    """Find events in your own videos with a fitted scorer; no labels needed.

    Exits with 3 when some videos failed.
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
    from headhunt.stages.extract import ExtractConfig
    from headhunt.stages.localize import LocalizeConfig
    from headhunt.store import Store

    with console.progress() as progress:
        report = chain(
            videos,
            store,
            scorer=scorer,
            origin=origin,
            extraction=ExtractConfig(
                model=model,
                device=device,
                dtype=dtype,
                batch_size=batch_size,
                skip_still=skip_still,
                offline=offline,
            ),
            localization=LocalizeConfig(sigma=sigma, tau=tau),
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
