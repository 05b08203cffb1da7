"""How a row's frames lie among the tokens of an input; knows no model and no pixels."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Grid:
    """The visual tokens of one row. Rows of equal grids have equal token ids and positions, so they can share a pass.

    A visual unit is what the vision tower turns into tokens at once: one frame, or two that follow each other.

    Attributes:
        times: Place of each unit along the time axis of positions, from 0, strictly increasing.
        rows: Visual tokens of a unit from top to bottom.
        columns: Visual tokens of a unit from left to right.
        stamps: Seconds from the row's start to each unit, as text, where a model is told them so.
    """

    times: tuple[int, ...]
    rows: int
    columns: int
    stamps: tuple[str, ...] = ()

    @property
    def units(self) -> int:
        """How many units there are."""
        return len(self.times)


def unit_times(units: int, seconds: float | None, *, per_second: float) -> tuple[int, ...]:
    """Places of the units of a video along the time axis.

    Unit i is at floor(i * seconds * per_second), the rule of Qwen2.5-VL, but always one further than the unit before:
    two units at one place would be one to the model.

    Args:
        units: How many.
        seconds: From one unit to the next; None when it is not known, which gives 0, 1, 2, ...
        per_second: Places a second.
    """
    step = 0.0 if seconds is None else seconds * per_second
    times: list[int] = []
    for unit in range(units):
        times.append(max(int(unit * step), times[-1] + 1 if times else 0))
    return tuple(times)
