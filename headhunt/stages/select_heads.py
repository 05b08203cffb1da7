"""Features -> head set: rank every head by how well it separates the labelled rows, keep the best."""

from __future__ import annotations

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from headhunt import ranking, saliency
from headhunt.arrays import Float32, Int64
from headhunt.errors import UsageError
from headhunt.files import write_atomic
from headhunt.prefetch import prefetch
from headhunt.progress import Progress, silent
from headhunt.records import HeadSet
from headhunt.saliency import SaliencyOptions
from headhunt.stages.labelled_rows import calibration
from headhunt.store import SHARD_ROWS, Store

RSS = ("lda", "kl", "mmd", "nmi")
READ_BYTES = 64 << 20  # of features in one go, where a layer alone is less
METRICS = ("rss", "rsa", "lda", "kl", "mmd", "nmi", "silhouette", "knn")


@dataclass(frozen=True)
class SelectConfig:
    """How heads are selected.

    Attributes:
        metric: "rss" (HeadHunt-VAD), "rsa" (SteerVAD), or a single saliency.
        k: How many heads; None finds the number itself.
        penalty: Weight of the standard deviation over prompts.
        prompt_ids: Only these prompts; None for all in the store.
        split: Split to learn from; None for "train".
        units: "auto", "segment", "video" or "both".
        fraction: Only this share of the labelled videos.
        seed: Seed of k-means and of that choice.
        shrinkage: lda: None (published ridge) or "ledoit-wolf".
        average: nmi: "arithmetic" or "geometric".
        n_neighbors: knn: neighbours looked at.
        name: Name of the head set; None for the metric's.
    """

    metric: str = "rss"
    k: int | None = 5
    penalty: float = 0.5
    prompt_ids: tuple[str, ...] | None = None
    split: str | None = None
    units: str = "auto"
    fraction: float | None = None
    seed: int = 0
    shrinkage: str | None = None
    average: str = "arithmetic"
    n_neighbors: int = 5
    name: str | None = None

    def __post_init__(self) -> None:
        if self.metric not in METRICS:
            raise UsageError("unknown metric", got=self.metric, expected=" or ".join(METRICS))
        if self.k is not None and self.k < 1:
            raise UsageError("--k must be at least 1", got=self.k)


@dataclass(frozen=True)
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


def select_heads(
    store_path: Path, config: SelectConfig, *, output: Path | None = None, progress: Progress = silent
) -> SelectReport:
    """Rank the heads of a store and write the best as a head set.

    Writes `heads/<name>`: `saliency` (metric, prompt, layer, head), `score` (layer, head), `picked_layer` and
    `picked_head` (pick).

    Args:
        store_path: The store; it must hold all heads.
        config: How.
        output: Also write the set as JSON there.
        progress: Called with how far it is.

    Raises:
        LabelError: Too few labelled rows of a class.
        ComputeError: A saliency cannot be computed; says for which head and prompt.
    """
    store = Store(store_path, writable=True)
    rows = calibration(store, split=config.split, units=config.units, fraction=config.fraction, seed=config.seed)
    prompts = config.prompt_ids or store.prompts
    metrics = RSS if config.metric == "rss" else (config.metric,)
    layers, heads = int(store.spec["layers"]), int(store.spec["heads"])
    options = SaliencyOptions(
        seed=config.seed,
        average=config.average,  # type: ignore[arg-type]
        shrinkage=config.shrinkage,  # type: ignore[arg-type]
        n_neighbors=config.n_neighbors,
    )
    scores = np.empty((len(metrics), len(prompts), layers, heads))
    with closing(prefetch(_layers(store, rows.table.row, prompts, layers), ahead=1)) as read:
        for p, layer, z in read:
            progress("layers", p * layers + layer, len(prompts) * layers)

            def name(head: int, layer: int = layer, prompt: str = prompts[p]) -> str:
                return f"head ({layer}, {head}), prompt {prompt!r}"

            for m, values in enumerate(saliency.measure(z, rows.y, metrics, options=options, names=name).values()):
                scores[m, p, layer] = values
    progress("layers", len(prompts) * layers, len(prompts) * layers)
    if config.metric == "rss":
        combined = ranking.combine({metric: scores[m] for m, metric in enumerate(metrics)})
    else:  # prompts differ in scale: they are compared only where there are several
        combined = ranking.min_max(scores[0]) if len(prompts) > 1 else scores[0]
    score = ranking.robust(combined, penalty=config.penalty)
    k = config.k if config.k is not None else ranking.auto_k(score)
    provenance = {
        "config": asdict(config),
        "rows": len(rows.table),
        "positives": int(rows.y.sum()),
        "videos": rows.videos,
        "unit": rows.unit,
        "prompts": list(prompts),
        "calibration": rows.digest,
        "weights": store.fingerprint["weights"],
        "spec": store.spec,
    }
    head_set = ranking.top_k(score, k, metric=config.metric, provenance=provenance)
    notes = list(rows.notes)
    if len(prompts) == 1 and config.metric == "rss":
        notes.append("one prompt: the score is its saliency, without the penalty for varying over prompts")
    artefact = store.write_artefact(
        "heads",
        config.name or config.metric,
        stage="select-heads",
        config=asdict(config),
        seed=config.seed,
        inputs={"calibration": rows.digest},
        facts={"head_set": head_set.to_json(), "metrics": list(metrics), "prompts": list(prompts)},
        arrays={
            "saliency": (scores, ("metric", "prompt", "layer", "head")),
            "score": (score, ("layer", "head")),
            "picked_layer": (np.array([h.layer for h in head_set.heads]), ("pick",)),
            "picked_head": (np.array([h.head for h in head_set.heads]), ("pick",)),
        },
    )
    if output is not None:
        write_atomic(output, json.dumps(head_set.to_json(), indent=1, sort_keys=False).encode() + b"\n")
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
    a_layer = 4 * max(len(rows), SHARD_ROWS) * int(store.spec["heads"]) * int(store.spec["head_dim"])
    at_once = max(1, READ_BYTES // a_layer)
    for p, prompt in enumerate(prompts):
        index = store.prompt_index(prompt)
        for first in range(0, layers, at_once):
            several = range(first, min(first + at_once, layers))
            block = store.layers(rows, several, prompt=index)
            for i, layer in enumerate(several):
                yield p, layer, np.ascontiguousarray(block[:, i])
