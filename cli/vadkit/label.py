"""`vadkit label`: labels, splits and events from a manifest for the videos already in the store."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vadkit import console, options


@options.takes()
def label(
    manifest: Annotated[Path, typer.Argument(metavar="MANIFEST", help="The manifest, .csv or .jsonl.")],
    store: options.Store = options.STORE,
    as_json: options.Json = False,
) -> None:
    """Take over labels, splits and events from a manifest; nothing is extracted again."""
    from headhunt.stages.label import label as stage

    report = stage(manifest, store)
    if as_json:
        console.print_json("label", report, store=store)
    console.notes(report.notes)
    console.say(f"{console.count(report.labelled, 'video')} labelled")
    console.say_some(report.unmatched_rows, "row", "of the manifest without a video in the store")
    console.say_some(report.unmatched_videos, "video", "of the store without a row in the manifest")
