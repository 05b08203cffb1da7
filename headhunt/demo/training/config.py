"""How a training run goes: numbers, and nothing that runs."""

from __future__ import annotations

from dataclasses import dataclass

from headhunt.demo.training.grid import TOKENS


@dataclass(frozen=True)
class TrainConfig:
    """How a run goes.

    Attributes:
        hours: Length in hours; None to use `steps`.
        steps: Length in steps.
        seed: Seed of the weights and of every random choice.
        batch: Segments a step in the third phase; twice as many in the first, four times as many frames in the second.
        told: Share of the run given to the first phase.
        frames: Share of the run given to the second phase.
        rate: Learning rate; the schedule of each phase scales it.
        read_rate: Learning rate of the read-outs, as a multiple of that of the rest; new read-outs on a trained model
            want more.
        weight_decay: Weight decay of both optimisers.
        cells: Visual tokens a frame that the second phase looks at, except at its end; all of them by default. With 6
            of 16 it gets through frames 2.6 times as fast, but learns less about the background.
        uses: How often a sample is shown, by phase.
        questions: Short questions a segment.
        average: Decay of the running average of the weights.
        check_s: Seconds between checks.
        workers: Rendering processes.
        threads: Threads of the trainer on a CPU; one fewer in the second phase.
    """

    hours: float | None = 2.5
    steps: int = 0
    seed: int = 0
    batch: int = 2
    told: float = 0.22
    frames: float = 0.48
    rate: float = 1.25e-3
    read_rate: float = 1.0
    weight_decay: float = 0.05
    cells: int = TOKENS
    uses: tuple[int, int, int] = (2, 4, 3)
    questions: int = 8
    average: float = 0.999
    check_s: float = 240.0
    workers: int = 1
    threads: int = 2
