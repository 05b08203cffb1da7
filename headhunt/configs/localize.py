"""What `localize` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headhunt import splits
from headhunt.configs.option import check, option
from headhunt.configs.shared import NAME_HELP, RESULT
from headhunt.errors import UsageError

SIGMA, TAU = 1.5, 0.65  # HeadHunt-VAD's, as its code ships them


@dataclass(frozen=True, kw_only=True)
class LocalizeConfig:
    """How scores become events."""

    scores: str | None = option(None, "Scores to take.", metavar="NAME", shown="those made last")
    sigma: float | None = option(
        None,
        "Standard deviation of the smoothing, in segments.",
        metavar="SEGMENTS",
        least=0,
        shown=f"the calibrated or published value, {SIGMA:g}",
    )
    tau: float | None = option(
        None,
        "Threshold: an event is where the smoothed score is above it.",
        metavar="SCORE",
        least=0,
        most=1,
        shown=f"the calibrated or published value, {TAU:g}",
    )
    smoothing: Literal["gaussian", "none", "gaussian-zero"] | None = option(
        None,
        "How scores are smoothed; gaussian-zero pads with zeros as the authors' code does.",
        shown="the calibrated one, or gaussian",
    )
    calibrate: bool = option(False, "Search sigma and tau for the highest frame-level F1 on labelled videos.")
    split: str | None = option(
        None,
        "Split to calibrate on; the split test is refused.",
        canonical=splits.canonical,
        metavar="NAME",
        shown="val when there is one, else train",
    )
    origin: str | None = option(
        None,
        "Take the calibration, all of it, from another store, or from the file of a scorer saved with one.",
        flag="from",
        metavar="STORE|FILE",
        shown="none",
    )
    min_frames: int | None = option(
        None, "Drop events shorter than this.", metavar="FRAMES", least=1, shown="the calibrated value, or 1"
    )
    merge_gap_frames: int | None = option(
        None, "Join events this close to each other.", metavar="FRAMES", least=0, shown="the calibrated value, or 0"
    )
    name: str | None = option(None, NAME_HELP, metavar="NAME", shown="that of the scores", panel=RESULT)

    def __post_init__(self) -> None:
        if self.tau is not None and self.tau > 1:
            percent = f": did you mean {self.tau / 100:g}?" if 10 <= self.tau <= 100 else ""
            hint = f"scores lie between 0 and 1{percent}"
            raise UsageError("--tau is out of range", got=f"{self.tau:g}", expected="at most 1", hint=hint)
        check(self)
        if self.calibrate and self.origin is not None:
            raise UsageError("--calibrate and --from contradict each other", hint="calibrate in the other store first")
        if self.calibrate and self.sigma is not None and self.tau is not None:
            raise UsageError("--calibrate has nothing to search when --sigma and --tau are given")
