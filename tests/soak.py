"""How large a long test is: a size that fits the suite, or the full one with `make soak`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

SOAK = bool(os.environ.get("HEADHUNT_SOAK"))
FULL = 2000  # inputs of a format


def soak(*, suite: int, full: int) -> int:
    """`suite`, or `full` where HEADHUNT_SOAK is set."""
    return full if SOAK else suite


def drawn(suite: int = 80, full: int = FULL) -> Callable[[Any], Any]:
    """For a test of hypothesis: the same inputs every time in the suite, others each time in a soak."""

    def decorate(test: Any) -> Any:
        sized = settings(
            max_examples=soak(suite=suite, full=full),
            derandomize=not SOAK,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        return pytest.mark.timeout(3600 if SOAK else 300)(pytest.mark.soak(sized(test)))

    return decorate
