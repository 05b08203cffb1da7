"""What a store learns of videos whose files changed: which file it is now, or that its rows hold no longer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np

from headhunt.errors import StoreBusyError
from headhunt.store.chunks import WHOLE
from headhunt.store.layout import SHARD_ROWS, RowStatus
from headhunt.store.locks import disk_error, lock
from headhunt.store.reader import Store
from headhunt.store.shards import claim_shard
from headhunt.store.writer import set_column


def note_files(store: Store, seen: Mapping[int, tuple[int, str]]) -> None:
    """Write down which files videos have.

    Args:
        store: The store, writable.
        seen: Row in /videos -> modified_ns and digest of its file.
    """
    if not seen:
        return
    with lock(store.path, "plan"):
        store = Store(store.path, writable=True)
        try:
            for k, name in enumerate(("modified_ns", "digest")):
                set_column(store, name, seen, [file[k] for file in seen.values()])
        except OSError as error:
            raise disk_error(store.path, error) from error


def retire(store: Store, videos: Mapping[int, int]) -> None:
    """Let the rows of some videos count no longer: they become padding, and the videos can be planned anew.

    Args:
        store: The store, writable.
        videos: Row in /videos -> bytes of the file that its rows were planned for. One that was planned anew since, by
            another process, is left alone.

    Raises:
        StoreBusyError: Another process writes some of the rows.
    """
    if not videos:
        return
    with ExitStack() as held:
        held.enter_context(lock(store.path, "plan"))
        store = Store(store.path, writable=True)
        known, table = store.videos(), store.segments()
        stale = [index for index, size in videos.items() if int(known.bytes[index]) == size]
        rows = table.row[np.isin(table.video, stale)]
        for shard in np.unique(rows // SHARD_ROWS).tolist():
            if not held.enter_context(claim_shard(store, shard)):
                raise StoreBusyError(
                    f"another process writes rows of videos that grew, in {store.path}",
                    hint="wait for it before they are extracted anew",
                )
        try:
            for shard in np.unique(rows // SHARD_ROWS).tolist():
                first = shard * SHARD_ROWS
                array = store.root["segments/status"].with_config(WHOLE)
                status = array[first : first + SHARD_ROWS]
                status[rows[rows // SHARD_ROWS == shard] - first] = RowStatus.EMPTY
                array[first : first + SHARD_ROWS] = status
        except OSError as error:
            raise disk_error(store.path, error) from error
