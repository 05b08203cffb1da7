"""Scores, events and labels -> metrics."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt.artefacts import scores as score_lists
from headhunt.errors import InputError, LabelError, UsageError
from headhunt.frames import PROTOCOLS
from headhunt.metrics import evaluation
from headhunt.metrics.evaluation import VideoResult
from headhunt.records import Event, Interval, Json
from headhunt.store import Store, VideoStatus, VideoTable


@dataclass(frozen=True)
class EvaluateConfig:
    """What is evaluated and how.

    Attributes:
        events: Name of the events; None for the current ones.
        split: Split to evaluate; None for "test" when there is one, else all labelled videos.
        videos: Only these of its videos, by id; None for all.
        protocol: "native", "clip16" or "xd-trunc": which frames count.
        inclusive: Ground-truth events include their end frame.
        seed: Seed of the bootstrap.
        n_bootstrap: Resamplings of the videos for the 95 % intervals.
        name: Name of the metrics; None for the events'.
    """

    events: str | None = None
    split: str | None = None
    videos: tuple[str, ...] | None = None
    protocol: str = "native"
    inclusive: bool = False
    seed: int = 0
    n_bootstrap: int = 1000
    name: str | None = None

    def __post_init__(self) -> None:
        if self.protocol not in PROTOCOLS:
            raise UsageError("unknown protocol", got=self.protocol, expected=" or ".join(PROTOCOLS))


def evaluate(store_path: Path, config: EvaluateConfig) -> Json:
    """Measure the current events and scores against the labels; writes `metrics/<name>` and returns it.

    Videos that failed wholly, or have no label, are left out and counted under `left_out`. Evaluated videos that the
    scorer was fitted on as well, which makes every metric too good, are named under `also_fitted_on`.

    Raises:
        StaleError: There are no events, or what they were made from changed.
        LabelError: No labelled video in the split.
        UsageError: No such split, or `videos` names one that is not in it.
    """
    store = Store(store_path, writable=True)
    events = store.artefact("events", config.events)
    store.check_fresh(events)
    scores = score_lists.load(store, events.facts["scores"])
    videos = store.videos()
    split = config.split if config.split is not None else "test" if "test" in videos.split else None
    chosen = [i for i in range(len(videos)) if split is None or videos.split[i] == split]
    if not chosen:
        raise UsageError(f"no video is in the split {split!r}", got=sorted(set(videos.split)))
    if config.videos is not None:
        have = {videos.path[i] for i in chosen}
        if unknown := sorted(set(config.videos) - have):
            where = "the store" if split is None else f"the split {split!r}"
            raise UsageError(f"{len(unknown)} of the videos to evaluate are not in {where}", got=unknown[:5])
        chosen = [i for i in chosen if videos.path[i] in config.videos]
    per_video = {v.index: v for v in score_lists.by_video(store, scores)}
    smoothed = dict(zip(events.arrays["row"].tolist(), events.arrays["smoothed"].tolist(), strict=True))
    left_out: dict[str, list[str]] = {"without_label": [], "failed": [], "events_not_known": []}
    results, clipped = [], 0
    for index in chosen:
        path, abnormal = videos.path[index], videos.abnormal[index]
        if abnormal is None:
            left_out["without_label"].append(path)
            continue
        if index not in per_video or videos.status[index] == VideoStatus.FAILED:
            left_out["failed"].append(path)
            continue
        video = per_video[index]
        truth, cut = _truth(videos, index)
        clipped += cut
        if abnormal and truth is None:
            left_out["events_not_known"].append(path)
        results.append(
            VideoResult(
                video=path,
                start_frame=video.start_frame,
                end_frame=video.end_frame,
                score=np.array([smoothed[int(r)] for r in video.table.row]),
                n_frames=int(videos.frames[index]),
                fps=float(videos.fps[index]),
                abnormal=abnormal,
                events=truth,
                category=videos.category[index],
                predicted=_predicted(events.arrays, index, path),
            )
        )
    if not results:
        raise LabelError(
            "no video to evaluate",
            got={k: len(v) for k, v in left_out.items()},
            hint="run `vadkit label MANIFEST` first",
        )
    result = evaluation.evaluate(
        results,
        tau=float(events.facts["tau"]),
        protocol=config.protocol,
        inclusive=config.inclusive,
        seed=config.seed,
        n_bootstrap=config.n_bootstrap,
    )
    seen = sorted({r.video for r in results} & set(scores.facts["fitted_on"]))
    unscored = sum(int((~np.isfinite(r.score)).sum()) for r in results)
    result = {
        "split": split,
        "events": events.name,
        "scores": scores.name,
        "sigma": events.facts["sigma"],
        "tau": events.facts["tau"],
        "settings_from": events.facts["source"],
        "left_out": {key: sorted(names) for key, names in left_out.items()},
        "segments_without_score": unscored,
        "also_fitted_on": seen,
        "events_clipped_to_the_video": clipped,
        **result,
    }
    store.write_artefact(
        "metrics",
        config.name or events.name,
        stage="evaluate",
        config=asdict(config),
        seed=config.seed,
        inputs={f"events/{events.name}": events.digest, f"scores/{scores.name}": scores.digest},
        facts=result,
        arrays={},
    )
    return result


def _truth(videos: VideoTable, index: int) -> tuple[tuple[Interval, ...] | None, int]:
    """The video's events cut to its frames, and how many had to be cut; None when they are not known."""
    known = videos.events[index]
    if known is None:
        return (None if videos.abnormal[index] else ()), 0
    n = int(videos.frames[index])
    inside = [e for e in known if e.start_frame < n]
    if known and not inside:
        raise InputError(
            f"no event of {videos.path[index]!r} lies inside the video",
            got=f"{known[0].start_frame}-{known[0].end_frame} of {n} frames",
            hint="do the annotations belong to this file?",
        )
    cut = sum(e.end_frame > n for e in known)
    return tuple(Interval(e.start_frame, min(e.end_frame, n)) for e in inside), cut


def _predicted(arrays: Mapping[str, Any], index: int, path: str) -> tuple[Event, ...]:
    rows = np.flatnonzero(arrays["video"] == index)
    return tuple(
        Event(
            path,
            int(arrays["start_frame"][i]),
            int(arrays["end_frame"][i]),
            float(arrays["start_s"][i]),
            float(arrays["end_s"][i]),
            float(arrays["peak_score"][i]),
            float(arrays["mean_score"][i]),
        )
        for i in rows
    )
