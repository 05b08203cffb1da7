"""Scores -> events: smooth the segment scores, threshold them, and put the frames above it together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Float64
from headhunt.artefacts import events, scores
from headhunt.artefacts.events import Settings
from headhunt.configs.localize import SIGMA, TAU, LocalizeConfig
from headhunt.configs.option import to_json
from headhunt.errors import LabelError
from headhunt.events import calibrate, find_events, frame_scores, smooth
from headhunt.events import video_score as best_score
from headhunt.files import StrPath, write_atomic
from headhunt.frames import frame_truth
from headhunt.names import text_of
from headhunt.records import TEST, Event
from headhunt.sinks import sink_for
from headhunt.stages.labelled_rows import pick_split
from headhunt.store import Store, VideoTable

__all__ = ["LocalizeConfig", "LocalizeReport", "localize"]


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
    store_path: StrPath, config: LocalizeConfig | None = None, *, output: StrPath | None = None
) -> LocalizeReport:
    """Find events in every scored video; writes `events/<name>`, and `output` (.json or .csv) when given.

    Raises:
        StaleError: The scores are not there or not fresh.
        LabelError: Calibration has no labelled frames of both classes.
    """
    config = LocalizeConfig() if config is None else config
    write_to = None if output is None else sink_for(output)
    store = Store(store_path, writable=True)
    found_in = scores.load(store, config.scores)
    videos = store.videos()
    per_video = list(scores.by_video(store, found_in))
    settings, notes = _settings(found_in.name, per_video, videos, config)
    found: list[Event] = []
    smoothed = np.full(len(found_in.arrays["row"]), np.nan)
    place = {int(row): i for i, row in enumerate(found_in.arrays["row"])}
    video_score = np.full(len(videos), np.nan)
    unscored = [videos.path[i] for i in range(len(videos)) if i not in {v.index for v in per_video}]
    for video in per_video:
        values = smooth(video.score, sigma=settings.sigma, mode=config.smoothing)
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
            min_frames=config.min_frames,
            merge_gap_frames=config.merge_gap_frames,
        )
    artefact = events.write(
        store,
        config.name or found_in.name,
        found,
        settings,
        scores=found_in,
        smoothed=smoothed,
        video_score=video_score,
        config=to_json(config),
    )
    if write_to is not None and output is not None:
        write_atomic(output, write_to(found, settings.to_json()))
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


def _settings(
    name: str, per_video: list[scores.VideoScores], videos: VideoTable, config: LocalizeConfig
) -> tuple[Settings, list[str]]:
    """Sigma and tau with where they come from, and notes."""
    if config.calibrate:
        return _calibrate(per_video, videos, config)
    sigma, tau, source, f1 = SIGMA, TAU, "published defaults", None
    if config.origin is not None:
        other = Store(config.origin)
        theirs = Settings.of(other.artefact("events", name if name in other.names("events") else None))
        sigma, tau, source, f1 = theirs.sigma, theirs.tau, f"{text_of(config.origin)} ({theirs.source})", theirs.f1
    elif config.sigma is not None or config.tau is not None:
        source = "given"
    sigma = sigma if config.sigma is None else config.sigma
    tau = tau if config.tau is None else config.tau
    return Settings(sigma, tau, config.smoothing, source, f1), []


def _calibrate(
    per_video: list[scores.VideoScores], videos: VideoTable, config: LocalizeConfig
) -> tuple[Settings, list[str]]:
    split = pick_split(videos, config.split if config.split is not None else "val" if "val" in videos.split else None)
    assert split != TEST
    usable, left = [], 0
    for video in per_video:
        index = video.index
        if videos.split[index] != split or videos.abnormal[index] is None:
            continue
        known = videos.events[index]
        if videos.abnormal[index] and known is None:
            left += 1
            continue
        truth = frame_truth(int(videos.frames[index]), known or ())
        usable.append((video.start_frame, video.end_frame, video.score, truth))
    notes = [f"{left} abnormal videos with a label but no events left out of the calibration"] if left else []
    if not usable:
        raise LabelError(
            f"no video of the split {split!r} has events to calibrate on",
            hint="give events with `vadkit label MANIFEST`, or give --sigma and --tau",
        )
    sigmas = None if config.sigma is None else np.array([config.sigma])
    taus = None if config.tau is None else np.array([config.tau])
    best = calibrate(usable, sigmas=sigmas, taus=taus, mode=config.smoothing)
    source = f"calibrated on {len(usable)} videos of split {split!r}"
    return Settings(best.sigma, best.tau, config.smoothing, source, best.f1), notes


def _times(video: scores.VideoScores, n_frames: int, duration_s: float) -> Float64:
    """True time of every frame: exact at the segments' borders, where events begin and end, linear between them."""
    at = {0: 0.0, n_frames: duration_s}
    at |= dict(zip(video.table.start_frame.tolist(), video.table.start_s.tolist(), strict=True))
    at |= dict(zip(video.table.end_frame.tolist(), video.table.end_s.tolist(), strict=True))
    frames = sorted(at)
    times: Float64 = np.interp(np.arange(n_frames + 1), frames, [at[f] for f in frames])
    return times
