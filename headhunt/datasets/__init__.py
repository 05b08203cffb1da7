"""Data sets: one reader each, from a data set's own files to the rows of the neutral manifest.

A reader takes the folder of the videos and, where the data set has them, the folder or file of its annotations, and
gives a `Reading`: rows for the videos that are there, and both leftovers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from headhunt.datasets.folder import Reading, find_videos, folder
from headhunt.datasets.manifest import Match, match, read_manifest, write_manifest
from headhunt.datasets.sampling import sample
from headhunt.datasets.ucf_crime import ucf_crime
from headhunt.datasets.xd_violence import xd_violence


class Reader(Protocol):
    """What every reader accepts; each has options of its own besides."""

    def __call__(self, root: Path, *, annotations: Path | None = None) -> Reading:
        """Read the data set whose videos lie under `root`; raises ManifestError."""
        ...


READERS: Mapping[str, Reader] = {"folder": folder, "ucf-crime": ucf_crime, "xd-violence": xd_violence}

__all__ = [
    "READERS",
    "Match",
    "Reader",
    "Reading",
    "find_videos",
    "match",
    "read_manifest",
    "sample",
    "write_manifest",
]
