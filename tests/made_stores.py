"""Small stores, and features that say which row they belong to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headhunt import store as stores
from headhunt.fingerprint import Fingerprint
from headhunt.records import ManifestRow, ModelSpec, Segment
from headhunt.store import PlannedVideo, ShardWriter, Store

SPEC = ModelSpec(layers=3, heads=4, head_dim=8, hidden=16)
PRINT = {
    "prompts": [{"id": "a", "text": "A?"}, {"id": "b", "text": "B?"}],
    "heads": "all",
    "weights": "sha256:0",
    "dtype": "float32",
}
PICKS = [[2, 1], [0, 3]]


def make(path: Path, *, context: bool = True, **changes: object) -> Store:
    fingerprint = Fingerprint.from_json(PRINT | {"context": "final" if context else None} | changes)
    return stores.create(path, fingerprint=fingerprint, spec=SPEC, info={})


def planned(name: str, n: int, *, unit: str = "segment", problem: str = "", **row: object) -> PlannedVideo:
    segments = tuple(Segment(name, 48 * i, 48 * i + 48, unit) for i in range(n))
    times = np.array([[s.start_frame / 25, s.end_frame / 25] for s in segments]).reshape(-1, 2)
    return PlannedVideo(ManifestRow(name, **row), 48 * n, 25.0, 48 * n / 25, 10, segments, times, problem=problem)


def features(rows: list[int], *, subset: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Values that say which row they belong to, exact in float16."""
    shape = (2, 2, 8) if subset else (2, 3, 4, 8)
    base = np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 256
    heads = np.stack([base + row for row in rows]).astype(np.float16).astype(np.float32)
    context = np.stack([np.full((2, 16), row, np.float32) for row in rows])
    return heads, context


def fill(store: Store, *, subset: bool = False, stop: int | None = None) -> None:
    for shard in range(store.root["segments/status"].shape[0] // stores.SHARD_ROWS):
        with stores.claim_shard(store, shard) as claimed:
            assert claimed
            writer = ShardWriter(store, shard)
            rows = writer.pending()[:stop]
            if rows:
                heads, context = features(rows, subset=subset)
                writer.add(rows, heads, context if store.has_context else None)
            writer.flush()
