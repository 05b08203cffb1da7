"""What a training is fed with: lessons from seeds, rendered by worker processes and mixed over videos."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from torch.utils.data import DataLoader, Dataset

from headhunt.demo.training_data import Sample, frames_of, segments_of, shots_of

# Stages: frames beside segments told in words; single frames alone; segments.
WORDS, FRAMES_ALONE, SEGMENTS = 0, 1, 2
# First seeds of the stages, and of the segments of the checks, all of the world "train".
FIRST_SEEDS, CHECK_SEEDS = (10_000_000, 40_000_000, 20_000_000), 30_000_000
# Frames of a video in a lesson of the first stage, and how many lessons a video gives in each.
FRAMES_A_LESSON, LESSONS_A_VIDEO = 4, (1, 8, 4)
Lesson = tuple[Sample, ...]  # frames and a segment told in words; one frame; one segment


class Videos(Dataset[list[Lesson]]):
    """Item i is one video: the lessons it gives in a stage."""

    def __init__(self, stage: int) -> None:
        self.stage = stage

    def __len__(self) -> int:
        return 10_000_000

    def __getitem__(self, index: int) -> list[Lesson]:
        seed = FIRST_SEEDS[self.stage] + index
        if self.stage == WORDS:
            return [frames_of(seed, split="train", n=FRAMES_A_LESSON)]
        make = shots_of if self.stage == FRAMES_ALONE else segments_of
        return [(sample,) for sample in make(seed, split="train", n=LESSONS_A_VIDEO[self.stage])]


class Feed:
    """Samples of a stage from worker processes, mixed over videos.

    Args:
        stage: One of the three.
        first: Number of the first video.
        workers: Processes; 0 renders in this one.
        pool: Lessons to draw from.
        uses: How often each is given.
        rng: Source of chance.
    """

    def __init__(self, stage: int, *, first: int, workers: int, pool: int, uses: int, rng: np.random.Generator) -> None:
        loader: DataLoader[list[Lesson]] = DataLoader(
            Videos(stage),
            batch_size=None,
            sampler=range(first, len(Videos(stage))),
            num_workers=workers,
            multiprocessing_context="spawn" if workers else None,
            prefetch_factor=4 if workers else None,
            collate_fn=_same,
        )
        self.next_video = first
        self._source: Iterator[list[Lesson]] = iter(loader)
        self._pool: list[tuple[Lesson, int]] = []
        self._size, self._uses, self._rng = pool, uses, rng

    def draw(self, n: int) -> list[Lesson]:
        """`n` different lessons."""
        while len(self._pool) < max(n, self._size):
            self._pool += [(lesson, self._uses) for lesson in next(self._source)]
            self.next_video += 1
        drawn = [self._pool.pop(int(self._rng.integers(len(self._pool)))) for _ in range(n)]
        self._pool += [(lesson, left - 1) for lesson, left in drawn if left > 1]
        return [lesson for lesson, _ in drawn]


def _same(lessons: list[Lesson]) -> list[Lesson]:
    return lessons
