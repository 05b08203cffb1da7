"""Features -> scores: run a fitted scorer over every segment, and give every native frame its segment's score."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from headhunt import events
from headhunt.artefacts.references import check_scorer, load_scorer
from headhunt.errors import InputError
from headhunt.scorers import scorer as scorers
from headhunt.store import RowStatus, Store


@dataclass(frozen=True)
class ScoreConfig:
    """How segments are scored.

    Attributes:
        scorer: A name, a file, or None for the current scorer.
        origin: Another store to take the scorer from.
        name: Name of the scores; None for the scorer's.
    """

    scorer: str | None = None
    origin: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class ScoreReport:
    """What a run of `score` made.

    Attributes:
        name: Name of the scores in the store.
        scorer: Name of the scorer.
        segments: Rows scored.
        unscored: Rows without a score: failed, or not extracted yet.
        videos: Videos with at least one score.
        notes: What the user should know.
    """

    name: str
    scorer: str
    segments: int
    unscored: int
    videos: int
    notes: tuple[str, ...]


def score(store_path: Path, config: ScoreConfig) -> ScoreReport:
    """Score every segment row; a row that failed is NaN, never a number.

    Writes `scores/<name>`: `row`, `video`, `start_frame`, `end_frame`, `score` a segment, and `frame_score` (NaN where
    nothing covers a frame) with `frame_offset` a video.

    Raises:
        FingerprintError: The scorer was fitted on other features.
        StaleError: There is no scorer, or what it was made from changed.
    """
    store = Store(store_path, writable=True)
    origin = None if config.origin is None else Store(config.origin)
    scorer, scorer_name, inputs = load_scorer(config.scorer, store, origin)
    notes = [f"versions differ, scores may move a little: {line}" for line in check_scorer(scorer, store)]
    prompt = store.prompt_index(scorer.facts["prompt"]["id"])
    table = store.segments().of_unit("segment")
    if not len(table):
        raise InputError(f"{store_path} holds no segments", hint="extract with --units segment or both")
    values = np.full(len(table), np.nan)
    done = table.status == RowStatus.DONE
    rows = table.row[done]
    z = store.heads(rows, scorer.heads, prompt=prompt)
    context = store.context(rows, prompt=prompt) if scorer.hidden is not None else None
    values[done] = scorers.score(scorer, z, context)
    videos = store.videos()
    frames = []
    for index in range(len(videos)):
        mine = table.video == index
        frames.append(
            events.frame_scores(table.start_frame[mine], table.end_frame[mine], values[mine], int(videos.frames[index]))
        )
    pending = int((table.status == RowStatus.PLANNED).sum())
    if pending:
        notes.append(f"{pending} segments are not extracted yet: run `vadkit extract` again to finish")
    inputs = inputs | {"rows": store.rows_digest(table)}
    artefact = store.write_artefact(
        "scores",
        config.name or scorer_name,
        stage="score",
        config=asdict(config),
        seed=None,
        inputs=inputs,
        facts={
            "scorer": scorer_name,
            "method": scorer.method,
            "prompt": scorer.facts["prompt"]["id"],
            "fitted_on": list(scorer.facts.get("videos", ())),
        },
        arrays={
            "row": (table.row, ("segment",)),
            "video": (table.video, ("segment",)),
            "start_frame": (table.start_frame, ("segment",)),
            "end_frame": (table.end_frame, ("segment",)),
            "score": (values, ("segment",)),
            "frame_offset": (np.cumsum([0, *(len(f) for f in frames)]), ("video_edge",)),
            "frame_score": (np.concatenate([*frames, np.empty(0)]).astype(np.float32), ("frame",)),
        },
    )
    return ScoreReport(
        name=artefact.name,
        scorer=scorer_name,
        segments=int(np.isfinite(values).sum()),
        unscored=int((~np.isfinite(values)).sum()),
        videos=len(np.unique(table.video[done])),
        notes=tuple(notes),
    )
