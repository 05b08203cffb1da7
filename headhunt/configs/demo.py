"""What `demo` can be told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headhunt.configs.option import check, option
from headhunt.configs.shared import SEED_HELP
from headhunt.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class DemoConfig:
    """What the embedded example does."""

    out: Path | None = option(
        None, "Where videos and store go.", metavar="FOLDER", shown="a temporary folder, which is kept"
    )
    videos: Path | None = option(
        None, "Only render the videos and their manifest there.", metavar="FOLDER", shown="none"
    )
    quick: bool = option(False, "Fewer and shorter videos.", off="-")
    full: bool = option(False, "Print all rows: every ablation of both papers.", off="-")
    seed: int = option(0, SEED_HELP, metavar="N", least=0)
    seeds: int = option(1, "Repeat over N seeds from --seed on: mean and spread.", metavar="N", least=1)
    model: str = option(
        "tiny", "The model: an alias (internvl3, internvl3-1b, ..., tiny), a hub id or a folder.", metavar="NAME"
    )
    workers: int = option(2, "Processes that render.", metavar="N", least=1)

    def __post_init__(self) -> None:
        check(self)
        if self.videos is not None and self.seeds > 1:
            raise UsageError("--videos renders one data set", got=f"--seeds {self.seeds}", hint="leave --seeds out")
