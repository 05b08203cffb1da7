"""Whether an artefact is still what its inputs would give: every recorded input is compared, all the way down."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from headhunt.artefacts import learnt
from headhunt.errors import HeadhuntError, StaleError
from headhunt.store import Artefact, Store
from headhunt.store.artefacts import STAGE_OF
from headhunt.store.layout import KINDS

SHOWN = 5


@dataclass(frozen=True)
class _Change:
    """An input that changed.

    Attributes:
        what: Which, in words.
        stages: What has to run again, in order.
        got: What it is now.
        expected: What it was.
    """

    what: str
    stages: tuple[str, ...]
    got: object = None
    expected: object = None


@dataclass
class _Compared:
    """What was compared so far, each once, and what is to be told of it."""

    artefacts: set[tuple[Path, str, str]] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)


def check(store: Store, artefact: Artefact) -> tuple[str, ...]:
    """Raise unless everything that an artefact was made from is as it was, and what that was made from.

    Inputs in other stores and in files are compared where they can still be read.

    Returns:
        What the user should know though nothing that was used has changed.

    Raises:
        StaleError: An input changed, or is gone; says what to run again.
        DamagedError: One cannot be read.
    """
    compared = _Compared()
    change = _changed(store, artefact, compared)
    if change is not None:
        again = [f"`vadkit {stage}`" for stage in dict.fromkeys(change.stages)]
        raise StaleError(
            f"{artefact.kind}/{artefact.name} of {store.path} was made from {change.what}, which changed since",
            got=change.got,
            expected=change.expected,
            hint=f"run {', then '.join(again)} again",
        )
    return tuple(dict.fromkeys(compared.notes))


def _changed(store: Store, artefact: Artefact, compared: _Compared) -> _Change | None:
    key = (store.path, artefact.kind, artefact.name)
    if key in compared.artefacts:
        return None
    compared.artefacts.add(key)
    inputs = artefact.made_by["inputs"]
    # What other artefacts were made from comes first: then all that must run again is told at once.
    for source, digest in sorted(inputs.items(), key=lambda one: one[0].partition("/")[0] not in KINDS):
        found = _compare(store, artefact, source, digest, compared)
        if found is not None:
            return replace(found, stages=(*found.stages, STAGE_OF[artefact.kind]))
    return None


def _compare(store: Store, artefact: Artefact, source: str, digest: str, compared: _Compared) -> _Change | None:
    kind, _, name = source.partition("/")
    if kind in KINDS:
        return _artefact(store, kind, name, digest, compared)
    if kind.startswith("from:"):
        origin = artefact.made_by["config"].get("origin")
        elsewhere = _opened(origin)
        if elsewhere is None:
            return None
        found = _artefact(elsewhere, kind.removeprefix("from:"), name, digest, _Compared())
        return None if found is None else replace(found, what=f"{found.what} of {origin}")
    if source.startswith("file:"):
        return _file(artefact.made_by["config"].get("scorer"), digest)
    if source == "rows":
        return _rows(store, artefact, digest, compared)
    if source == learnt.ROWS_INPUT:
        changes = learnt.changed_rows(store, artefact)
        if changes is None:
            compared.notes.append(
                f"{artefact.kind}/{artefact.name}, written by an earlier version, does not say which rows it learnt "
                f"from: whether their labels changed cannot be told until `vadkit {STAGE_OF[artefact.kind]}` runs again"
            )
            return None
        if changes.added:
            compared.notes.append(
                f"{artefact.kind}/{artefact.name} was made before {changes.added} more videos of its split had labels: "
                f"run `vadkit {STAGE_OF[artefact.kind]}` again to learn from them too"
            )
        return _labels(changes)
    if source == learnt.TRUTH_INPUT:
        return _labels(learnt.changed_truth(store, artefact))
    return None


def _artefact(store: Store, kind: str, name: str, digest: str, compared: _Compared) -> _Change | None:
    try:
        found = store.artefact(kind, name)
    except StaleError:
        return _Change(f"{kind}/{name}", (), "it is gone", digest)
    if found.digest != digest:
        return _Change(f"{kind}/{name}", (), found.digest, digest)
    return _changed(store, found, compared)


def _opened(path: str | None) -> Store | None:
    """Another store, where it can still be read."""
    if path is None or not Path(path).is_dir():
        return None
    try:
        return Store(path)
    except HeadhuntError:
        return None


def _file(path: str | None, digest: str) -> _Change | None:
    from headhunt.artefacts import scorers

    if path is None:
        return None
    try:
        now = scorers.digest(scorers.load(path))
    except HeadhuntError:  # moved, or no longer a scorer: what was made from it stands for itself
        return None
    return None if now == digest else _Change(path, (), now, digest)


def _rows(store: Store, artefact: Artefact, digest: str, compared: _Compared) -> _Change | None:
    table = store.segments().of_unit("segment")
    scored = table.where(np.isin(table.row, artefact.arrays["row"]))
    if len(scored) != len(artefact.arrays["row"]) or store.rows_digest(scored) != digest:
        return _Change("rows of the store", ())
    if len(table) > len(scored):
        compared.notes.append(
            f"{len(table) - len(scored)} segments were added after {artefact.kind}/{artefact.name} was made: "
            f"run `vadkit {STAGE_OF[artefact.kind]}` again to have them too"
        )
    return None


def _labels(changes: learnt.Changes) -> _Change | None:
    if not changes.videos:
        return None
    more = len(changes.videos) - SHOWN
    named = ", ".join(changes.videos[:SHOWN]) + (f" and {more} more" if more > 0 else "")
    return _Change(f"labels or rows of {named}", ())
