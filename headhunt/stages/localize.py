"""Scores -> events: smooth the segment scores, threshold them, and put the frames above it together."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from headhunt import events as noun
from headhunt import frames as frame_lists
from headhunt.arrays import Float64
from headhunt.artefacts import scores as score_lists
from headhunt.errors import LabelError, UsageError
from headhunt.files import write_atomic
from headhunt.records import TEST, Event, Json
from headhunt.stages.labelled_rows import pick_split
from headhunt.store import Store, VideoTable

SIGMA, TAU = 1.5, 0.65
FORMAT, VERSION = "headhunt-events", 1


@dataclass(frozen=True)
class LocalizeConfig:
    """How scores become events.

    Attributes:
        scores: Name of the scores; None for the current ones.
        sigma: Standard deviation of the smoothing in segments; None for the calibrated or published value (1.5).
        tau: Threshold, an event is where the score is above it; None for the calibrated or published value (0.65).
        smoothing: "gaussian", "none" or "gaussian-zero" (the authors' zero padding).
        calibrate: Search sigma and tau for the highest frame-level F1 on labelled videos that are not test videos.
        split: Split to calibrate on; None for "val" when there is one, else "train".
        origin: Another store to take sigma and tau from.
        min_frames: Shorter events are dropped.
        merge_gap_frames: Events this close are one.
        name: Name of the events; None for the scores'.
    """

    scores: str | None = None
    sigma: float | None = None
    tau: float | None = None
    smoothing: str = "gaussian"
    calibrate: bool = False
    split: str | None = None
    origin: str | None = None
    min_frames: int = 1
    merge_gap_frames: int = 0
    name: str | None = None

    def __post_init__(self) -> None:
        if self.smoothing not in noun.SMOOTHERS:
            raise UsageError("unknown smoothing", got=self.smoothing, expected=" or ".join(noun.SMOOTHERS))
        if self.calibrate and self.origin is not None:
            raise UsageError("--calibrate and --from contradict each other", hint="calibrate in the other store first")
        if self.calibrate and self.sigma is not None and self.tau is not None:
            raise UsageError("--calibrate has nothing to search when --sigma and --tau are given")


@dataclass(frozen=True)
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


def localize(store_path: Path, config: LocalizeConfig, *, output: Path | None = None) -> LocalizeReport:
    """Find events in every scored video; writes `events/<name>`, and `output` (.json or .csv) when given.

    Raises:
        StaleError: The scores are not there or not fresh.
        LabelError: Calibration has no labelled frames of both classes.
    """
    store = Store(store_path, writable=True)
    scores = score_lists.load(store, config.scores)
    videos = store.videos()
    per_video = list(score_lists.by_video(store, scores))
    sigma, tau, source, f1, notes = _settings(store, scores.name, per_video, videos, config)
    found: list[Event] = []
    smoothed = np.full(len(scores.arrays["row"]), np.nan)
    place = {int(row): i for i, row in enumerate(scores.arrays["row"])}
    video_score = np.full(len(videos), np.nan)
    unscored = [videos.path[i] for i in range(len(videos)) if i not in {v.index for v in per_video}]
    for video in per_video:
        values = noun.smooth(video.score, sigma=sigma, mode=config.smoothing)
        smoothed[[place[int(r)] for r in video.table.row]] = values
        if not np.isfinite(values).any():
            unscored.append(videos.path[video.index])
            continue
        video_score[video.index] = noun.video_score(values)
        n_frames = int(videos.frames[video.index])
        frames = noun.frame_scores(video.start_frame, video.end_frame, values, n_frames)
        found += noun.find_events(
            videos.path[video.index],
            frames,
            tau=tau,
            times_s=_times(video, n_frames, float(videos.duration_s[video.index])),
            min_frames=config.min_frames,
            merge_gap_frames=config.merge_gap_frames,
        )
    row_of = {path: i for i, path in enumerate(videos.path)}
    facts: Json = {"sigma": sigma, "tau": tau, "smoothing": config.smoothing, "source": source, "f1": f1}
    artefact = store.write_artefact(
        "events",
        config.name or scores.name,
        stage="localize",
        config=asdict(config),
        seed=None,
        inputs={f"scores/{scores.name}": scores.digest},
        facts=facts | {"scores": scores.name, "format": FORMAT, "version": VERSION},
        arrays={
            "smoothed": (smoothed, ("segment",)),
            "row": (scores.arrays["row"], ("segment",)),
            "video_score": (video_score, ("video",)),
            "video": (np.array([row_of[e.video] for e in found], np.int64), ("event",)),
            **{
                name: (np.array([getattr(e, name) for e in found], dtype), ("event",))
                for name, dtype in (
                    ("start_frame", np.int64),
                    ("end_frame", np.int64),
                    ("start_s", np.float64),
                    ("end_s", np.float64),
                    ("peak_score", np.float64),
                    ("mean_score", np.float64),
                )
            },
        },
    )
    if output is not None:
        write_atomic(output, render(found, facts, suffix=Path(output).suffix))
    return LocalizeReport(
        artefact.name, sigma, tau, source, f1, tuple(found), len(videos), tuple(sorted(unscored)), tuple(notes)
    )


def _settings(
    store: Store,
    name: str,
    per_video: list[score_lists.VideoScores],
    videos: VideoTable,
    config: LocalizeConfig,
) -> tuple[float, float, str, float | None, list[str]]:
    """Sigma, tau, where they come from, the calibration's F1, and notes."""
    if config.calibrate:
        return _calibrate(per_video, videos, config)
    if config.origin is not None:
        other = Store(config.origin)
        facts = other.artefact("events", name if name in other.names("events") else None).facts
        sigma = config.sigma if config.sigma is not None else float(facts["sigma"])
        tau = config.tau if config.tau is not None else float(facts["tau"])
        return sigma, tau, f"{config.origin} ({facts['source']})", facts["f1"], []
    given = config.sigma is not None or config.tau is not None
    return (
        SIGMA if config.sigma is None else config.sigma,
        TAU if config.tau is None else config.tau,
        "given" if given else "published defaults",
        None,
        [],
    )


def _calibrate(
    per_video: list[score_lists.VideoScores], videos: VideoTable, config: LocalizeConfig
) -> tuple[float, float, str, float | None, list[str]]:
    split = pick_split(videos, config.split if config.split is not None else "val" if "val" in videos.split else None)
    assert split != TEST
    usable, left = [], 0
    for video in per_video:
        index = video.index
        if videos.split[index] != split or videos.abnormal[index] is None:
            continue
        events = videos.events[index]
        if videos.abnormal[index] and events is None:
            left += 1
            continue
        truth = frame_lists.frame_truth(int(videos.frames[index]), events or ())
        usable.append((video.start_frame, video.end_frame, video.score, truth))
    notes = [f"{left} abnormal videos with a label but no events left out of the calibration"] if left else []
    if not usable:
        raise LabelError(
            f"no video of the split {split!r} has events to calibrate on",
            hint="give events with `vadkit label MANIFEST`, or give --sigma and --tau",
        )
    sigmas = None if config.sigma is None else np.array([config.sigma])
    taus = None if config.tau is None else np.array([config.tau])
    best = noun.calibrate(usable, sigmas=sigmas, taus=taus, mode=config.smoothing)
    return best.sigma, best.tau, f"calibrated on {len(usable)} videos of split {split!r}", best.f1, notes


def _times(video: score_lists.VideoScores, n_frames: int, duration_s: float) -> Float64:
    """True time of every frame: exact at the segments' borders, where events begin and end, linear between them."""
    at = {0: 0.0, n_frames: duration_s}
    at |= dict(zip(video.table.start_frame.tolist(), video.table.start_s.tolist(), strict=True))
    at |= dict(zip(video.table.end_frame.tolist(), video.table.end_s.tolist(), strict=True))
    frames = sorted(at)
    times: Float64 = np.interp(np.arange(n_frames + 1), frames, [at[f] for f in frames])
    return times


def render(found: list[Event], facts: Json, *, suffix: str) -> bytes:
    """Events as a JSON document, or as CSV with one line an event."""
    if suffix.lower() != ".csv":
        data = {"format": FORMAT, "version": VERSION, **facts, "events": [e.to_json() for e in found]}
        return json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n"
    out = io.StringIO()
    fields = ["video", "start_frame", "end_frame", "start_s", "end_s", "peak_score", "mean_score"]
    writer = csv.DictWriter(out, fields, lineterminator="\n")
    writer.writeheader()
    for event in found:
        row = event.to_json()
        writer.writerow(row | {key: f"{row[key]:.6f}" for key in fields[3:]})
    return out.getvalue().encode()
