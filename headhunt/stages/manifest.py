"""A data set's own files -> the neutral manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headhunt.datasets import READERS, Reading, write_manifest
from headhunt.errors import ManifestError, UsageError


def make_manifest(
    dataset: str, root: Path, *, annotations: Path | None = None, output: Path | None = None, options: Any = None
) -> tuple[Reading, Path]:
    """Read a data set and write its manifest.

    Args:
        dataset: "folder", "ucf-crime" or "xd-violence".
        root: Folder of the videos; ids are relative to it.
        annotations: The annotation file or its folder, when it is not below `root`.
        output: The manifest, .csv or .jsonl; None for ROOT/manifest.csv.
        options: Further options of the reader, by name.

    Returns:
        What was read, leftovers included, and where the manifest is.

    Raises:
        ManifestError: The data set's files are malformed, or no video is there.
    """
    reader = READERS.get(dataset)
    if reader is None:
        raise UsageError("unknown data set", got=dataset, expected=" or ".join(READERS))
    if not root.is_dir():
        raise ManifestError(f"{root} is not a folder", expected="the folder of the videos")
    reading = reader(root, annotations=annotations, **(options or {}))
    if not reading.rows:
        raise ManifestError(
            f"no labelled video of {dataset} below {root}",
            got=f"{len(reading.unmatched_rows)} listed videos are missing, {len(reading.unmatched_videos)} not listed",
        )
    target = root / "manifest.csv" if output is None else output
    write_manifest(reading.rows, target)
    return reading, target
