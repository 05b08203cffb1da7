"""Metrics: what `evaluate` measured, as a group of a store."""

from __future__ import annotations

from headhunt.records import Json
from headhunt.store import Artefact, Store


def write(
    store: Store, name: str, result: Json, *, events: Artefact, scores: Artefact, config: Json, seed: int
) -> Artefact:
    """Write metrics as `metrics/<name>`.

    Args:
        store: The store, writable.
        name: Name of the metrics.
        result: What was measured, plain JSON.
        events: The events that were measured.
        scores: The scores they were found in.
        config: Configuration of the stage.
        seed: Seed of the bootstrap.
    """
    return store.write_artefact(
        "metrics",
        name,
        stage="evaluate",
        config=config,
        seed=seed,
        inputs={f"events/{events.name}": events.digest, f"scores/{scores.name}": scores.digest},
        facts=result,
        arrays={},
    )
