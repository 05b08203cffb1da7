"""`vadkit select-heads`: features -> head set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from headhunt.configs.select_heads import SelectConfig
from vadkit import console, options


@options.takes(config=SelectConfig)
def select_heads(
    config: SelectConfig,
    store: options.Store = options.STORE,
    output: Annotated[Path | None, options.output("Also write the head set there, as JSON.")] = None,
    as_json: options.Json = False,
) -> None:
    """Rank the heads of the store by how well they separate labelled rows, and keep the best."""
    from headhunt.stages.select_heads import select_heads as stage

    with console.progress() as progress:
        report = stage(store, config, output=output, progress=progress)
    if as_json:
        console.print_json("select-heads", report, store=store)
    console.notes(report.notes)
    found = report.head_set
    rows = [[i + 1, h.layer, h.head, s] for i, (h, s) in enumerate(zip(found.heads, found.scores, strict=True))]
    title = f"heads/{report.name}: {config.saliency} over {console.count(len(report.prompts), 'prompt')}"
    console.table(title, ["rank", "layer", "head", "score"], rows, left=0)
    console.say(f"from {report.rows} {report.unit} rows of {report.videos} videos, {report.positives} of them abnormal")
