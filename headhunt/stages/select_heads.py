"""Features -> head set: rank every head by how well it separates the labelled rows, keep the best."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass

import numpy as np

from headhunt import ranking
from headhunt.arrays import Float32, Int64
from headhunt.artefacts import head_sets
from headhunt.artefacts.learnt import ROWS_INPUT
from headhunt.configs.option import to_json
from headhunt.configs.select_heads import RSS, SelectConfig
from headhunt.files import StrPath
from headhunt.prefetch import prefetch
from headhunt.progress import Progress, silent
from headhunt.records import HeadSet
from headhunt.saliency import SaliencyOptions, measure
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.store import SHARD_ROWS, Store

__all__ = ["SelectConfig", "SelectReport", "select_heads"]

READ_BYTES = 64 << 20  # of features in one go, where a layer alone is less


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
    store = Store(store_path, writable=True)
    rows = labelled_rows(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    prompts = config.prompt_ids or store.prompts
    saliencies = ranking.RSS if config.saliency == RSS else (config.saliency,)
    spec = store.spec
    first, last = (0, spec.heads - 1) if config.among is None else config.among
    ranking.check_among((first, last), spec.heads)
    layers = spec.layers
    options = SaliencyOptions(
        seed=config.seed,
        average=config.average,
        shrinkage=config.shrinkage,
        n_neighbors=config.n_neighbors,
    )
    values = np.full((len(saliencies), len(prompts), layers, spec.heads), np.nan)
    with closing(prefetch(_layers(store, rows.table.row, prompts, layers), ahead=1)) as read:
        for p, layer, z in read:
            progress("layers", p * layers + layer, len(prompts) * layers)

            def name(head: int, layer: int = layer, prompt: str = prompts[p]) -> str:
                return f"head ({layer}, {first + head}), prompt {prompt!r}"

            found = measure(z[:, first : last + 1], rows.y, saliencies, options=options, names=name)
            for s, of_heads in enumerate(found.values()):
                values[s, p, layer, first : last + 1] = of_heads
    progress("layers", len(prompts) * layers, len(prompts) * layers)
    ranked = values[..., first : last + 1]
    if config.saliency == RSS:
        combined = ranking.combine(dict(zip(saliencies, ranked, strict=True)))
    else:  # prompts differ in scale: they are compared only where there are several
        combined = ranking.min_max(ranked[0]) if len(prompts) > 1 else ranked[0]
    of_ranked = ranking.robust(combined, penalty=config.penalty)
    k = ranking.auto_k(of_ranked) if config.k == "auto" else config.k
    provenance = {
        "config": to_json(config),
        "rows": len(rows.table),
        "positives": int(rows.y.sum()),
        "videos": rows.videos,
        "unit": rows.unit,
        "prompts": list(prompts),
        "calibration": rows.digest,
        "learnt_from": [list(pair) for pair in rows.learnt_from],
        "weights": store.fingerprint.weights,
        "spec": asdict(spec),
    }
    head_set = ranking.top_k(of_ranked, k, saliency=config.saliency, provenance=provenance, first_head=first)
    notes = list(rows.notes)
    if len(prompts) == 1 and config.saliency == RSS:
        notes.append("one prompt: the score is its saliency, without the penalty for varying over prompts")
    score = np.full((layers, spec.heads), np.nan)
    score[:, first : last + 1] = of_ranked
    artefact = head_sets.write(
        store,
        config.name or config.saliency,
        head_set,
        saliency=values,
        score=score,
        saliencies=saliencies,
        prompts=prompts,
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
        tuple(prompts),
        tuple(notes),
    )


def _layers(
    store: Store, rows: Int64, prompts: Sequence[str], layers: int
) -> Generator[tuple[int, int, Float32], None, None]:
    """(place of the prompt in `prompts`, layer, its activations (n, h, d)) of every prompt and layer."""
    a_layer = 4 * max(len(rows), SHARD_ROWS) * store.spec.heads * store.spec.head_dim
    at_once = max(1, READ_BYTES // a_layer)
    for p, prompt in enumerate(prompts):
        for first in range(0, layers, at_once):
            several = range(first, min(first + at_once, layers))
            block = store.layers(rows, several, prompt=prompt)
            for i, layer in enumerate(several):
                yield p, layer, np.ascontiguousarray(block[:, i])
