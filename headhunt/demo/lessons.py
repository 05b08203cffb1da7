"""What a training is fed with: samples from seeds, rendered by worker processes and mixed over videos."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset

from headhunt.demo.training_data import Sample, segments_of, shots_of, told_of

# Stages: the decoder on segments told in words; the vision tower on single frames; the decoder on what it sees.
TOLD, FRAMES_ALONE, SEGMENTS = 0, 1, 2
# First seeds of the stages, and of the segments of the checks, all of the world "train".
FIRST_SEEDS, CHECK_SEEDS = (10_000_000, 40_000_000, 20_000_000), 30_000_000
SAMPLES_A_VIDEO = (4, 8, 4)


class Videos(Dataset[list[Sample]]):
    """Item i is one video: the samples it gives in a stage."""

    def __init__(self, stage: int) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return 10_000_000

    def __getitem__(self, index: int) -> list[Sample]:
        make = (told_of, shots_of, segments_of)[self.stage]
        return make(FIRST_SEEDS[self.stage] + index, split="train", n=SAMPLES_A_VIDEO[self.stage])


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
        loader: DataLoader[list[Sample]] = DataLoader(
            Videos(stage),
            batch_size=None,
            sampler=range(first, len(Videos(stage))),
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            prefetch_factor=4 if workers else None,
            collate_fn=_same,
        )
        self.next_video = first
        self._source: Iterator[list[Sample]] = iter(loader)
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
