"""How large a long test is: a size that fits the suite, or the full one with `make soak`."""

from __future__ import annotations

import os


def soak(*, suite: int, full: int) -> int:
    """`suite`, or `full` where HEADHUNT_SOAK is set."""
    return full if os.environ.get("HEADHUNT_SOAK") else suite
