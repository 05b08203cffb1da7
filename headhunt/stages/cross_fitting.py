"""Nested cross-fitting: scores of labelled videos by scorers that never saw them. No stage; writes nothing.

The videos are dealt into folds, each class evenly, copies of a file into one fold. For each fold heads are selected and
a scorer is fitted on the other folds' rows, and the segments of the fold are scored. What is tuned on such scores is
told how well it does on videos it has not seen, which scores of fitted rows do not tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Bool, Float64, Int64
from headhunt.artefacts.scorers import FOLD, FOLD_ROW, FOLD_SCORE
from headhunt.configs.select_heads import SelectConfig
from headhunt.datasets import sampling
from headhunt.errors import LabelError
from headhunt.progress import Progress, silent
from headhunt.records import Head, Json
from headhunt.scorers import score
from headhunt.scorers.scorer import Scorer
from headhunt.stages.labelled_rows import LabelledRows
from headhunt.stages.ranked_heads import rank
from headhunt.store import SegmentTable, Store
from headhunt.store.groups import Arrays

LEAST = 2  # videos of each class in a fold

Fit = Callable[[tuple[Head, ...], Bool], Scorer]
"""Heads and the rows to fit on (n,) -> a scorer."""


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """Scores of segments by scorers fitted without their videos.

    Attributes:
        table: The segments (n,).
        score: (n,), in [0, 1].
        fold: (n,), the fold of each segment's video, from 0.
        heads: The heads of each fold.
        selected: Whether heads were selected anew in each fold.
    """

    table: SegmentTable
    score: Float64
    fold: Int64
    heads: tuple[tuple[Head, ...], ...]
    selected: bool

    @property
    def facts(self) -> Json:
        """What an artefact says of them."""
        heads = [[[head.layer, head.head] for head in one] for one in self.heads]
        return {"n": len(self.heads), "selected_anew": self.selected, "heads": heads}

    @property
    def arrays(self) -> Arrays:
        """What an artefact keeps of them."""
        columns = {FOLD_ROW: self.table.row, FOLD_SCORE: self.score, FOLD: self.fold}
        return {name: (values, ("out_of_fold",)) for name, values in columns.items()}


def number_of_folds(videos: Mapping[int, bool], asked: int) -> int:
    """How many folds these videos allow, at most so many: each holds two videos of each class at least.

    Args:
        videos: Place of a video -> whether it is abnormal.
        asked: How many are wanted, >= 2.

    Raises:
        LabelError: Not even two.
    """
    abnormal = sum(videos.values())
    normal = len(videos) - abnormal
    possible = min(asked, abnormal // LEAST, normal // LEAST)
    if possible < 2:
        raise LabelError(
            "too few labelled videos for cross-fitting",
            got=f"{abnormal} abnormal and {normal} normal",
            expected=f"{2 * LEAST} or more of each",
            hint="label more videos, or fit with --folds 0",
        )
    return possible


def cross_fit(
    store: Store,
    rows: LabelledRows,
    n_folds: int,
    fit: Fit,
    *,
    heads: tuple[Head, ...],
    selection: SelectConfig | None,
    prompt: str,
    seed: int,
    progress: Progress = silent,
) -> OutOfFold:
    """Score the segments of the labelled videos out of fold.

    Args:
        store: The store.
        rows: The labelled rows.
        n_folds: How many folds at most, >= 2.
        fit: Fits a scorer.
        heads: The heads, where they stay as they are.
        selection: How they were selected, to be done anew in each fold; None where they stay as they are.
        prompt: The prompt that the scorer reads.
        seed: Of the dealing.
        progress: Called with how far it is.

    Raises:
        LabelError: Too few videos of a class.
        ComputeError: A saliency cannot be computed.
    """
    videos, of_row = store.videos(), rows.table.video
    used = np.unique(of_row)
    abnormal = {int(i): bool(videos.abnormal_at(int(i))) for i in used}
    n_folds = number_of_folds(abnormal, n_folds)
    fold_of = _dealt(videos.path, videos.digest, abnormal, n_folds, seed)
    row_fold = np.array([fold_of[int(i)] for i in of_row], np.int64)
    parts = [row_fold != fold for fold in range(n_folds)]
    if selection is None:
        chosen = [heads] * n_folds
    else:
        found = rank(store, rows.table.row, rows.y, parts, selection, progress=progress)
        chosen = [one.head_set(selection.saliency, {}).heads for one in found]
    table = store.segments().of_unit("segment").done()
    table = table.where(np.isin(table.video, used))
    fold = np.array([fold_of[int(i)] for i in table.video], np.int64)
    values = np.full(len(table), np.nan)
    for number, part in enumerate(parts):
        scorer, mine = fit(chosen[number], part), fold == number
        some = table.row[mine]
        z = store.heads(some, scorer.heads, prompt=prompt)
        context = store.context(some, prompt=prompt) if "context" in scorer.reads else None
        values[mine] = score(scorer, z, context)
    return OutOfFold(table, values, fold, tuple(chosen), selection is not None)


def _dealt(
    paths: Sequence[str], contents: Sequence[str], abnormal: Mapping[int, bool], n_folds: int, seed: int
) -> dict[int, int]:
    """Place of a video -> its fold; files of one content share a fold."""
    groups: dict[str, list[int]] = {}
    for index in abnormal:
        groups.setdefault(contents[index] or f"path:{paths[index]}", []).append(index)
    named = {min(paths[i] for i in members): members for members in groups.values()}
    dealt = sampling.deal({name: abnormal[members[0]] for name, members in named.items()}, n_folds, seed=seed)
    return {index: dealt[name] for name, members in named.items() for index in members}
