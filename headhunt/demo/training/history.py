"""Records of the earlier runs of a model: where they are, and copies of their logs."""

from __future__ import annotations

from pathlib import Path

from headhunt.models.random import EMBEDDED


def folder_of(model: str) -> Path:
    """Folder of the records of a model's training: that of the run, which holds `model/`, or the model's own."""
    folder = EMBEDDED if model == "tiny" else Path(model)
    return folder.parent if (folder.parent / "scores.json").is_file() else folder


def keep_logs(known: Path, out: Path, runs: int) -> None:
    """Copy the logs of earlier runs: log-1.csv is that of the first, and so on."""
    for run in range(1, runs + 1):
        for log in (known / f"log-{run}.csv", known / "log.csv"):
            if log.is_file():
                (out / f"log-{run}.csv").write_bytes(log.read_bytes())
                break
