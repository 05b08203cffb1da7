"""Run an iterator in a thread, a bounded number of items ahead of whoever uses them."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any, TypeVar

T = TypeVar("T")


def prefetch(
    items: Iterator[T], *, ahead: int, interrupt: Callable[[], None] = lambda: None
) -> Generator[T, None, None]:
    """Yield what `items` yields, computed from the time of this call on, up to `ahead` items before it is asked for.

    The thread ends, and `items` is closed, when the result is exhausted or closed; an exception in it is raised here.

    Args:
        items: What the thread iterates over.
        ahead: Items the thread may be ahead; at least 1.
        interrupt: Wakes `items` from whatever it waits for; called until the thread ends if the result is closed early.
    """
    done = object()
    ready: queue.Queue[Any] = queue.Queue(maxsize=max(1, ahead))
    stop = threading.Event()

    def put(item: Any) -> bool:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def work() -> None:
        try:
            for item in items:
                if not put((item, None)):
                    return
            put((done, None))
        except BaseException as error:  # raised again in the thread that waits for the items
            put((done, error))
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=work, name="vadkit-decode", daemon=True)

    def taken() -> Generator[Any, None, None]:
        thread.start()
        try:
            yield
            while True:
                item, error = ready.get()
                if item is done:
                    thread.join()
                    if error is not None:
                        raise error
                    return
                yield item
        finally:
            stop.set()
            for _ in range(100):
                if not thread.is_alive():
                    break
                interrupt()
                thread.join(timeout=0.1)

    result = taken()
    next(result)  # closing a generator that was never entered would skip its `finally`, and leave the thread running
    return result
