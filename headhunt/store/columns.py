"""Columns of /videos and /segments, as many values as were planned; knows no tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from headhunt.arrays import Int64
from headhunt.errors import DamagedError


def read_columns(group: Any, names: Sequence[str], n: int) -> dict[str, Any]:
    """The first n values of some columns.

    Raises:
        DamagedError: A column has fewer.
    """
    found = {name: group[name][:n] for name in names}
    for name, values in found.items():
        if len(values) != n:
            raise DamagedError(
                f"{group.name}/{name} is damaged",
                got=f"{len(values)} values",
                expected=f"{n}, as /segments says",
                hint="put a copy of the store in its place, or extract again",
            )
    return found


def read_source(group: Any, start: int, end: int) -> Int64:
    """The column `source` of rows [start, end) of /segments; a store made before it was thought of has none."""
    source = np.full(end - start, -1, np.int64)
    if "source" in group:
        found = group["source"][start:end]
        source[: len(found)] = found
    return source
