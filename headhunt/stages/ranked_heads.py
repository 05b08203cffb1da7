"""Heads ranked on labelled rows: what selecting does, and what cross-fitting repeats. No stage; opens no artefact."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from headhunt import ranking
from headhunt.arrays import Bool, Float32, Float64, Int64
from headhunt.artefacts.references import default_prompt
from headhunt.configs.select_heads import ALL, RSA, RSS, SCORING, SelectConfig
from headhunt.prefetch import prefetch
from headhunt.progress import Progress, silent
from headhunt.records import HeadSet, Json
from headhunt.saliency import SaliencyOptions, measure
from headhunt.store import SHARD_ROWS, Store

READ_BYTES = 64 << 20  # of features in one go, where a layer alone is less


@dataclass(frozen=True, eq=False)
class Ranked:
    """How the heads of a store rank on some rows.

    Attributes:
        saliency: (saliency, prompt, layer, head), NaN for heads that were not ranked.
        score: (layer, head), what they were ranked by, likewise.
        saliencies: Names along the first axis of `saliency`.
        prompts: Ids along the second.
        k: How many heads are taken.
        first_head: Index within a layer of the first head that was ranked.
    """

    saliency: Float64
    score: Float64
    saliencies: tuple[str, ...]
    prompts: tuple[str, ...]
    k: int
    first_head: int

    def head_set(self, name: str, provenance: Json) -> HeadSet:
        """The best heads."""
        ranked = self.score[:, ~np.isnan(self.score).all(axis=0)]
        return ranking.top_k(ranked, self.k, saliency=name, provenance=provenance, first_head=self.first_head)


def prompts_of(store: Store, config: SelectConfig) -> tuple[str, ...]:
    """Ids of the prompts that heads are ranked over: all of them, but for rsa the scoring one, as SteerVAD has it."""
    asked = config.prompt_ids
    if asked is None:
        asked = (SCORING,) if config.saliency == RSA else (ALL,)
    meant = {ALL: store.prompts, SCORING: (default_prompt(store),)}
    found = [prompt for word in asked for prompt in ((word,) if word in store.prompts else meant.get(word, (word,)))]
    return tuple(dict.fromkeys(found))


def rank(
    store: Store,
    rows: Int64,
    y: Bool,
    parts: Sequence[Bool],
    config: SelectConfig,
    *,
    progress: Progress = silent,
) -> list[Ranked]:
    """Rank the heads on several parts of some rows; each layer is read once for all of them.

    Args:
        store: The store; it must hold all heads.
        rows: Places in the feature arrays (n,).
        y: (n,), true for abnormal.
        parts: Each (n,), true for the rows that count.
        config: How.
        progress: Called with how far it is.

    Raises:
        LabelError: Too few rows of a class.
        ComputeError: A saliency cannot be computed; says for which head and prompt.
    """
    prompts = prompts_of(store, config)
    saliencies = ranking.RSS if config.saliency == RSS else (config.saliency,)
    spec, layers = store.spec, store.spec.layers
    first, last = (0, spec.heads - 1) if config.among is None else config.among
    ranking.check_among((first, last), spec.heads)
    options = SaliencyOptions(
        seed=config.kmeans_seed,
        starts=config.kmeans_starts,
        by_class=config.kmeans_order == "classes",
        average=config.average,
        shrinkage=config.shrinkage,
        n_neighbors=config.n_neighbors,
    )
    values = np.full((len(parts), len(saliencies), len(prompts), layers, spec.heads), np.nan)
    with closing(prefetch(_layers(store, rows, prompts, layers), ahead=1)) as read:
        for p, layer, z in read:
            progress("layers", p * layers + layer, len(prompts) * layers)

            def name(head: int, layer: int = layer, prompt: str = prompts[p]) -> str:
                return f"head ({layer}, {first + head}), prompt {prompt!r}"

            for i, part in enumerate(parts):
                some = z[:, first : last + 1] if part.all() else z[part, first : last + 1]
                found = measure(some, y[part], saliencies, options=options, names=name)
                values[i, :, p, layer, first : last + 1] = list(found.values())
    progress("layers", len(prompts) * layers, len(prompts) * layers)
    return [_ranked(found, config, saliencies, prompts, (first, last)) for found in values]


def _ranked(
    values: Float64,
    config: SelectConfig,
    saliencies: tuple[str, ...],
    prompts: tuple[str, ...],
    among: tuple[int, int],
) -> Ranked:
    first, last = among
    ranked = values[..., first : last + 1]
    if config.saliency == RSS:
        combined = ranking.combine(dict(zip(saliencies, ranked, strict=True)))
    else:  # prompts differ in scale: they are compared only where there are several
        combined = ranking.min_max(ranked[0]) if len(prompts) > 1 else ranked[0]
    of_ranked = ranking.robust(combined, penalty=config.penalty)
    score = np.full(values.shape[-2:], np.nan)
    score[:, first : last + 1] = of_ranked
    k = ranking.auto_k(of_ranked) if config.k == "auto" else config.k
    return Ranked(values, score, saliencies, prompts, k, first)


def notes_on(store: Store, n_rows: int, prompts: Sequence[str], config: SelectConfig) -> list[str]:
    """What the user should know of a ranking of so many rows."""
    notes = []
    if len(prompts) == 1 and config.saliency == RSS:
        notes.append("one prompt: the score is its saliency, without the penalty for varying over prompts")
    if config.saliency == RSA and len(prompts) > 1:
        notes.append(f"rsa over {len(prompts)} prompts is ours: SteerVAD ranks over its scoring prompt alone")
    if config.shrinkage == "ridge" and config.saliency in {RSS, "lda"} and n_rows <= store.spec.head_dim + 2:
        notes.append(
            f"lda with the published ridge on {n_rows} rows of {store.spec.head_dim} channels ranks heads by their "
            "scale: --shrinkage auto does not"
        )
    return notes


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
