"""What a training run is fed: samples from seeds, rendered by worker processes and mixed across videos."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset

from headhunt.demo.training.samples import Sample, pooled, segments_of, shots_of, told_of
from headhunt.demo.training.schedule import FRAMES_ALONE

# First seeds of the three phases, and of the checks, all in the world "train".
FIRST_SEEDS, CHECK_SEEDS = (10_000_000, 40_000_000, 20_000_000), 30_000_000
SAMPLES_A_VIDEO = (4, 16, 6)
CHECK_VIDEOS = 24  # two segments each


class Videos(Dataset[list[Sample]]):
    """Item i is the list of samples that one phase takes from video i."""

    def __init__(self, phase: int) -> None:
        self.phase = phase

    def __len__(self) -> int:
        return 10_000_000

    def __getitem__(self, index: int) -> list[Sample]:
        make = (told_of, shots_of, segments_of)[self.phase]
        samples = make(FIRST_SEEDS[self.phase] + index, split="train", n=SAMPLES_A_VIDEO[self.phase])
        return samples if self.phase == FRAMES_ALONE else pooled(samples)  # only single frames are learnt by patch


class Checks(Dataset[list[Sample]]):
    """Item i is the two segments of one video of the checks; none is ever trained on."""

    def __len__(self) -> int:
        return CHECK_VIDEOS

    def __getitem__(self, index: int) -> list[Sample]:
        return pooled(segments_of(CHECK_SEEDS + index, split="train", n=2))


def check_samples(workers: int) -> list[Sample]:
    """The segments of the checks, rendered by `workers` processes."""
    return [sample for video in _loader(Checks(), range(CHECK_VIDEOS), workers) for sample in video]


def _loader(videos: Dataset[list[Sample]], numbers: range, workers: int) -> DataLoader[list[Sample]]:
    if not workers:
        return DataLoader(videos, batch_size=None, sampler=numbers, collate_fn=_same)
    # With a fork server every process starts with what it needs already imported.
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        context.set_forkserver_preload([__name__])
    return DataLoader(
        videos,
        batch_size=None,
        sampler=numbers,
        collate_fn=_same,
        num_workers=workers,
        multiprocessing_context=context,
        prefetch_factor=4,
    )


class Feed:
    """Samples of one phase from worker processes, mixed across videos.

    Args:
        phase: One of the three.
        first: Number of the first video.
        workers: Processes; 0 renders in this one.
        pool: Number of samples to draw from.
        uses: How often each sample is drawn.
        rng: Source of randomness.
        prepare: Called once with each video's samples; what it returns goes into the pool.
    """

    def __init__(
        self,
        phase: int,
        *,
        first: int,
        workers: int,
        pool: int,
        uses: int,
        rng: np.random.Generator,
        prepare: Callable[[list[Sample]], list[Sample]],
    ) -> None:
        videos = Videos(phase)
        self.next_video = first
        self._source: Iterator[list[Sample]] = iter(_loader(videos, range(first, len(videos)), workers))
        self._pool: list[tuple[Sample, int]] = []
        self._size, self._uses, self._rng, self._prepare = pool, uses, rng, prepare

    def draw(self, n: int) -> list[Sample]:
        """`n` different samples."""
        # The pool grows while it is drawn from, so that nobody waits for it to fill.
        if len(self._pool) < self._size:
            self._fill()
        while len(self._pool) < n:
            self._fill()
        drawn = [self._pool.pop(int(self._rng.integers(len(self._pool)))) for _ in range(n)]
        self._pool += [(sample, left - 1) for sample, left in drawn if left > 1]
        return [sample for sample, _ in drawn]

    def _fill(self) -> None:
        self._pool += [(sample, self._uses) for sample in self._prepare(next(self._source))]
        self.next_video += 1


def _same(samples: list[Sample]) -> list[Sample]:
    return samples
