"""What a training is fed with: samples from seeds, rendered by worker processes and mixed over videos."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset

from headhunt.demo.training.samples import Sample, by_cells, segments_of, shots_of, told_of
from headhunt.demo.training.schedule import FRAMES_ALONE

# First seeds of the stages, and of the segments of the checks, all of the world "train".
FIRST_SEEDS, CHECK_SEEDS = (10_000_000, 40_000_000, 20_000_000), 30_000_000
SAMPLES_A_VIDEO = (4, 16, 6)
CHECK_VIDEOS = 24  # two segments each


class Videos(Dataset[list[Sample]]):
    """Item i is one video: the samples it gives in a stage."""

    def __init__(self, stage: int) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return 10_000_000

    def __getitem__(self, index: int) -> list[Sample]:
        make = (told_of, shots_of, segments_of)[self.stage]
        samples = make(FIRST_SEEDS[self.stage] + index, split="train", n=SAMPLES_A_VIDEO[self.stage])
        return samples if self.stage == FRAMES_ALONE else by_cells(samples)  # of segments no patch is asked for


class Checks(Dataset[list[Sample]]):
    """Item i is one video of the checks: two segments that are never trained on."""

    def __len__(self) -> int:
        return CHECK_VIDEOS

    def __getitem__(self, index: int) -> list[Sample]:
        return by_cells(segments_of(CHECK_SEEDS + index, split="train", n=2))


def check_samples(workers: int) -> list[Sample]:
    """The segments of the checks, rendered by so many processes."""
    return [sample for video in _loader(Checks(), range(CHECK_VIDEOS), workers) for sample in video]


def _loader(videos: Dataset[list[Sample]], numbers: range, workers: int) -> DataLoader[list[Sample]]:
    if not workers:
        return DataLoader(videos, batch_size=None, sampler=numbers, collate_fn=_same)
    # Where there is a fork server, every process begins with what it needs already imported.
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
    """Samples of a stage from worker processes, mixed over videos.

    Args:
        stage: One of the three.
        first: Number of the first video.
        workers: Processes; 0 renders in this one.
        pool: Samples to draw from.
        uses: How often each is given.
        rng: Source of chance.
        prepare: What is done to each video's samples once, before they are given the first time.
    """

    def __init__(
        self,
        stage: int,
        *,
        first: int,
        workers: int,
        pool: int,
        uses: int,
        rng: np.random.Generator,
        prepare: Callable[[list[Sample]], list[Sample]],
    ) -> None:
        videos = Videos(stage)
        self.next_video = first
        self._source: Iterator[list[Sample]] = iter(_loader(videos, range(first, len(videos)), workers))
        self._pool: list[tuple[Sample, int]] = []
        self._size, self._uses, self._rng, self._prepare = pool, uses, rng, prepare

    def draw(self, n: int) -> list[Sample]:
        """`n` different samples."""
        # The pool grows while it is drawn from: nobody waits until it is full.
        videos = 1 if len(self._pool) < self._size else 0
        while videos or len(self._pool) < n:
            self._pool += [(sample, self._uses) for sample in self._prepare(next(self._source))]
            self.next_video += 1
            videos = 0
        drawn = [self._pool.pop(int(self._rng.integers(len(self._pool)))) for _ in range(n)]
        self._pool += [(sample, left - 1) for sample, left in drawn if left > 1]
        return [sample for sample, _ in drawn]


def _same(samples: list[Sample]) -> list[Sample]:
    return samples
