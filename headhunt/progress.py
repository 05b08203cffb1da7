"""How a long stage tells how far it is: it calls a function it was given; it prints nothing itself."""

from __future__ import annotations

from collections.abc import Callable

# (what is being done, how much is done, how much there is)
Progress = Callable[[str, int, int], None]


def silent(_what: str, _done: int, _total: int) -> None:
    """A progress function that says nothing."""
