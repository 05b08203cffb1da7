"""`vadkit evaluate`: scores, events and labels -> metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from headhunt.configs.evaluate import EvaluateConfig
from vadkit import console, options


@options.takes(config=EvaluateConfig)
def evaluate(
    config: EvaluateConfig,
    full: Annotated[bool, typer.Option("--full", help="Print every metric, not only the main ones.")] = False,
    store: options.Store = options.STORE,
    as_json: options.Json = False,
) -> None:
    """Measure scores and events against the labels."""
    from headhunt.stages.evaluate import evaluate as stage

    result = stage(store, config)
    if as_json:
        console.print_json("evaluate", result, store=store)
    _tell_what_was_measured(result)
    if full:
        console.table(f"metrics/{result['events']}", ["metric", "value", "95 % from", "to"], metric_rows(result))
        for key, reason in result["undefined"].items():
            console.say(f"{key} is not defined: {reason}")
    else:
        console.say(*main_figures(result))


def _tell_what_was_measured(result: Mapping[str, Any]) -> None:
    counts = result["counts"]
    where = "all labelled videos" if result["split"] is None else f"split {result['split']!r}"
    protocol = result["settings"]["protocol"]
    console.say(
        f"events/{result['events']} on {where}: {console.count(counts['n_videos'], 'video')} "
        f"({counts['n_abnormal_videos']} abnormal), {counts['n_frames']} frames "
        f"({counts['n_positive_frames']} abnormal)" + ("" if protocol == "native" else f", protocol {protocol}"),
        f"smoothing sigma {result['sigma']:g}, threshold {result['tau']:g} ({result['settings_from']})",
    )
    console.notes(result["notes"])
    for what, names in result["left_out"].items():
        console.say_some(names, "video", f"left out, {what.replace('_', ' ')}")
    console.say_some(
        result["events_outside_the_video"], "video", "left out, with an event that begins at or past the end"
    )
    console.say_some(
        result["also_fitted_on"],
        "video",
        "evaluated that heads, scorer or threshold were learnt from too, so every figure is too good",
    )
    if result["events_clipped_to_the_video"]:
        console.say(f"{console.count(result['events_clipped_to_the_video'], 'annotated event')} cut at the video's end")
    if result["segments_without_score"]:
        console.say(f"{console.count(result['segments_without_score'], 'segment')} without a score")


# What stands before a figure, where it is in the result, and what stands behind it.
MAIN = (
    ("frames, ROC-AUC", "frame/continuous/frame_auc", ""),
    ("frames, average precision", "frame/continuous/frame_ap_step", ""),
    ("frames of abnormal videos alone, ROC-AUC", "abnormal_videos/frame_auc", ""),
    ("videos by their highest score, ROC-AUC", "video/video_auc", ""),
    ("frames above the threshold, F1", "frame/at_threshold/frame_f1", ""),
    ("events at IoU 0.3, F1", "event/iou_0.3/event_f1", ""),
    ("annotated events that were found", "event/detection_rate", ""),
    ("false alarms", "event/false_alarms_per_hour", " an hour of normal video"),
    ("delay until an event is found, median", "event/detection_delay_median_s", " s"),
)


def main_figures(result: Mapping[str, Any]) -> Iterator[str]:
    """The main figures, a line each with its 95 % interval; then what is not defined, and why, in one line."""
    values = {key: (value, low, high) for key, value, low, high in metric_rows(result)}
    width = max(len(label) for label, _, _ in MAIN)
    missing = []
    for label, key, unit in MAIN:
        value, low, high = values[key]
        if value is None:
            missing.append(f"{label} ({result['undefined'][key]})")
            continue
        interval = "" if low is None or high is None else f"  (95 %: {low:.3f} to {high:.3f})"
        yield f"  {label:<{width}}  {value:.3f}{unit}{interval}"
    if missing:
        yield f"  not defined: {'; '.join(missing)}"
    yield "every metric, categories and thresholded scores among them: --full or --json"


GROUPS = ("frame", "abnormal_videos", "per_video", "video", "event", "category")


def metric_rows(result: Mapping[str, Any]) -> list[tuple[str, float | None, float | None, float | None]]:
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
