"""A store with made-up features in which chosen heads know the answer; no model and no video is needed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headhunt import segments
from headhunt import store as stores
from headhunt.fingerprint import Fingerprint
from headhunt.records import Head, Interval, ManifestRow, ModelSpec, Segment
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import PlannedVideo, ShardWriter, Store

SPEC = ModelSpec(layers=3, heads=4, head_dim=6, hidden=10)
KNOWING = (Head(1, 2), Head(2, 0))
FINGERPRINT = {
    "weights": "sha256:0",
    "architecture": "X",
    "config": "sha256:1",
    "dtype": "float32",
    "attention": "sdpa",
    "method": "packed",
    "transformers": "5",
    "decoder": "av",
    "preprocess": {"height": 8},
    "sampling": {"length": 48, "stride": 48, "n_frames": 16, "tail": "keep"},
    "prompts": [{"id": "p1", "text": "One?"}, {"id": "coarse", "text": "Two?"}],
    "frame_text": "F<image>",
    "system": None,
    "tokens": "0",
    "heads": "all",
    "context": "final",
}


def manifest_rows(n: int = 20, *, n_segments: int = 6) -> list[ManifestRow]:
    """Videos in the splits train, val and test by turns, every other one abnormal in its second third."""
    rows = []
    for i in range(n):
        split = ("train", "train", "val", "test")[i % 4]
        abnormal = i // 4 % 2 == 1 if i % 4 != 1 else i // 4 % 2 == 0
        third = 48 * n_segments // 3
        events = (Interval(third, 2 * third),) if abnormal else ()
        rows.append(
            ManifestRow(f"{i:02d}.mp4", split, "abnormal" if abnormal else "normal", events, "fire" if abnormal else "")
        )
    return rows


def make_store(
    path: Path,
    *,
    rows: list[ManifestRow] | None = None,
    n_segments: int = 6,
    short: int = 0,
    strength: float = 3.0,
    seed: int = 0,
    labelled: bool = True,
    failed: tuple[int, ...] = (),
    **fingerprint: object,
) -> Store:
    """Write the store; the features follow the true events of `rows`, whatever labels are given later.

    Every video has `short` frames less than its segments would need: the last one is cut.
    """
    rows = manifest_rows(n_segments=n_segments) if rows is None else rows
    store = stores.create(
        path,
        fingerprint=Fingerprint.from_json(FINGERPRINT | fingerprint),
        spec=SPEC,
        info={"scoring": "coarse", "model": "made up", "revision": None, "notes": []},
    )
    planned = []
    for row in rows:
        n = 48 * n_segments - short
        cut = [Segment(row.video, 48 * k, min(48 * k + 48, n)) for k in range(n_segments)]
        cut.append(Segment(row.video, 0, n, "video"))
        times = np.array([[s.start_frame / 25, s.end_frame / 25] for s in cut])
        manifest = row if labelled else ManifestRow(row.video)
        planned.append(PlannedVideo(manifest, n, 25.0, n / 25, 1, tuple(cut), times))
    store = stores.plan(store, planned)
    table = store.segments()
    truth = np.zeros(len(table), bool)
    for i, row in enumerate(rows):
        mine = np.flatnonzero(table.video == i)
        parts = mine[table.unit[mine] == 0]
        truth[parts] = segments.overlap_labels(table.start_frame[parts], table.end_frame[parts], row.events or ())
        truth[mine[table.unit[mine] == 1]] = bool(row.events)
    generator = np.random.default_rng(seed)
    heads = generator.normal(size=(len(table), 2, 3, 4, 6)).astype(np.float32)
    direction = generator.normal(size=(len(KNOWING), 6))
    for k, head in enumerate(KNOWING):
        heads[truth, :, head.layer, head.head] += strength * direction[k]
    context = generator.normal(size=(len(table), 2, 10)).astype(np.float32)
    for shard in np.unique(table.row // stores.SHARD_ROWS):
        with stores.claim_shard(store, int(shard)) as claimed:
            assert claimed
            writer = ShardWriter(store, int(shard))
            mine = [i for i, r in enumerate(table.row) if r // stores.SHARD_ROWS == shard]
            good = [i for i in mine if i not in failed]
            writer.add([int(table.row[i]) for i in good], heads[good], context[good])
            for i in mine:
                if i in failed:
                    writer.fail(int(table.row[i]), "a frame could not be decoded")
            writer.flush()
    return stores.finish(store)


def chain(path: Path, method: str = "logistic", **options: object) -> dict:
    """Everything right of the store, with two heads."""
    select_heads(path, SelectConfig(k=2))
    fit(path, FitConfig(method=method, options=options))
    score(path, ScoreConfig())
    localize(path, LocalizeConfig(calibrate=True))
    return evaluate(path, EvaluateConfig(n_bootstrap=20))
