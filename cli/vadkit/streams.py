"""stdout and stderr as they may be: full, closed, or with nobody behind them. Knows no command and no JSON.

What goes to stdout is what was asked for, so not being able to write it is an error. What goes to stderr is talk: where
it cannot be written it is dropped, and the command ends as it would have.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from headhunt.errors import HeadhuntError

STANDARD = (0, 1, 2)


class OutputError(HeadhuntError):
    """What was asked for cannot be written to stdout."""


class Stream:
    """A text stream that stands for another one, or for none.

    Args:
        stream: The other one, None where it is closed.
    """

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        if self._stream is None:
            raise AttributeError(name)
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write, or do what is done where that cannot be."""
        return self._try("write", text) or 0

    def flush(self) -> None:
        """Hand on what was written, likewise."""
        if self._stream is not None:
            self._try("flush")

    def isatty(self) -> bool:
        """Whether somebody looks on."""
        return self._stream is not None and bool(self._stream.isatty())

    def _try(self, method: str, *arguments: str) -> Any:
        try:
            if self._stream is None:
                raise ValueError("it is closed")
            return getattr(self._stream, method)(*arguments)
        except UnicodeError:
            raise
        except (OSError, ValueError) as error:
            self._drop()
            self.failed(error)
            return None

    def _drop(self) -> None:
        """Let what is still kept go nowhere, so that it is not tried again when the program ends."""
        with suppress(OSError, ValueError, AttributeError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._stream.fileno())
            os.close(nowhere)

    def failed(self, error: Exception) -> None:
        """What is done where nothing can be written: nothing."""


class Output(Stream):
    """stdout."""

    def failed(self, error: Exception) -> None:
        """Raise.

        Raises:
            OutputError: Always.
        """
        why = getattr(error, "strerror", None) or error
        raise OutputError("stdout cannot be written", got=why, hint="check where it goes to") from error


@contextmanager
def steady() -> Iterator[None]:
    """Inside this block, stdout raises `OutputError` where it cannot be written, and stderr nothing."""
    before = sys.stdout, sys.stderr
    stdout, stderr = Output(before[0]), Stream(before[1])
    sys.stdout, sys.stderr = stdout, stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before


def hold_places() -> None:
    """Open what is closed of the three standard places, on nothing.

    The next file that is opened would take the place, and a library that warns would write into it.
    """
    for place in STANDARD:
        try:
            os.fstat(place)
        except OSError:
            nowhere = os.open(os.devnull, os.O_RDWR)
            if nowhere != place:
                os.dup2(nowhere, place)
                os.close(nowhere)
            os.set_inheritable(place, True)
