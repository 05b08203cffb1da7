"""What is in a store: counts, status, artefacts; with `verify` every chunk of every array is read."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import asdict

import numpy as np

from headhunt.errors import HeadhuntError, StoreError
from headhunt.files import StrPath
from headhunt.progress import Progress, silent
from headhunt.records import Json
from headhunt.store import RowStatus, Store, VideoStatus
from headhunt.store.layout import KINDS, SHARD_ROWS


def inspect(store_path: StrPath, *, verify: bool = False, progress: Progress = silent) -> Json:
    """Describe a store as plain JSON.

    Args:
        store_path: The store.
        verify: Also read every chunk of every table and artefact, and of every shard that holds finished rows.
        progress: Called with how far the check is.

    Returns:
        store, info, spec, fingerprint, videos, segments, artefacts, bytes, failed (path, reason); with `verify` also
        `damaged`, a line for everything that is missing, short or altered, empty when all is sound, and `absent`, the
        chunks that an earlier version left out because they are all fill. Where damage keeps the tables or artefacts
        from being read, what would be told of them is left out.

    Raises:
        DamagedError: Without `verify`: a table or an artefact is damaged.
    """
    store = Store(store_path)
    told: Json = {
        "store": str(store_path),
        "info": store.info,
        "spec": asdict(store.spec),
        "fingerprint": store.fingerprint.to_json(),
    }
    if not verify:
        return told | _described(store)
    damaged, absent = _verify(store, progress)
    if not damaged:
        told |= _described(store)
    else:
        with suppress(StoreError):
            told |= _described(store)
    return told | {"damaged": damaged, "absent": absent}


def _described(store: Store) -> Json:
    videos, table = store.videos(), store.segments()
    return {
        "videos": len(videos),
        "video_status": dict(sorted(Counter(VideoStatus(s).name.lower() for s in videos.status).items())),
        "splits": dict(sorted(Counter(videos.split).items())),
        "labels": dict(sorted(Counter(videos.label).items())),
        "events_known": sum(e is not None for e in videos.events),
        "segments": len(table),
        "segment_status": dict(sorted(Counter(RowStatus(s).name.lower() for s in table.status).items())),
        "reused": int((table.source >= 0).sum()),
        "bytes": sum(f.stat().st_size for f in sorted(store.path.rglob("*")) if f.is_file()),
        "failed": [
            [path, reason]
            for path, status, reason in zip(videos.path, videos.status, videos.reason, strict=True)
            if status in {VideoStatus.FAILED, VideoStatus.PARTIAL}
        ],
        "artefacts": {
            kind: [
                {"name": name, "made_by": store.artefact(kind, name).made_by, "current": name == store.current(kind)}
                for name in store.names(kind)
            ]
            for kind in KINDS
            if store.names(kind)
        },
    }


def _verify(store: Store, progress: Progress) -> tuple[list[str], list[str]]:
    """Read everything: a line for whatever is damaged, and the chunks that are not there and count as all fill."""
    damaged, absent = [], []
    for read in (store.segments, store.videos):
        try:
            read()
        except StoreError as error:
            damaged.append(error.line)
    if not damaged:
        absent = [f"{table}/{name}/c/{n}" for table, found in store.tables.absent_chunks().items() for name, n in found]
        damaged += _verify_features(store, progress)
    for kind in KINDS:
        for name in store.names(kind):
            try:
                store.artefact(kind, name)
            except StoreError as error:
                damaged.append(error.line)
    return list(dict.fromkeys(damaged)), absent


def _verify_features(store: Store, progress: Progress) -> list[str]:
    """Read all features of all finished rows; one line for each shard and prompt that cannot be read."""
    done = store.segments().done().row
    shards = np.unique(done // SHARD_ROWS)
    damaged = []
    for i, shard in enumerate(shards):
        progress("shards", i, len(shards))
        rows = done[done // SHARD_ROWS == shard]
        for prompt in store.prompts:
            try:
                if store.subset is not None:
                    store.heads(rows, store.subset, prompt=prompt)
                else:
                    for layer in range(store.spec.layers):
                        store.layer(rows, layer, prompt=prompt)
                if store.has_context:
                    store.context(rows, prompt=prompt)
            except HeadhuntError as error:
                damaged.append(f"prompt {prompt!r}: {error.line}")
    progress("shards", len(shards), len(shards))
    return damaged
