"""One shard's way through the model: rows come decoded, leave in batches, and go to the writer."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from headhunt.arrays import UInt8
from headhunt.errors import ComputeError
from headhunt.extraction.batch_size import BatchSize, is_out_of_memory
from headhunt.extraction.shared_frames import SharedFrames
from headhunt.extraction.still_segments import StillSegments
from headhunt.store import RowStatus, ShardWriter

if TYPE_CHECKING:
    from headhunt.extraction.activations import Activations, Extractor
    from headhunt.models import Grid


class Counts(NamedTuple):
    """Rows that were finished: computed or reused (`done`), failed, and how many of those done were reused."""

    done: int = 0
    failed: int = 0
    reused: int = 0

    def plus(self, other: Counts) -> Counts:
        """Both together."""
        return Counts(*(a + b for a, b in zip(self, other, strict=True)))


class Passes:
    """Gathers decoded rows into batches and runs them; the rows of a batch have one grid.

    Args:
        extractor: The model with its prompts.
        writer: Takes the features; the shard is held.
        frames: The vision tower.
        still: Finds rows that need no pass.
        size: Rows a pass; told how each went.
        steps: Seconds from one sampled frame to the next, of each row.
    """

    def __init__(
        self,
        extractor: Extractor,
        writer: ShardWriter,
        frames: SharedFrames,
        still: StillSegments,
        size: BatchSize,
        *,
        steps: Mapping[int, float],
    ) -> None:
        self._extractor, self._writer, self._frames, self._still = extractor, writer, frames, still
        self._size, self._steps = size, steps
        self._grid: Grid | None = None  # of the rows that are gathered
        self._batch: list[tuple[int, UInt8]] = []
        self._waiting: list[tuple[int, int]] = []  # (row, the row of the batch it takes its features from)

    def take(self, row: int, pixels: UInt8 | str) -> Counts:
        """Take the next row, its resized frames (f, 3, height, width) or the reason why there are none."""
        if row in self._still.references:
            self._frames.release(row)
            self._still.refer(row, pixels)
            return Counts()
        if isinstance(pixels, str):
            self._frames.release(row)
            self._writer.fail(row, pixels)
            return Counts(failed=1)
        source = self._still.source(row, pixels)
        if source is not None:
            self._frames.release(row)
            if any(source == gathered for gathered, _ in self._batch):
                self._waiting.append((row, source))
                return Counts()
            return self._reuse(row, source)
        frames, _, height, width = pixels.shape
        grid = self._extractor.backbone.grid(frames, height, width, step_s=self._steps.get(row))
        before = self.rest() if self._batch and grid != self._grid else Counts()
        self._grid = grid
        self._batch.append((row, pixels))
        return before.plus(self.rest() if len(self._batch) >= self._size.now else Counts())

    def rest(self) -> Counts:
        """Compute what is gathered so far; a pass that does not fit into memory is taken in smaller ones.

        Raises:
            ComputeError: One segment alone does not fit.
        """
        left, waiting, counts = self._batch, self._waiting, Counts()
        self._batch, self._waiting = [], []
        while left:
            batch = left[: self._size.now]
            begin = time.monotonic()
            out = self._run(batch)
            if out is None:  # here, where no exception holds on to what the pass had allocated
                self._size.ran_out(len(batch))
                self._extractor.free()
                continue
            self._size.passed(len(batch), time.monotonic() - begin)
            counts = counts.plus(self._keep(batch, out))
            left = left[len(batch) :]
        for row, source in waiting:
            counts = counts.plus(self._reuse(row, source))
        return counts

    def _reuse(self, row: int, source: int) -> Counts:
        status, reason = self._writer.state(source)
        if status == RowStatus.DONE:
            self._writer.reuse(row, source)
            return Counts(done=1, reused=1)
        self._writer.fail(row, f"it shows what row {source} shows, which failed: {reason}")
        return Counts(failed=1)

    def _run(self, batch: Sequence[tuple[int, UInt8]]) -> Activations | None:
        """One pass; None when memory ran out."""
        assert self._grid is not None
        try:
            return self._extractor.read(self._frames.tokens(batch), self._grid)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        return None

    def _keep(self, batch: Sequence[tuple[int, UInt8]], out: Activations) -> Counts:
        from headhunt.extraction.activations import check_storable

        good = []
        for i, (row, _) in enumerate(batch):
            self._frames.release(row)
            try:
                check_storable(out.heads[i])
                if out.context is not None:
                    check_storable(out.context[i])
                good.append(i)
            except ComputeError as error:
                self._writer.fail(row, error.line)
        if good:
            context = None if out.context is None else out.context[good]
            self._writer.add([batch[i][0] for i in good], out.heads[good], context)
        return Counts(done=len(good), failed=len(batch) - len(good))
