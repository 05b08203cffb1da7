"""Iterators that run ahead in a thread: order, bounds, errors, and an end that leaves nothing behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from headhunt.prefetch import prefetch


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "vadkit-decode"]


def test_items_come_in_order_and_the_thread_ends() -> None:
    assert list(prefetch(iter(range(50)), ahead=3)) == list(range(50))
    assert list(prefetch(iter(()), ahead=1)) == []
    assert names() == []


def test_it_is_never_more_than_so_many_items_ahead() -> None:
    made: list[int] = []
    seen = threading.Semaphore(0)

    def items() -> Iterator[int]:
        for i in range(20):
            made.append(i)
            seen.release()
            yield i

    found = prefetch(items(), ahead=2)
    for taken in range(10):
        assert next(found) == taken
        assert len(made) <= taken + 1 + 2 + 2  # the one that waits to be put, and the one being made
    found.close()
    assert names() == []


def test_an_error_is_raised_where_the_items_are_used_after_those_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    found = prefetch(items(), ahead=5)
    assert next(found) == 1
    with pytest.raises(ValueError, match="broken"):
        next(found)
    assert names() == []


def test_closing_early_interrupts_what_waits_and_closes_the_items() -> None:
    wake, closed = threading.Event(), threading.Event()

    def items() -> Iterator[int]:
        try:
            yield 1
            assert wake.wait(60)
            yield 2
        finally:
            closed.set()

    found = prefetch(items(), ahead=1, interrupt=wake.set)
    assert next(found) == 1
    found.close()
    assert closed.is_set()
    assert names() == []
