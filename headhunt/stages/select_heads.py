"""Features -> head set: rank every head by how well it separates the labelled rows, keep the best."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from headhunt.artefacts import head_sets
from headhunt.artefacts.learnt import ROWS_INPUT
from headhunt.configs.option import to_json
from headhunt.configs.select_heads import SelectConfig
from headhunt.files import StrPath, check_writable
from headhunt.progress import Progress, silent
from headhunt.records import HeadSet
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.stages.ranked_heads import notes_on, rank
from headhunt.store import Store, check_name

__all__ = ["SelectConfig", "SelectReport", "select_heads"]


@dataclass(frozen=True, repr=False)
class SelectReport:
    """What a run of `select_heads` found.

    Attributes:
        name: Name of the head set in the store.
        head_set: The heads.
        rows: Labelled rows it was found on.
        positives: How many of them are abnormal.
        videos: How many videos they come from.
        unit: Their unit.
        prompts: The prompts.
        notes: What the user should know.
    """

    name: str
    head_set: HeadSet
    rows: int
    positives: int
    videos: int
    unit: str
    prompts: tuple[str, ...]
    notes: tuple[str, ...]

    def __repr__(self) -> str:
        return (
            f"<SelectReport heads/{self.name}: {' '.join(map(str, self.head_set.heads))} over {len(self.prompts)} "
            f"prompts, from {self.rows} {self.unit} rows ({self.positives} abnormal) of {self.videos} videos; "
            "next: fit>"
        )


def select_heads(
    store_path: StrPath,
    config: SelectConfig | None = None,
    *,
    output: StrPath | None = None,
    progress: Progress = silent,
) -> SelectReport:
    """Rank the heads of a store and write the best as a head set.

    Writes `heads/<name>`: `saliency` (saliency, prompt, layer, head), `score` (layer, head), `picked_layer` and
    `picked_head` (pick). Heads that were not ranked are NaN in both.

    Args:
        store_path: The store; it must hold all heads.
        config: How; the defaults when left out.
        output: Also write the set as JSON there.
        progress: Called with how far it is.

    Raises:
        LabelError: Too few labelled rows of a class.
        ComputeError: A saliency cannot be computed; says for which head and prompt.
    """
    config = SelectConfig() if config is None else config
    check_name(config.name)
    check_writable(output)
    store = Store(store_path, writable=True)
    rows = labelled_rows(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    (ranked,) = rank(store, rows.table.row, rows.y, [np.ones(len(rows.y), bool)], config, progress=progress)
    provenance = {
        "config": to_json(config),
        "rows": len(rows.table),
        "positives": int(rows.y.sum()),
        "videos": rows.videos,
        "unit": rows.unit,
        "prompts": list(ranked.prompts),
        "calibration": rows.digest,
        "learnt_from": [list(pair) for pair in rows.learnt_from],
        "weights": store.fingerprint.weights,
        "spec": asdict(store.spec),
    }
    head_set = ranked.head_set(config.saliency, provenance)
    notes = [*rows.notes, *notes_on(store, len(rows.table), ranked.prompts, config)]
    artefact = head_sets.write(
        store,
        config.name or config.saliency,
        head_set,
        saliency=ranked.saliency,
        score=ranked.score,
        saliencies=ranked.saliencies,
        prompts=ranked.prompts,
        config=to_json(config),
        seed=config.seed,
        inputs={ROWS_INPUT: rows.digest},
        rows=rows.arrays,
    )
    if output is not None:
        head_sets.write_file(head_set, output)
    return SelectReport(
        artefact.name,
        head_set,
        len(rows.table),
        int(rows.y.sum()),
        rows.videos,
        rows.unit,
        ranked.prompts,
        tuple(notes),
    )
