"""What is in a store: counts, status, artefacts; with `verify` every chunk is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import numpy as np

from headhunt.errors import HeadhuntError
from headhunt.files import StrPath
from headhunt.progress import Progress, silent
from headhunt.records import Json
from headhunt.store import RowStatus, Store, VideoStatus
from headhunt.store.layout import KINDS, SHARD_ROWS


def inspect(store_path: StrPath, *, verify: bool = False, progress: Progress = silent) -> Json:
    """Describe a store as plain JSON.

    Args:
        store_path: The store.
        verify: Also read every chunk of every shard that holds finished rows, checksums included.
        progress: Called with how far the check is.

    Returns:
        model, fingerprint, videos, segments, artefacts, bytes, failed (path, reason); with `verify` also `damaged`, one
        line a damaged shard, empty when all is sound.
    """
    store = Store(store_path)
    videos, table = store.videos(), store.segments()
    result: Json = {
        "store": str(store_path),
        "info": store.info,
        "spec": asdict(store.spec),
        "fingerprint": store.fingerprint.to_json(),
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
                {"name": name, "made_by": store.artefact(kind, name).made_by, "current": name == _current(store, kind)}
                for name in store.names(kind)
            ]
            for kind in KINDS
            if store.names(kind)
        },
    }
    if verify:
        result["damaged"] = _verify(store, progress)
    return result


def _current(store: Store, kind: str) -> str:
    return str(store.root[kind].attrs.get("current"))


def _verify(store: Store, progress: Progress) -> list[str]:
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
