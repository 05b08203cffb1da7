"""What `evaluate` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headhunt import splits
from headhunt.configs.option import check, option
from headhunt.configs.shared import NAME_HELP, RESULT, SEED_HELP


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig:
    """What is evaluated, and how."""

    events: str | None = option(None, "Events to measure.", metavar="NAME", shown="those made last")
    split: str | None = option(
        None,
        "Split to evaluate.",
        canonical=splits.canonical,
        metavar="NAME",
        shown="test when there is one, else all labelled videos",
    )
    videos: tuple[str, ...] | None = option(
        None, "Only this video of the split; may be repeated.", flag="video", metavar="ID", shown="all"
    )
    protocol: Literal["native", "clip16", "xd-trunc"] = option(
        "native",
        "Which frames count: all, or as published evaluations cut them.",
    )
    inclusive: bool = option(False, "Annotated events include their end frame.", off="-")
    n_bootstrap: int = option(
        1000,
        "Resamplings of the videos for 95 % intervals; 0 for no intervals.",
        flag="bootstrap",
        metavar="N",
        least=0,
    )
    seed: int = option(0, SEED_HELP, metavar="N", least=0)
    name: str | None = option(None, NAME_HELP, metavar="NAME", shown="that of the events", panel=RESULT)

    def __post_init__(self) -> None:
        check(self)
