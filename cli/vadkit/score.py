"""`vadkit score`: features -> scores of segments and frames."""

from __future__ import annotations

from typing import Annotated

import typer

from vadkit import console, options


def score(
    scorer: Annotated[
        str | None,
        typer.Option(
            "--scorer",
            metavar="NAME|FILE",
            help="The scorer: a name, or a file written by fit --output.",
            show_default="the one fitted last",
        ),
    ] = None,
    origin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="STORE", help="Take the scorer from another store.", show_default="the same store"
        ),
    ] = None,
    store: options.Store = options.STORE,
    name: options.Name = None,
    as_json: options.Json = False,
) -> None:
    """Score every segment of the store with a fitted scorer."""
    from headhunt.stages.score import ScoreConfig
    from headhunt.stages.score import score as stage

    report = stage(store, ScoreConfig(scorer=scorer, origin=origin, name=name))
    if as_json:
        console.print_json("score", report, store=store)
    console.notes(report.notes)
    console.say(
        f"scores/{report.name}: {report.segments} segments of {report.videos} videos scored by {report.scorer}"
        + (f", {report.unscored} without a score" if report.unscored else "")
    )
