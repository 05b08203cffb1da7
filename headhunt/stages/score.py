"""Features -> scores: run a fitted scorer over every segment."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headhunt.artefacts import references, scores
from headhunt.artefacts.scorers import FittedOn
from headhunt.configs.option import to_json
from headhunt.configs.score import ScoreConfig
from headhunt.errors import InputError
from headhunt.files import StrPath
from headhunt.scorers import score as score_rows
from headhunt.store import RowStatus, Store

__all__ = ["ScoreConfig", "ScoreReport", "score"]


@dataclass(frozen=True, repr=False)
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

    def __repr__(self) -> str:
        return (
            f"<ScoreReport scores/{self.name}: {self.segments} segments of {self.videos} videos by {self.scorer}, "
            f"{self.unscored} without a score; next: localize, or scores_table(store)>"
        )


def score(store_path: StrPath, config: ScoreConfig | None = None) -> ScoreReport:
    """Score every segment row; a row that failed is NaN, never a number.

    Writes `scores/<name>`: `row`, `video`, `start_frame`, `end_frame` and `score` of every segment.

    Raises:
        FingerprintError: The scorer was fitted on other features.
        StaleError: There is no scorer, or what it was made from changed.
    """
    config = ScoreConfig() if config is None else config
    store = Store(store_path, writable=True)
    origin = None if config.origin is None else Store(config.origin)
    named = references.scorer(config.scorer, store, origin)
    found = named.scorer
    notes = list(named.notes)
    notes += [f"versions differ, scores may move a little: {line}" for line in references.check_scorer(found, store)]
    fitted_on = FittedOn.of(found)
    table = store.segments().of_unit("segment")
    if not len(table):
        raise InputError(f"{store_path} holds no segments", hint="extract with --units segment or both")
    values = np.full(len(table), np.nan)
    done = table.status == RowStatus.DONE
    rows = table.row[done]
    z = store.heads(rows, found.heads, prompt=fitted_on.prompt.id)
    context = store.context(rows, prompt=fitted_on.prompt.id) if "context" in found.reads else None
    values[done] = score_rows(found, z, context)
    pending = int((table.status == RowStatus.PLANNED).sum())
    if pending:
        notes.append(f"{pending} segments are not extracted yet: run `vadkit extract` again to finish")
    artefact = scores.write(
        store,
        config.name or named.name,
        table,
        values,
        scorer=named.name,
        method=found.method,
        prompt=fitted_on.prompt.id,
        fitted_on=fitted_on.videos,
        learnt_from=fitted_on.learnt_from,
        config=to_json(config),
        inputs=named.inputs,
    )
    return ScoreReport(
        name=artefact.name,
        scorer=named.name,
        segments=int(np.isfinite(values).sum()),
        unscored=int((~np.isfinite(values)).sum()),
        videos=len(np.unique(table.video[done])),
        notes=tuple(notes),
    )
