"""Every error headhunt raises on purpose; names of files in its words are spelt out where they are not UTF-8.

HeadhuntError                 exit code 1 unless said otherwise
├── InputError                what the user gave cannot be used
│   ├── VideoError            one video cannot be read; a run records it and goes on
│   │   └── LostFramesError   some of the frames asked for cannot be decoded
│   ├── ManifestError         a manifest or annotation file is malformed or does not match
│   ├── ModelError            a model cannot be loaded or is not built as expected
│   ├── ArtefactError         a head set, scorer or prompt file is damaged or of another format
│   └── LabelError            labels are missing or hold one class only
├── ComputeError              a number could not be computed (non-finite, too few rows, did not converge)
├── UsageError                options that contradict each other                             exit code 2
└── StoreError                the store refuses                                              exit code 4
    ├── DamagedError          a chunk, table or artefact is missing, short or altered
    ├── ForeignStoreError     not a headhunt store, or of a version this program cannot read
    ├── FingerprintError      made with another model, precision, prompt set or sampling
    ├── StaleError            an input changed since this was computed
    └── StoreBusyError        another process holds it
"""

from __future__ import annotations

from typing import Any

from headhunt.names import spelt_out


class HeadhuntError(Exception):
    """An error that says what happened, what was got, what was expected and what to do next.

    Args:
        what: One sentence without a full stop.
        got: What was found.
        expected: What would have been right.
        hint: The next step for the user.
    """

    exit_code = 1

    def __init__(self, what: str, *, got: object = None, expected: object = None, hint: str | None = None) -> None:
        self.what = spelt_out(what)
        self.got = got
        self.expected = expected
        self.hint = hint
        super().__init__(self.what)

    def __str__(self) -> str:
        parts = [self.what]
        if self.got is not None:
            parts.append(f"got: {self.got}")
        if self.expected is not None:
            parts.append(f"expected: {self.expected}")
        if self.hint is not None:
            parts.append(f"next: {self.hint}")
        return spelt_out("\n  ".join(parts))

    @property
    def line(self) -> str:
        """The same on one line, for a reason kept beside a row."""
        return "; ".join(" ".join(part.split()) for part in str(self).split("\n"))


class InputError(HeadhuntError):
    """What the user gave cannot be used."""


class VideoError(InputError):
    """One video cannot be read."""


class LostFramesError(VideoError):
    """Some of the frames asked for cannot be decoded.

    Args:
        what: As for every error.
        frames: What was asked for, in order, None where it cannot be had.
        got: As for every error.
        hint: As for every error.
    """

    def __init__(self, what: str, *, frames: list[Any], got: object = None, hint: str | None = None) -> None:
        super().__init__(what, got=got, hint=hint)
        self.frames = frames


class ManifestError(InputError):
    """A manifest or annotation file is malformed or does not match."""


class ModelError(InputError):
    """A model cannot be loaded or is not built as expected."""


class ArtefactError(InputError):
    """A head set, scorer or prompt file is damaged or of another format."""


class LabelError(InputError):
    """Labels are missing or hold one class only."""


class ComputeError(HeadhuntError):
    """A number could not be computed."""


class UsageError(HeadhuntError):
    """Options that contradict each other."""

    exit_code = 2


class StoreError(HeadhuntError):
    """The store refuses."""

    exit_code = 4


class DamagedError(StoreError):
    """A chunk, table or artefact is missing, short or altered."""


class ForeignStoreError(StoreError):
    """Not a headhunt store, or of a version this program cannot read."""


class FingerprintError(StoreError):
    """Made with another model, precision, prompt set or sampling."""


class StaleError(StoreError):
    """An input changed since this was computed."""


class StoreBusyError(StoreError):
    """Another process holds it."""
