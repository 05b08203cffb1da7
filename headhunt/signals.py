"""Signals that ask a program to end (SIGTERM, SIGHUP) are taken as Ctrl-C: what is finished is written first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

_ENDING = ("SIGTERM", "SIGHUP")


@contextmanager
def ended_like_ctrl_c() -> Iterator[None]:
    """In this block SIGTERM and SIGHUP raise KeyboardInterrupt, once.

    Those that come later do not cut short what is written then. One that is ignored stays so (`nohup`). Nothing changes
    outside the main thread, where signals cannot be handled.
    """
    before: dict[signal.Signals, Any] = {}

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        for number in (signal.Signals[name] for name in _ENDING if name in signal.Signals.__members__):
            if signal.getsignal(number) == signal.SIG_DFL:
                before[number] = signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
