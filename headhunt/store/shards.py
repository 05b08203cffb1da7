"""Write features: claim a shard, collect its rows, write it whole, data before status."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from headhunt.arrays import Float32
from headhunt.errors import StoreBusyError
from headhunt.store import columns
from headhunt.store.chunks import WHOLE
from headhunt.store.damage import reading
from headhunt.store.layout import SEGMENT_COLUMNS, SHARD_ROWS, RowStatus
from headhunt.store.locks import disk_error, lock
from headhunt.store.reader import Store
from headhunt.store.tables import LATER_ARRAYS


@contextmanager
def claim_shard(store: Store, shard: int) -> Iterator[bool]:
    """Hold a shard for writing; false when another process holds it."""
    try:
        with lock(store.path, f"shard-{shard:06d}"):
            yield True
    except StoreBusyError:
        yield False


class _Writing(threading.Thread):
    """One write in a thread of its own, and what went wrong with it."""

    def __init__(self, write: Callable[[], None]) -> None:
        super().__init__(name="vadkit-write")
        self._call = write
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # raised again by who waits
            self.error = error


class ShardWriter:
    """Collects rows of one shard and writes them, whole shards at a time; hold the shard while using it.

    Args:
        store: The store, writable.
        shard: Which shard; its rows are [shard * 256, (shard + 1) * 256).
        flush_s: A partial shard is written after this many seconds, as it is between two calls of `add`, by a thread
            beside what comes next; `flush` waits for it.
    """

    def __init__(self, store: Store, shard: int, *, flush_s: float = 30.0) -> None:
        self.store = store
        self.first = shard * SHARD_ROWS
        self.flush_s = flush_s
        self._features: dict[str, Any] = dict(store.root["features"].arrays())
        table = store.root["segments"]
        self._status, self._reason = (table[name].with_config(WHOLE) for name in ("status", "reason"))
        self._later = {name: table[name].with_config(WHOLE) for name in LATER_ARRAYS if name in table}
        rows = slice(self.first, self.first + SHARD_ROWS)

        def read(name: str) -> Any:
            return columns.read_rows(store.present("segments"), table, store.path, name, rows)

        self.status = read("status").astype(np.uint8)
        self.reason = read("reason").astype(object)
        self.missing, self.source = (
            read(name) if name in self._later else np.full(SHARD_ROWS, SEGMENT_COLUMNS[name][1], np.int64)
            for name in LATER_ARRAYS
        )
        # A shard that holds rows already is read back: it is encoded as a whole.
        held = bool((self.status == RowStatus.DONE).any())
        self._buffer = {
            name: self._held(name, rows) if held else np.full((SHARD_ROWS, *array.shape[1:]), np.nan, np.float16)
            for name, array in self._features.items()
        }
        self._dirty, self._since = False, time.monotonic()
        self._writing: _Writing | None = None

    def _held(self, name: str, rows: slice) -> Any:
        with reading(f"features/{name} (rows {rows.start} to {rows.stop - 1}) of {self.store.path}", hint=columns.HINT):
            return self.store.present(f"features/{name}")[rows]

    def pending(self) -> list[int]:
        """Rows that are planned or failed, in order."""
        wanted = (self.status == RowStatus.PLANNED) | (self.status == RowStatus.FAILED)
        return [self.first + int(i) for i in np.flatnonzero(wanted)]

    def add(self, rows: Sequence[int], heads: Float32, context: Float32 | None) -> None:
        """Take the features of some rows.

        Args:
            rows: Places in the feature arrays, inside this shard.
            heads: (len(rows), p, l, h, d) or (len(rows), p, k, d).
            context: (len(rows), p, hidden), or None.
        """
        index = np.asarray(rows) - self.first
        self._buffer["heads"][index] = heads
        if context is not None:
            self._buffer["context"][index] = context
        self._done(index, -1)

    def reuse(self, row: int, source: int) -> None:
        """Give a row the features of another row, and record which.

        Args:
            row: Place in the feature arrays, inside this shard.
            source: Place of the other one, inside this shard too, done, with features of its own.
        """
        index, origin = row - self.first, source - self.first
        assert self.status[origin] == RowStatus.DONE
        assert self.source[origin] < 0
        for buffer in self._buffer.values():
            buffer[index] = buffer[origin]
        self._done(index, source)

    def _done(self, index: Any, source: int) -> None:
        self.status[index] = RowStatus.DONE
        self.reason[index] = ""
        self.source[index] = source
        self._dirty = True
        if time.monotonic() - self._since >= self.flush_s:
            self._begin()

    def lacks(self, row: int, frames: int) -> None:
        """Record how many frames of a row are others, because they cannot be decoded; before it is added."""
        self.missing[row - self.first] = frames

    def state(self, row: int) -> tuple[RowStatus, str]:
        """Status of a row as it is now, and the reason when it failed."""
        return RowStatus(self.status[row - self.first]), str(self.reason[row - self.first])

    def fail(self, row: int, reason: str) -> None:
        """Record that a row cannot be had."""
        self.status[row - self.first] = RowStatus.FAILED
        self.reason[row - self.first] = reason
        self.source[row - self.first] = -1
        self.missing[row - self.first] = 0
        self._dirty = True

    def flush(self) -> None:
        """Write what is collected, and wait until all of it is on disk.

        Raises:
            StoreError: The disk refuses, now or in a write begun before.
        """
        self._begin()
        self.wait()

    def wait(self) -> None:
        """Wait until the write that was begun last is on disk.

        Raises:
            StoreError: The disk refused it; it is tried again with the next one.
        """
        writing = self._writing
        if writing is None:
            return
        writing.join()
        self._writing = None  # only now: a wait that is interrupted is taken up by the next one
        if writing.error is not None:
            self._dirty = True
            raise writing.error

    def _begin(self) -> None:
        """Begin to write what is collected, as it is now, beside whatever comes next; one write at a time."""
        if not self._dirty:
            return
        self.wait()
        features = {name: buffer.copy() for name, buffer in self._buffer.items()}
        rows = (self.reason.copy(), {"missing": self.missing.copy(), "source": self.source.copy()}, self.status.copy())
        self._dirty, self._since = False, time.monotonic()
        self._writing = _Writing(lambda: self._write(features, *rows))
        self._writing.start()

    def _write(self, features: dict[str, Any], reason: Any, later: dict[str, Any], status: Any) -> None:
        """Write a shard: data first, on disk, then status."""
        rows = slice(self.first, self.first + SHARD_ROWS)
        try:
            for name, array in self._features.items():
                for prompt in range(array.shape[1]):
                    array[rows, prompt] = features[name][:, prompt]
                self._sync(f"features/{name}", array)
            self._reason[rows] = reason
            for name, array in self._later.items():
                array[rows] = later[name]
            self._status[rows] = status
        except OSError as error:
            raise disk_error(self.store.path, error) from error

    def _sync(self, name: str, array: Any) -> None:
        """Have the shard's files on disk, not in the system's cache, before their status says done."""
        shard = self.first // SHARD_ROWS
        rest = ["0"] * (array.ndim - 2)
        for prompt in range(array.shape[1]):
            file = self.store.path.joinpath(name, "c", str(shard), str(prompt), *rest)
            if file.exists():
                with file.open("rb") as stream:
                    os.fsync(stream.fileno())
