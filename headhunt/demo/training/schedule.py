"""The three stages of a run: when each is due, and its learning rate."""

from __future__ import annotations

from headhunt.demo.training.config import TrainConfig

# Stages: the decoder on segments told in words; the vision tower on single frames; the decoder on what it sees.
TOLD, FRAMES_ALONE, SEGMENTS = 0, 1, 2
WHOLE = 0.2  # share of the second stage, at its end, in which whole frames are looked at
WARM = 100  # steps until the rate is at its height
# Where the rate of a stage stands after its beginning, how long it stays, and where it ends; of the highest rate.
SCHEDULES = {TOLD: (1.6, 0.5, 0.2), FRAMES_ALONE: (1.0, 0.3, 0.02), SEGMENTS: (0.6, 0.1, 0.02)}


def stage_at(progress: float, config: TrainConfig) -> tuple[int, float]:
    """The stage at a point of the run, and the share of it that is over."""
    if progress < config.told:
        return TOLD, progress / config.told
    before = config.told + config.frames
    if progress < before:
        return FRAMES_ALONE, (progress - config.told) / config.frames
    return SEGMENTS, (progress - before) / (1.0 - before)


def rate_at(stage: int, progress: float, step: int, highest: float) -> float:
    """Learning rate in a stage: `WARM` steps up, level, then down along a line.

    Args:
        stage: One of the three.
        progress: Share of the stage that is over, 0 to 1.
        step: Steps of the stage taken.
        highest: Highest rate of the run.
    """
    top, level, end = SCHEDULES[stage]
    fallen = max(0.0, progress - level) / (1.0 - level)
    return highest * min((step + 1) / WARM, 1.0) * (top + (end - top) * min(1.0, fallen))
