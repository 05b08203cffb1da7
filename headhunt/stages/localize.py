"""Scores -> events: smooth the segment scores, threshold them, and put the frames above it together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from headhunt import splits
from headhunt.arrays import Float64
from headhunt.artefacts import calibrations, events, scorers, scores, seen
from headhunt.artefacts.calibrations import Calibration
from headhunt.configs.localize import SIGMA, TAU, LocalizeConfig
from headhunt.configs.option import to_json
from headhunt.datasets import lengths
from headhunt.errors import HeadhuntError, LabelError, UsageError
from headhunt.events import calibrate, find_events, frame_scores, smooth
from headhunt.events import video_score as best_score
from headhunt.files import StrPath, check_writable, write_atomic
from headhunt.frames import frame_truth
from headhunt.names import text_of
from headhunt.records import Event
from headhunt.sinks import sink_for
from headhunt.stages.labelled_rows import events_outside, pick_split
from headhunt.store import Artefact, Store, check_name

__all__ = ["LocalizeConfig", "LocalizeReport", "localize"]

LENGTHS = ("min_frames", "merge_gap_frames")
SETTINGS = ("sigma", "tau", "smoothing", *LENGTHS)


@dataclass(frozen=True, repr=False)
class LocalizeReport:
    """What a run of `localize` found.

    Attributes:
        name: Name of the events in the store.
        sigma: Smoothing that was used.
        tau: Threshold that was used.
        source: Where these two come from.
        f1: Frame-level F1 of the calibration, None without one.
        events: All events, by video and time.
        videos: Videos looked at.
        unscored: Videos without a single score.
        notes: What the user should know.
    """

    name: str
    sigma: float
    tau: float
    source: str
    f1: float | None
    events: tuple[Event, ...]
    videos: int
    unscored: tuple[str, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<LocalizeReport events/{self.name}: {len(self.events)} events in {self.videos} videos, sigma "
            f"{self.sigma:g}, tau {self.tau:g} ({self.source}); next: evaluate, or events_table(store)>"
        )


def localize(
    store_path: StrPath,
    config: LocalizeConfig | None = None,
    *,
    output: StrPath | None = None,
    save: StrPath | None = None,
) -> LocalizeReport:
    """Find events in every scored video; writes `events/<name>`, and `calibrations/<name>` when it calibrates.

    Args:
        store_path: The store.
        config: How; the defaults when left out.
        output: Also write the events there, as the file's ending says.
        save: Also write the scorer of these scores there, with the calibration that was found.

    Raises:
        StaleError: The scores are not there or not fresh.
        LabelError: Calibration has no labelled frames of both classes.
    """
    config = LocalizeConfig() if config is None else config
    check_name(config.name)
    write_to = None if output is None else sink_for(output)
    if save is not None and not config.calibrate:
        raise UsageError("--save writes what --calibrate found", hint="add --calibrate")
    for file in scorers.files_of(save) if save is not None else ():
        check_writable(file)
    check_writable(output)
    store = Store(store_path, writable=True)
    found_in, notes_of_scores = scores.load(store, config.scores)
    notes = list(notes_of_scores)
    videos = store.videos()
    per_video = list(scores.by_video(store, found_in))
    name = config.name or found_in.name
    made = None
    if config.calibrate:
        unseen = scorers.out_of_fold(store, found_in)
        settings, learnt_from, told = _calibrate(store, per_video, unseen, scores.fitted_on(found_in), config)
        notes += told
        made = calibrations.write(
            store, name, settings, scores=found_in, videos=videos, learnt_from=learnt_from, config=to_json(config)
        )
    else:
        settings, more = _given(store, found_in, config)
        notes += more
    found: list[Event] = []
    smoothed = np.full(len(found_in.arrays["row"]), np.nan)
    place = {int(row): i for i, row in enumerate(found_in.arrays["row"])}
    video_score = np.full(len(videos), np.nan)
    unscored = [videos.path[i] for i in range(len(videos)) if i not in {v.index for v in per_video}]
    for video in per_video:
        values = smooth(video.score, sigma=settings.sigma, mode=settings.smoothing)
        smoothed[[place[int(r)] for r in video.table.row]] = values
        if not np.isfinite(values).any():
            unscored.append(videos.path[video.index])
            continue
        video_score[video.index] = best_score(values)
        n_frames = int(videos.frames[video.index])
        frames = frame_scores(video.start_frame, video.end_frame, values, n_frames)
        found += find_events(
            videos.path[video.index],
            frames,
            tau=settings.tau,
            times_s=_times(video, n_frames, float(videos.duration_s[video.index])),
            min_frames=settings.min_frames,
            merge_gap_frames=settings.merge_gap_frames,
        )
    artefact = events.write(
        store,
        name,
        found,
        settings,
        made=made,
        scores=found_in,
        smoothed=smoothed,
        video_score=video_score,
        config=to_json(config),
    )
    if write_to is not None and output is not None:
        write_atomic(output, write_to(found, settings.to_json()))
    if save is not None:
        scorers.save(scorers.made(store, found_in), save, calibration=settings.facts)
    return LocalizeReport(
        name=artefact.name,
        sigma=settings.sigma,
        tau=settings.tau,
        source=settings.source,
        f1=settings.f1,
        events=tuple(found),
        videos=len(videos),
        unscored=tuple(sorted(unscored)),
        notes=tuple(notes),
    )


def _given(store: Store, found_in: Artefact, config: LocalizeConfig) -> tuple[Calibration, tuple[str, ...]]:
    """The calibration that is asked for, another's or the published one, with what is given; and notes."""
    notes: tuple[str, ...] = ()
    if config.origin is not None:
        try:
            scorer = scorers.made(store, found_in)
        except HeadhuntError:
            scorer = None
        found, notes = calibrations.elsewhere(Path(config.origin), scorer, found_in.name)
        found = replace(found, source=f"{text_of(config.origin)} ({found.source})")
    else:
        found = Calibration(SIGMA, TAU, "gaussian", "published defaults")
    given = {name: value for name in SETTINGS if (value := getattr(config, name)) is not None}
    if config.origin is None and {"sigma", "tau"} & set(given):
        given["source"] = "given"
    if any(getattr(found, name) != value for name, value in given.items()):
        given["f1"] = None  # it was another calibration's
    return replace(found, **given), notes


def _calibrate(
    store: Store,
    per_video: list[scores.VideoScores],
    unseen: Mapping[int, float] | None,
    fitted_on: Collection[str],
    config: LocalizeConfig,
) -> tuple[Calibration, list[int], list[str]]:
    """The best calibration, the videos it was found on, and notes.

    Args:
        store: The store.
        per_video: The scores.
        unseen: Row -> score out of fold, of the videos that were fitted on; None where there are none.
        fitted_on: Ids of the videos that the scorer was fitted on.
        config: How.
    """
    videos = store.videos()
    split = pick_split(videos, config.split if config.split is not None else "val" if "val" in videos.split else None)
    assert not splits.is_test(split)
    usable, learnt_from, left, fitted = [], [], 0, 0
    outside = events_outside(videos, [i for i in range(len(videos)) if videos.split[i] == split])
    for video in per_video:
        index = video.index
        if videos.split[index] != split or videos.abnormal[index] is None or index in outside:
            continue
        known = videos.events[index]
        if videos.abnormal[index] and known is None:
            left += 1
            continue
        truth = frame_truth(int(videos.frames[index]), known or ())
        values = video.score
        if unseen is not None and int(video.table.row[0]) in unseen:
            values = np.array([unseen.get(int(row), np.nan) for row in video.table.row])
            fitted += 1
        learnt_from.append(index)
        usable.append((video.start_frame, video.end_frame, values, truth))
    notes = [f"{left} abnormal videos with a label but no events left out of the calibration"] if left else []
    notes += [lengths.left_out(outside.values())] if outside else []
    seen_before = {videos.path[i] for i in learnt_from} & set(fitted_on) if not fitted else set()
    if seen_before:
        notes.append(
            f"{len(seen_before)} of the {len(usable)} videos were fitted on, and there are no scores out of fold: the "
            "F1 flatters, and new videos will do worse"
        )
    if not usable:
        raise LabelError(
            f"no video of the split {split!r} has events to calibrate on",
            hint="give events with `vadkit label MANIFEST`, or give --sigma and --tau",
        )
    sigmas = None if config.sigma is None else np.array([config.sigma])
    taus = None if config.tau is None else np.array([config.tau])
    smoothing = "gaussian" if config.smoothing is None else config.smoothing
    best = calibrate(usable, sigmas=sigmas, taus=taus, mode=smoothing)
    source = f"calibrated on {len(usable)} videos of split {split!r}"
    if fitted:
        source += ", by scores out of fold" if fitted == len(usable) else f", {fitted} of them by scores out of fold"
    found = Calibration(best.sigma, best.tau, smoothing, source, best.f1, calibrated_on=seen.seen(videos, learnt_from))
    given = {name: value for name in LENGTHS if (value := getattr(config, name)) is not None}
    return replace(found, **given), learnt_from, [*notes, *best.doubts()]


def _times(video: scores.VideoScores, n_frames: int, duration_s: float) -> Float64:
    """True time of every frame: exact at the segments' borders, where events begin and end, linear between them."""
    at = {0: 0.0, n_frames: duration_s}
    at |= dict(zip(video.table.start_frame.tolist(), video.table.start_s.tolist(), strict=True))
    at |= dict(zip(video.table.end_frame.tolist(), video.table.end_s.tolist(), strict=True))
    frames = sorted(at)
    times: Float64 = np.interp(np.arange(n_frames + 1), frames, [at[f] for f in frames])
    return times
