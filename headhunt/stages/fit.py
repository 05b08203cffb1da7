"""Features -> scorer: fit a light scorer on the chosen heads of the labelled rows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from headhunt.arrays import Bool
from headhunt.artefacts import head_sets, references, scorers, seen
from headhunt.artefacts.learnt import ROWS_INPUT
from headhunt.artefacts.scorers import FittedOn
from headhunt.configs.fit import FOLDS, FitConfig
from headhunt.configs.option import to_json
from headhunt.errors import ComputeError, LabelError
from headhunt.files import StrPath, check_writable
from headhunt.progress import Progress, silent
from headhunt.records import Head
from headhunt.scorers import METHODS, Fitted, Scorer
from headhunt.scorers.method import check_options, options
from headhunt.stages.cross_fitting import Fit, OutOfFold, cross_fit
from headhunt.stages.labelled_rows import LabelledRows, labelled_rows
from headhunt.store import Store, check_name

__all__ = ["FitConfig", "FitReport", "fit"]


@dataclass(frozen=True, repr=False)
class FitReport:
    """What a run of `fit` made.

    Attributes:
        name: Name of the scorer in the store.
        method: Its method.
        heads: Its heads.
        prompt: Its prompt.
        parameters: How many numbers it has.
        rows: Labelled rows it was fitted on.
        positives: How many of them are abnormal.
        unit: Their unit.
        loss: First and last training loss, None where the method has none.
        folds: In how many folds labelled videos were scored out of fold, 0 where they were not.
        notes: What the user should know.
    """

    name: str
    method: str
    heads: tuple[Head, ...]
    prompt: str
    parameters: int
    rows: int
    positives: int
    unit: str
    loss: tuple[float, float] | None
    folds: int
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<FitReport scorers/{self.name}: {self.method} on {len(self.heads)} heads, prompt {self.prompt!r}, "
            f"{self.parameters} parameters, from {self.rows} {self.unit} rows ({self.positives} abnormal); next: score>"
        )


def fit(
    store_path: StrPath,
    config: FitConfig | None = None,
    *,
    output: StrPath | None = None,
    progress: Progress = silent,
) -> FitReport:
    """Fit a scorer and write it as `scorers/<name>`.

    Args:
        store_path: The store.
        config: How; the defaults when left out.
        output: Also write it there (safetensors and JSON).
        progress: Called with how far the cross-fitting is.

    Raises:
        LabelError: Labelled rows of one class only, or too few videos for the folds that are asked for.
        UsageError: An option that the method does not have.
        InputError: The method reads the context, and the store holds none.
        StaleError: There is no such head set.
    """
    config = FitConfig() if config is None else config
    check_name(config.name)
    for file in () if output is None else scorers.files_of(output):
        check_writable(file)
    own = config.own
    check_options(config.method, own)
    method = METHODS[config.method]
    effective = to_json(config) | {"options": options(method) | own}
    store = Store(store_path, writable=True)
    chosen = references.heads(config.heads, store)
    rows = labelled_rows(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    prompt = config.prompt or references.default_prompt(store)
    context = store.context(rows.table.row, prompt=prompt) if "context" in method.reads(own) else None
    hidden = None if context is None else context.shape[1]

    def fitted_to(heads: tuple[Head, ...], part: Bool) -> tuple[Scorer, Fitted]:
        z = store.heads(rows.table.row[part], heads, prompt=prompt)
        found = method.fit(z, None if context is None else context[part], rows.y[part], seed=config.seed, **own)
        return Scorer(config.method, heads, store.spec.head_dim, hidden, found.arrays, {}), found

    plain, fitted = fitted_to(chosen.head_set.heads, np.ones(len(rows.y), bool))
    arrays, loss = fitted.arrays, fitted.loss
    fitted_on = FittedOn(
        prompt=store.fingerprint.prompts[store.place_of_prompt(prompt)],
        fingerprint=store.fingerprint,
        model=store.info.get("model"),
        revision=store.info.get("revision"),
        saliency=chosen.head_set.saliency,
        head_set=chosen.name,
        config=effective,
        rows=len(rows.table),
        positives=int(rows.y.sum()),
        unit=rows.unit,
        labelled_rows=rows.digest,
        videos=tuple(name for name, _ in rows.learnt_from),
        learnt_from=seen.join(rows.learnt_from, head_sets.learnt_from(chosen.head_set)),
    )
    made = replace(plain, facts=fitted_on.to_json())
    folds, notes = _out_of_fold(store, config, rows, chosen, lambda h, part: fitted_to(h, part)[0], prompt, progress)
    inputs = {ROWS_INPUT: rows.digest}
    if chosen.name is not None and chosen.digest is not None:
        inputs[f"heads/{chosen.name}"] = chosen.digest
    artefact = scorers.write(
        store,
        config.name or config.method,
        made,
        loss=loss,
        config=effective,
        seed=config.seed,
        inputs=inputs,
        beside={**rows.arrays, **({} if folds is None else folds.arrays)},
        folds=None if folds is None else folds.facts,
    )
    if output is not None:
        scorers.save(made, output)
    return FitReport(
        name=artefact.name,
        method=config.method,
        heads=chosen.head_set.heads,
        prompt=prompt,
        parameters=int(sum(np.size(v) for v in arrays.values())),
        rows=len(rows.table),
        positives=int(rows.y.sum()),
        unit=rows.unit,
        loss=None if loss is None or not len(loss) else (float(loss[0]), float(loss[-1])),
        folds=0 if folds is None else len(folds.heads),
        notes=(*rows.notes, *chosen.notes, *notes),
    )


def _out_of_fold(
    store: Store,
    config: FitConfig,
    rows: LabelledRows,
    chosen: references.Chosen,
    fit: Fit,
    prompt: str,
    progress: Progress,
) -> tuple[OutOfFold | None, list[str]]:
    """Scores out of fold where they are wanted and can be had, and notes."""
    wanted = config.folds
    if wanted is None:
        wanted = 0 if "val" in store.videos().split else FOLDS
    if not wanted or not len(store.segments().of_unit("segment").done()):
        return None, []
    selection = None if chosen.selection is None or store.subset is not None else chosen.selection
    try:
        found = cross_fit(
            store,
            rows,
            wanted,
            fit,
            heads=chosen.head_set.heads,
            selection=selection,
            prompt=prompt,
            seed=config.seed,
            progress=progress,
        )
    except (LabelError, ComputeError) as error:  # a damaged store is no reason to go on without
        if config.folds is not None:
            raise
        return None, [f"no scores out of fold, a calibration will see fitted rows: {error.line}"]
    notes = []
    if len(found.heads) < wanted:
        notes.append(f"{len(found.heads)} folds: so few labelled videos allow no more")
    if not found.selected:
        notes.append(f"the heads are the same in all {len(found.heads)} folds: they were not selected in this store")
    return found, notes
