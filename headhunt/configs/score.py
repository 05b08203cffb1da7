"""What `score` can be told."""

from __future__ import annotations

from dataclasses import dataclass

from headhunt.configs.option import check, option
from headhunt.configs.shared import NAME_HELP, RESULT


@dataclass(frozen=True, kw_only=True)
class ScoreConfig:
    """How segments are scored."""

    scorer: str | None = option(
        None,
        "The scorer: a name, or a file written by localize --save or fit --output.",
        metavar="NAME|FILE",
        shown="the one fitted last",
    )
    origin: str | None = option(
        None, "Take the scorer from another store.", flag="from", metavar="STORE", shown="the same store"
    )
    name: str | None = option(None, NAME_HELP, metavar="NAME", shown="that of the scorer", panel=RESULT)

    def __post_init__(self) -> None:
        check(self)
