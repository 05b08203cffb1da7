"""`vadkit fit`: features -> scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from headhunt.configs.fit import FitConfig
from vadkit import console, options


@options.takes(config=FitConfig)
def fit(
    config: FitConfig,
    store: options.Store = options.STORE,
    output: Annotated[
        Path | None, options.output("Also write the scorer there, as FILE.safetensors and FILE.json.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fit a light scorer on the chosen heads of the labelled rows."""
    from headhunt.stages.fit import fit as stage

    with console.progress() as progress:
        report = stage(store, config, output=output, progress=progress)
    if as_json:
        console.print_json("fit", report, store=store)
    console.notes(report.notes)
    loss = "" if report.loss is None else f", loss {report.loss[0]:.4f} -> {report.loss[1]:.4f}"
    heads_text = console.some([str(head) for head in report.heads])
    console.say(
        f"scorers/{report.name}: {report.method}, {len(report.heads)} heads {heads_text}, "
        f"prompt {report.prompt!r}, {report.parameters} parameters{loss}",
        f"from {report.rows} {report.unit} rows, {report.positives} of them abnormal"
        + (f"; scored out of fold in {report.folds} folds" if report.folds else ""),
    )
