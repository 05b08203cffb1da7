"""The three phases of a run: when each is due, and its learning rate."""

from __future__ import annotations

from headhunt.demo.training.config import TrainConfig

# The decoder on segments told in words; the vision tower on single frames; the decoder on what the tower sees.
TOLD, FRAMES_ALONE, SEGMENTS = 0, 1, 2
WHOLE = 0.2  # share of the second phase, at its end, in which it looks at whole frames
WARM = 100  # steps of warm-up
# Rate of each phase after warm-up, as a multiple of the run's; share of the phase it holds for; rate at the end.
SCHEDULES = {TOLD: (1.6, 0.5, 0.2), FRAMES_ALONE: (1.0, 0.3, 0.02), SEGMENTS: (0.6, 0.1, 0.02)}


def phase_at(progress: float, config: TrainConfig) -> tuple[int, float]:
    """The phase at a point of the run, and the share of that phase that is over."""
    if progress < config.told:
        return TOLD, progress / config.told
    before = config.told + config.frames
    if progress < before:
        return FRAMES_ALONE, (progress - config.told) / config.frames
    return SEGMENTS, (progress - before) / (1.0 - before)


def rate_at(phase: int, progress: float, step: int, rate: float) -> float:
    """Learning rate within a phase: `WARM` steps up, then level, then linearly down.

    Args:
        phase: One of the three.
        progress: Share of the phase that is over, 0 to 1.
        step: Steps of the phase taken so far.
        rate: Learning rate of the run.
    """
    top, level, end = SCHEDULES[phase]
    fallen = max(0.0, progress - level) / (1.0 - level)
    return rate * min((step + 1) / WARM, 1.0) * (top + (end - top) * min(1.0, fallen))
