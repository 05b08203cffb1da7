"""`vadkit evaluate`: scores, events and labels -> metrics."""

from __future__ import annotations

from typing import Any

from headhunt.configs.evaluate import EvaluateConfig
from vadkit import console, options


@options.takes(config=EvaluateConfig)
def evaluate(config: EvaluateConfig, store: options.Store = options.STORE, as_json: options.Json = False) -> None:
    """Measure scores and events against the labels."""
    from headhunt.stages.evaluate import evaluate as stage

    result = stage(store, config)
    if as_json:
        console.print_json("evaluate", result, store=store)
    _tell(result)


def _tell(result: dict[str, Any]) -> None:
    counts = result["counts"]
    where = "all labelled videos" if result["split"] is None else f"split {result['split']!r}"
    console.say(
        f"{console.count(counts['n_videos'], 'video')} ({counts['n_abnormal_videos']} abnormal) of {where}; "
        f"{counts['n_frames']} frames, {counts['n_positive_frames']} abnormal; "
        f"protocol {result['settings']['protocol']}"
    )
    for what, names in result["left_out"].items():
        console.say_some(names, "video", f"left out, {what.replace('_', ' ')}")
    console.say_some(
        result["also_fitted_on"], "video", "evaluated that the scorer was fitted on too, so every figure is too good"
    )
    if result["segments_without_score"]:
        console.say(f"{console.count(result['segments_without_score'], 'segment')} without a score")
    rows = [[key, value, low, high] for key, value, low, high in metric_rows(result)]
    console.table(
        f"events/{result['events']}: sigma {result['sigma']:g}, tau {result['tau']:g} ({result['settings_from']})",
        ["metric", "value", "95 % from", "to"],
        rows,
    )
    for key, reason in result["undefined"].items():
        console.say(f"{key} is not defined: {reason}")


GROUPS = ("frame", "abnormal_videos", "per_video", "video", "event", "category")


def metric_rows(result: dict[str, Any]) -> list[tuple[str, float | None, float | None, float | None]]:
    """(group/name, value, low, high) of every metric, None where there is none."""
    found: list[tuple[str, float | None, float | None, float | None]] = []

    def walk(prefix: str, value: Any) -> None:
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(f"{prefix}/{key}", inner)
            return
        interval = result["intervals_95"].get(prefix, {})
        found.append((prefix, value, interval.get("low"), interval.get("high")))

    for group in GROUPS:
        if group in result:
            walk(group, result[group])
    return found
