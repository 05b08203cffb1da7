"""How many inputs a test draws: as many as the suite has time for, or all of them with HEADHUNT_SOAK=1."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

SOAK = os.environ.get("HEADHUNT_SOAK", "") not in {"", "0"}
FULL = 2000


def size(suite: int, full: int = FULL) -> int:
    """How many inputs to try."""
    return full if SOAK else suite


def drawn(suite: int = 80, full: int = FULL) -> Callable[[Any], Any]:
    """For a test of hypothesis: the same inputs every time in the suite, others each time in a soak."""

    def decorate(test: Any) -> Any:
        sized = settings(
            max_examples=size(suite, full),
            derandomize=not SOAK,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return pytest.mark.timeout(3600 if SOAK else 300)(pytest.mark.soak(sized(test)))

    return decorate
