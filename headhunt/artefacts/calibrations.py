"""Calibrations: how scores become events, and how that was found; a group of a store, and a part of a scorer's file.

A scorer's JSON file may carry one under `calibration`, with the fields of `Calibration`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from headhunt.artefacts import freshness, learnt, scorers, seen
from headhunt.artefacts.seen import Seen
from headhunt.errors import ArtefactError, DamagedError, HeadhuntError
from headhunt.events import SMOOTHERS
from headhunt.records import Json
from headhunt.scorers.scorer import Scorer
from headhunt.store import Artefact, Store, VideoTable

KIND = "calibrations"


@dataclass(frozen=True)
class Calibration:
    """How scores become events.

    Attributes:
        sigma: Standard deviation of the smoothing, in segments, >= 0.
        tau: Threshold.
        smoothing: Name of the smoothing.
        source: Where sigma and tau come from, in words.
        f1: Frame-level F1 they were chosen by, None where they were not chosen.
        min_frames: Events shorter than this are dropped, >= 1.
        merge_gap_frames: Events this close to each other are joined, >= 0.
        calibrated_on: The videos they were chosen on.
    """

    sigma: float
    tau: float
    smoothing: str
    source: str
    f1: float | None = None
    min_frames: int = 1
    merge_gap_frames: int = 0
    calibrated_on: tuple[Seen, ...] = ()

    def __post_init__(self) -> None:
        numbers = {"sigma": self.sigma, "tau": self.tau} | ({} if self.f1 is None else {"f1": self.f1})
        for name, value in numbers.items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
                raise ArtefactError(f"{name} of a calibration is no number", got=repr(value))
        for name, number, least in (
            ("sigma", self.sigma, 0),
            ("min_frames", self.min_frames, 1),
            ("merge_gap_frames", self.merge_gap_frames, 0),
        ):
            if (name != "sigma" and type(number) is not int) or number < least:
                raise ArtefactError(
                    f"{name} of a calibration is out of range", got=repr(number), expected=f">= {least}"
                )
        if self.smoothing not in SMOOTHERS:
            raise ArtefactError("unknown smoothing of a calibration", got=self.smoothing, expected=", ".join(SMOOTHERS))
        if not isinstance(self.source, str):
            raise ArtefactError("a calibration does not say where it comes from", got=repr(self.source))

    def to_json(self) -> Json:
        """As plain JSON, without the videos."""
        return {name: value for name, value in asdict(self).items() if name != "calibrated_on"}

    @property
    def facts(self) -> Json:
        """As plain JSON, with the videos."""
        on = {"calibrated_on": [list(pair) for pair in self.calibrated_on]} if self.calibrated_on else {}
        return self.to_json() | on

    @classmethod
    def from_json(cls, data: object, *, source: str) -> Calibration:
        """Read what `facts` wrote; keys it does not know are left alone.

        Raises:
            ArtefactError: It is damaged.
        """
        if not isinstance(data, Mapping):
            raise ArtefactError(f"{source} is damaged", got=type(data).__name__, expected="a JSON object")
        known = {name: data[name] for name in cls.__dataclass_fields__ if name in data}
        known |= {"calibrated_on": seen.of_json(data.get("calibrated_on"))}
        try:
            return cls(**known)
        except (TypeError, ArtefactError) as error:
            raise ArtefactError(f"{source} is damaged", got=error) from error


def of(artefact: Artefact) -> Calibration:
    """That of an artefact: a calibration, or events found with one. Earlier events keep a part in their configuration.

    Raises:
        DamagedError: It is damaged.
    """
    config, facts = artefact.made_by["config"], artefact.facts
    earlier: dict[str, Any] = {"smoothing": "gaussian"}
    earlier |= {name: config[name] for name in ("min_frames", "merge_gap_frames") if config.get(name) is not None}
    try:
        return Calibration.from_json(earlier | facts, source=f"{artefact.kind}/{artefact.name}")
    except ArtefactError as error:
        raise DamagedError(error.what, got=error.got, hint="run `vadkit localize` again") from error


def write(
    store: Store,
    name: str,
    calibration: Calibration,
    *,
    scores: Artefact,
    videos: VideoTable,
    learnt_from: Sequence[int],
    config: Json,
) -> Artefact:
    """Write a calibration as `calibrations/<name>`.

    Args:
        store: The store, writable.
        name: Name of the calibration.
        calibration: What was found.
        scores: The scores it was found on.
        videos: The store's videos.
        learnt_from: Places in `videos` of those whose events it was found on.
        config: Configuration of the stage.
    """
    return store.write_artefact(
        KIND,
        name,
        stage="localize",
        config=config,
        seed=None,
        inputs={
            f"scores/{scores.name}": scores.digest,
            learnt.TRUTH_INPUT: learnt.truth_digest(videos, learnt_from),
        },
        facts=calibration.facts | {"scores": scores.name},
        arrays=learnt.truth_arrays(videos, learnt_from),
    )


def elsewhere(place: Path, scorer: Scorer | None, name: str) -> tuple[Calibration, tuple[str, ...]]:
    """The calibration of another store, or the one that a scorer's file carries, and what the user should know of it.

    Args:
        place: The store's folder, or the scorer's file.
        scorer: The scorer it is for; None where that is not known. A calibration of this one comes first.
        name: Name of the scores it is for: one of that name comes next, then the one made last.

    Raises:
        ArtefactError: The file carries none, or is damaged.
        StaleError: The store has none, or what it was made from changed.
    """
    wanted = None if scorer is None else scorers.digest(scorer)
    if not place.is_dir():
        found = read_file(place)
        if found is None:
            raise ArtefactError(
                f"{place} carries no calibration", hint="write one with `vadkit localize --calibrate --save`"
            )
        return found, _noted(place, wanted, scorers.digest(scorers.load(place)))
    store = Store(place)
    kind = KIND if store.names(KIND) else "events"
    current = store.artefact(kind)
    others = [store.artefact(kind, other) for other in store.names(kind) if other != current.name]
    ordered = sorted([current, *others], key=lambda one: one.name != name)  # stable: the one made last stays first
    made_for = {one.name: _scorer_digest(store, one) for one in ordered}
    artefact = next((one for one in ordered if made_for[one.name] == wanted is not None), ordered[0])
    notes = freshness.check(store, artefact)
    return of(artefact), (*notes, *_noted(place, wanted, made_for[artefact.name]))


def _scorer_digest(store: Store, artefact: Artefact) -> str | None:
    """Digest of the scorer of a calibration, or of events; None where it can no longer be read."""
    try:
        return scorers.digest(scorers.made(store, store.artefact("scores", artefact.facts["scores"])))
    except HeadhuntError:
        return None


def _noted(place: Path, wanted: str | None, found: str | None) -> tuple[str, ...]:
    if wanted is None or found is None or wanted == found:
        return ()
    return (f"the calibration of {place} was made for the scores of another scorer: the threshold may not fit",)


def read_file(scorer: Path) -> Calibration | None:
    """The calibration that a scorer's file carries; None when it carries none.

    Raises:
        ArtefactError: It is damaged.
    """
    data = scorers.described(scorer).get("calibration")
    return None if data is None else Calibration.from_json(data, source=f"the calibration of {scorer}")
