"""`vadkit manifest`: a data set's own files -> the neutral manifest."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from headhunt.configs.shared import RESULT
from headhunt.datasets import READERS
from vadkit import console, options

KNOWN = ", ".join(READERS).replace("folder", "folder (a folder a class)", 1)
LISTED = 50
"""Missing files that are listed; --json lists all."""


@options.takes()
def manifest(
    dataset: Annotated[
        Literal[tuple(READERS)],  # type: ignore[valid-type]
        typer.Argument(metavar="DATASET", help=f"The data set: {KNOWN}."),
    ],
    root: Annotated[Path, typer.Argument(metavar="ROOT", help="The folder of its videos; ids are relative to it.")],
    annotations: Annotated[
        Path | None,
        typer.Option(
            "--annotations", metavar="PATH", help="The annotation file or its folder.", show_default="below ROOT"
        ),
    ] = None,
    train_list: Annotated[
        Path | None,
        typer.Option("--train-list", metavar="FILE", help="The list of training videos.", show_default="looked for"),
    ] = None,
    test_list: Annotated[
        Path | None,
        typer.Option("--test-list", metavar="FILE", help="The list of test videos.", show_default="looked for"),
    ] = None,
    normal: Annotated[
        list[str] | None,
        typer.Option(
            "--normal",
            metavar="NAME",
            help="folder: name of a class that is normal; may be repeated.",
            show_default="folders called normal...",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="Where to write the manifest, .csv or .jsonl.",
            show_default="ROOT/manifest.csv",
            rich_help_panel=RESULT,
        ),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Write in place of a manifest that is there.", rich_help_panel=RESULT),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Write the manifest of a data set, and tell what did not match, both ways."""
    from headhunt.stages.manifest import make_manifest

    values = {"train_list": train_list, "test_list": test_list, "normal": normal or None}
    own = {name: value for name, value in values.items() if value is not None}
    reading, target = make_manifest(
        dataset, root, annotations=annotations, output=output, options=own, overwrite=overwrite
    )
    counts = Counter((row.split, row.label) for row in reading.rows)
    events = Counter({(row.split, row.label): 0 for row in reading.rows})
    for row in reading.rows:
        events[row.split, row.label] += len(row.events or ())
    missing = [row.video for row in reading.unmatched_rows]
    extraction = ["vadkit", "extract", str(target)]
    if target.resolve().parent != root.resolve():  # ids are relative to the root, not to where the manifest went
        extraction += ["--root", str(root)]
    if as_json:
        result = {
            "dataset": dataset,
            "root": root,
            "manifest": target,
            "videos": len(reading.rows),
            "counts": [
                {"split": s, "label": label, "videos": n, "events": events[s, label]}
                for (s, label), n in sorted(counts.items())
            ],
            "events_known": sum(row.events is not None for row in reading.rows),
            "unmatched_rows": missing,
            "unmatched_videos": reading.unmatched_videos,
            "notes": reading.notes,
            "next": shlex.join(extraction),
        }
        console.print_json("manifest", result)
    console.notes(reading.notes)
    rows = [[s or "(none)", label, n, events[s, label]] for (s, label), n in sorted(counts.items())]
    title = f"{target}: {console.count(len(reading.rows), 'video')}"
    console.table(title, ["split", "label", "videos", "events"], rows, left=2)
    if not_known := sum(row.events is None for row in reading.rows):
        console.say(f"{console.count(not_known, 'video')} with events that are not known")
    if missing:
        more = [f"and {len(missing) - LISTED} more"] if len(missing) > LISTED else []
        console.say(f"{console.count(len(missing), 'listed video')} not there:")
        for name in (*missing[:LISTED], *more):
            console.say(f"  {name}")
    console.say_some(reading.unmatched_videos, "video", "there but not listed")
    console.say(f"next: {shlex.join(extraction)}")
