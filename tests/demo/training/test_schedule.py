"""Phases and learning rates of a run."""

from __future__ import annotations

import pytest

from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.schedule import FRAMES_ALONE, SCHEDULES, SEGMENTS, TOLD, phase_at, rate_at


@pytest.mark.parametrize("phase", [TOLD, FRAMES_ALONE, SEGMENTS])
def test_the_learning_rate_of_a_phase_rises_stays_and_falls(phase: int) -> None:
    top, level, end = SCHEDULES[phase]
    assert rate_at(phase, 0.0, 0, 1.0) == pytest.approx(0.01 * top)
    assert rate_at(phase, level, 1000, 2.0) == pytest.approx(2 * top)
    assert end < rate_at(phase, 0.5 * (1 + level), 1000, 1.0) < top
    assert rate_at(phase, 1.0, 1000, 1.0) == pytest.approx(end)


def test_a_run_goes_through_its_phases_in_turn() -> None:
    config = TrainConfig(told=0.25, frames=0.5)
    found = [phase_at(progress, config) for progress in (0.0, 0.125, 0.25, 0.5, 0.75, 0.875)]
    assert found == [(0, 0.0), (0, 0.5), (1, 0.0), (1, 0.5), (2, 0.0), (2, 0.5)]
