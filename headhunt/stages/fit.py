"""Features -> scorer: fit a light scorer on the chosen heads of the labelled rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headhunt.artefacts import head_sets, references, scorers, seen
from headhunt.artefacts.learnt import ROWS_INPUT
from headhunt.artefacts.scorers import FittedOn
from headhunt.configs.fit import FitConfig
from headhunt.configs.option import to_json
from headhunt.files import StrPath
from headhunt.records import Head
from headhunt.scorers import METHODS, Scorer
from headhunt.scorers.method import check_options, options
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.store import Store

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
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<FitReport scorers/{self.name}: {self.method} on {len(self.heads)} heads, prompt {self.prompt!r}, "
            f"{self.parameters} parameters, from {self.rows} {self.unit} rows ({self.positives} abnormal); next: score>"
        )


def fit(store_path: StrPath, config: FitConfig | None = None, *, output: StrPath | None = None) -> FitReport:
    """Fit a scorer and write it as `scorers/<name>`, and to `output` (safetensors and JSON) when given.

    Raises:
        LabelError: Labelled rows of one class only.
        UsageError: An option that the method does not have.
        InputError: The method reads the context, and the store holds none.
        StaleError: There is no such head set.
    """
    config = FitConfig() if config is None else config
    own = config.own
    check_options(config.method, own)
    method = METHODS[config.method]
    effective = to_json(config) | {"options": options(method) | own}
    store = Store(store_path, writable=True)
    chosen = references.heads(config.heads, store)
    rows = labelled_rows(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    prompt = config.prompt or references.default_prompt(store)
    z = store.heads(rows.table.row, chosen.head_set.heads, prompt=prompt)
    context = store.context(rows.table.row, prompt=prompt) if "context" in method.reads(own) else None
    fitted = method.fit(z, context, rows.y, seed=config.seed, **own)
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
    hidden = None if context is None else context.shape[1]
    made = Scorer(config.method, chosen.head_set.heads, store.spec.head_dim, hidden, arrays, fitted_on.to_json())
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
        rows=rows.arrays,
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
        notes=(*rows.notes, *chosen.notes),
    )
