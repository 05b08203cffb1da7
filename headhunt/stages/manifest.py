"""A data set's own files -> the neutral manifest."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from headhunt.datasets import READERS
from headhunt.datasets.manifest import write_manifest
from headhunt.datasets.reading import Reading, some
from headhunt.errors import ManifestError, UsageError, VideoError
from headhunt.names import path_of


def make_manifest(
    dataset: str,
    root: str | Path,
    *,
    annotations: str | Path | None = None,
    output: str | Path | None = None,
    options: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> tuple[Reading, Path]:
    """Read a data set and write its manifest.

    Args:
        dataset: A name of `READERS`: "folder", "avenue", "ucf-crime", ...
        root: Folder of the videos; ids are relative to it.
        annotations: The annotation file or its folder, when it is not below `root`.
        output: The manifest, .csv or .jsonl; None for ROOT/manifest.csv.
        options: Further options of the reader, by name.
        overwrite: Write in place of a manifest that is there.

    Returns:
        What was read, leftovers included, and where the manifest is. Where annotations have a label a frame, the frames
        of each video are counted, and a note tells of those that have another number.

    Raises:
        ManifestError: The data set's files are malformed, or no video is there.
        UsageError: There is no such data set, its reader has no such option, or there is such a file already: someone
            may have corrected it by hand.
    """
    root = Path(root)
    if dataset not in READERS:
        raise UsageError("unknown data set", got=dataset, expected=" or ".join(READERS))
    given = dict(options or {}) | ({} if annotations is None else {"annotations": Path(annotations)})
    for name in given:
        having = [one for one in READERS if name in _options(one)]
        if dataset not in having:
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(
                f"{flag} does not belong to {dataset}", expected=f"only with {', '.join(having) or 'none'}"
            )
    if not root.is_dir():
        raise ManifestError(f"{root} is not a folder", expected="the folder of the videos")
    reading = READERS[dataset](root, **given)
    if not reading.rows:
        raise ManifestError(
            f"no labelled video of {dataset} below {root}",
            got=f"{len(reading.unmatched_rows)} listed videos are missing, {len(reading.unmatched_videos)} not listed",
        )
    target = root / "manifest.csv" if output is None else Path(output)
    if not overwrite and os.path.lexists(target):
        raise UsageError(f"{target} is there already", hint="give --overwrite, or another name with --output")
    write_manifest(reading.rows, target)
    return replace(reading, notes=(*_miscounted(reading, root), *reading.notes)), target


def _miscounted(reading: Reading, root: Path) -> Iterator[str]:
    """Notes on videos that have another number of frames than their annotation speaks of."""
    from headhunt.video import count_frames

    wrong, unread = [], []
    for video, told in reading.frames.items():
        try:
            n = count_frames(root / path_of(video))
        except VideoError as error:
            unread.append(f"{video}: {error}")
            continue
        if n != told:
            wrong.append(f"{video} has {n} frames and {told} labels")
    if wrong:
        yield f"as many labels as frames are expected, events are kept as given: {some(wrong)}"
    if unread:
        yield f"frames that could not be counted against the labels: {some(unread)}"


def _options(dataset: str) -> set[str]:
    """Names of the options a reader has; `folder` takes labels from folders, so annotations are none of its own."""
    parameters = inspect.signature(READERS[dataset]).parameters
    return {name for name in parameters if name != "root"} - ({"annotations"} if dataset == "folder" else set())
