"""How a training run goes: the numbers, and nothing that runs."""

from __future__ import annotations

from dataclasses import dataclass

from headhunt.demo.training.grid import TOKENS


@dataclass(frozen=True)
class TrainConfig:
    """How a run goes.

    Attributes:
        hours: Length in hours, None to go by `steps`.
        steps: Length in steps.
        seed: Of the weights and every choice.
        batch: Segments a step of the last stage; twice as many in the first, four times as many frames in the second.
        told: Share of the run given to the first stage.
        frames: Share of the run given to the second.
        rate: Learning rate that the stages' schedules are shares of.
        read_rate: That of the read-outs in learning rates of the rest; new ones on a model that has learnt want more.
        weight_decay: Of both optimisers.
        cells: Visual tokens of a frame that the second stage looks at, but for its end; all of them by default. With
            6 of 16 it goes through frames 2.6 times as fast, but learns less of what stands in the background.
        uses: How often a sample is shown, stage by stage.
        questions: Short questions a segment.
        average: Decay of the running average of the weights.
        check_s: Seconds between checks.
        workers: Rendering processes.
        threads: Threads of the trainer on a CPU, one less in the second stage.
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
