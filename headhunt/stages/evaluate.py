"""Scores, events and labels -> metrics."""

from __future__ import annotations

import numpy as np

from headhunt.artefacts import calibrations, events, freshness, metrics, scores, seen
from headhunt.artefacts.metrics import Metrics
from headhunt.configs.evaluate import EvaluateConfig
from headhunt.configs.option import to_json
from headhunt.errors import LabelError, UsageError
from headhunt.files import StrPath
from headhunt.metrics import evaluation
from headhunt.metrics.evaluation import VideoResult
from headhunt.records import TEST
from headhunt.stages.labelled_rows import check_splits, events_outside
from headhunt.store import Store, VideoStatus

__all__ = ["EvaluateConfig", "evaluate"]


def evaluate(store_path: StrPath, config: EvaluateConfig | None = None) -> Metrics:
    """Measure the current events and scores against the labels; writes `metrics/<name>` and returns it.

    Videos that failed wholly, or have no label, are left out and counted under `left_out`, those with an event that
    begins at or past their end under `events_outside_the_video`. Evaluated videos that heads were selected, the scorer
    was fitted or the threshold was calibrated on as well, which makes every metric too good, are named under
    `also_fitted_on`; a file is known again by its content where stores have its digest.

    Raises:
        StaleError: There are no events, or what they were made from changed.
        LabelError: No labelled video in the split.
        UsageError: No such split, or `videos` names one that is not in it.
    """
    config = EvaluateConfig() if config is None else config
    store = Store(store_path, writable=True)
    measured = store.artefact("events", config.events)
    notes = freshness.check(store, measured)
    settings = calibrations.of(measured)
    found_in = store.artefact("scores", events.scores_of(measured))
    videos = store.videos()
    split = config.split
    if split is None:
        check_splits(videos)
        split = TEST if TEST in videos.split else None
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
    left_out: dict[str, list[str]] = {"without_label": [], "failed": [], "not_scored": [], "events_not_known": []}
    outside = events_outside(videos, chosen)
    results, clipped = [], 0
    for index in chosen:
        path, abnormal = videos.path[index], videos.abnormal[index]
        if abnormal is None:
            left_out["without_label"].append(path)
            continue
        if index not in per_video and videos.status[index] != VideoStatus.FAILED:
            left_out["not_scored"].append(path)
            continue
        if index not in per_video or videos.status[index] == VideoStatus.FAILED:
            left_out["failed"].append(path)
            continue
        if index in outside:
            continue
        video, n_frames = per_video[index], int(videos.frames[index])
        known = videos.events[index]
        truth = () if known is None and not abnormal else known
        clipped += sum(e.end_frame + config.inclusive > n_frames for e in truth or ())
        if abnormal and truth is None:
            left_out["events_not_known"].append(path)
        results.append(
            VideoResult(
                video=path,
                start_frame=video.start_frame,
                end_frame=video.end_frame,
                score=np.array([smoothed[int(r)] for r in video.table.row]),
                n_frames=n_frames,
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
            got={k: len(v) for k, v in left_out.items()} | {"events_outside_the_video": len(outside)},
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
    learnt_from = seen.join(scores.learnt_from(found_in), settings.calibrated_on)
    measured_on = {r.video for r in results}
    among = seen.seen(videos, (i for i in chosen if videos.path[i] in measured_on))
    unscored = sum(int((~np.isfinite(r.score)).sum()) for r in results)
    result = {
        "split": split,
        "events": measured.name,
        "scores": found_in.name,
        "sigma": settings.sigma,
        "tau": settings.tau,
        "settings_from": settings.source,
        "notes": list(notes),
        "left_out": {key: sorted(names) for key, names in left_out.items()},
        "events_outside_the_video": sorted(one.video for one in outside.values()),
        "segments_without_score": unscored,
        "also_fitted_on": seen.again(learnt_from, among),
        "events_clipped_to_the_video": clipped,
        **result,
    }
    metrics.write(
        store,
        config.name or measured.name,
        result,
        events=measured,
        scores=found_in,
        config=to_json(config),
        seed=config.seed,
    )
    return Metrics(result)
