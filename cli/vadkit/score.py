"""`vadkit score`: features -> scores of segments."""

from __future__ import annotations

from headhunt.configs.score import ScoreConfig
from vadkit import console, options


@options.takes(config=ScoreConfig)
def score(config: ScoreConfig, store: options.Store = options.STORE, as_json: options.Json = False) -> None:
    """Score every segment of the store with a fitted scorer."""
    from headhunt.stages.score import score as stage

    report = stage(store, config)
    if as_json:
        console.print_json("score", report, store=store)
    console.notes(report.notes)
    console.say(
        f"scores/{report.name}: {report.segments} segments of {report.videos} videos scored by {report.scorer}"
        + (f", {report.unscored} without a score" if report.unscored else "")
    )
