"""What is known of the runs that a model has behind it: where their records are, and their logs."""

from __future__ import annotations

from pathlib import Path

from headhunt.models.random import EMBEDDED


def folder_of(model: str) -> Path:
    """Where the records of a model's training are: beside `model/` of a run, or in the folder of the model itself."""
    place = EMBEDDED if model == "tiny" else Path(model)
    return place.parent if (place.parent / "scores.json").is_file() else place


def keep_logs(known: Path, out: Path, runs: int) -> None:
    """The logs of the runs before: log-1.csv of the first, and so on."""
    for run in range(1, runs + 1):
        for log in (known / f"log-{run}.csv", known / "log.csv"):
            if log.is_file():
                (out / f"log-{run}.csv").write_bytes(log.read_bytes())
                break
