"""Scores, events and labels -> metrics."""

from __future__ import annotations

import numpy as np

from headhunt.artefacts import events, metrics, scores
from headhunt.artefacts.metrics import Metrics
from headhunt.configs.evaluate import EvaluateConfig
from headhunt.configs.option import to_json
from headhunt.errors import InputError, LabelError, UsageError
from headhunt.files import StrPath
from headhunt.metrics import evaluation
from headhunt.metrics.evaluation import VideoResult
from headhunt.records import Interval
from headhunt.store import Store, VideoStatus, VideoTable, check_name

__all__ = ["EvaluateConfig", "evaluate"]


def evaluate(store_path: StrPath, config: EvaluateConfig | None = None) -> Metrics:
    """Measure the current events and scores against the labels; writes `metrics/<name>` and returns it.

    Without `save` nothing is written: the store may be one that cannot be written to.

    Videos that failed wholly, or have no label, are left out and counted under `left_out`. Evaluated videos that the
    scorer was fitted on as well, which makes every metric too good, are named under `also_fitted_on`.

    Raises:
        StaleError: There are no events, or what they were made from changed.
        LabelError: No labelled video in the split.
        UsageError: No such split, or `videos` names one that is not in it.
    """
    config = EvaluateConfig() if config is None else config
    check_name(config.name)
    store = Store(store_path, writable=config.save)
    measured = store.artefact("events", config.events)
    store.check_fresh(measured)
    settings = events.Settings.of(measured)
    found_in = scores.load(store, events.scores_of(measured))
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
    per_video = {v.index: v for v in scores.by_video(store, found_in)}
    smoothed, predicted = events.smoothed_of(measured), events.by_video(measured, videos.path)
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
                predicted=predicted.get(index, ()),
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
        tau=settings.tau,
        protocol=config.protocol,
        inclusive=config.inclusive,
        seed=config.seed,
        n_bootstrap=config.n_bootstrap,
    )
    seen = sorted({r.video for r in results} & set(scores.fitted_on(found_in)))
    unscored = sum(int((~np.isfinite(r.score)).sum()) for r in results)
    result = {
        "split": split,
        "events": measured.name,
        "scores": found_in.name,
        "sigma": settings.sigma,
        "tau": settings.tau,
        "settings_from": settings.source,
        "left_out": {key: sorted(names) for key, names in left_out.items()},
        "segments_without_score": unscored,
        "also_fitted_on": seen,
        "events_clipped_to_the_video": clipped,
        **result,
    }
    if config.save:
        told = {key: value for key, value in to_json(config).items() if key != "save"}
        name = config.name or measured.name
        metrics.write(store, name, result, events=measured, scores=found_in, config=told, seed=config.seed)
    return Metrics(result)


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
