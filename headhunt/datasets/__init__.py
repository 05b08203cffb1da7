"""Data sets: one reader each, from a data set's own files to the rows of the neutral manifest.

A reader takes the folder of the videos and, where the data set has them, the folder or file of its annotations, and
gives a `Reading`: rows for the videos that are there, and both leftovers. Its own options are keyword-only parameters.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from headhunt.registry import Registry

if TYPE_CHECKING:
    from headhunt.datasets.reading import Reading


class Reader(Protocol):
    """What every reader accepts; each has options of its own besides."""

    def __call__(self, root: Path, *, annotations: Path | None = None) -> Reading:
        """Read the data set whose videos lie under `root`; raises ManifestError."""
        ...


READERS: Registry[Reader] = Registry(
    {
        "folder": "headhunt.datasets.folder:folder",
        "avenue": "headhunt.datasets.avenue:avenue",
        "msad": "headhunt.datasets.msad:msad",
        "shanghaitech": "headhunt.datasets.shanghaitech:shanghaitech",
        "ubnormal": "headhunt.datasets.ubnormal:ubnormal",
        "ucf-crime": "headhunt.datasets.ucf_crime:ucf_crime",
        "ucsd": "headhunt.datasets.ucsd:ucsd",
        "xd-violence": "headhunt.datasets.xd_violence:xd_violence",
    }
)
"""Name of a data set -> its reader."""
