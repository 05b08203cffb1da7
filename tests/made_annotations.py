"""The published annotations of the data sets, read as plainly as possible, to test against."""

from __future__ import annotations

import csv
from pathlib import Path

from headhunt.records import Interval


def counts_of(path: Path) -> dict[str, int]:
    with path.open(encoding="utf-8", newline="") as file:
        return {row["video"].rsplit("/", 1)[-1]: int(row["frames"]) for row in csv.DictReader(file)}


def ucf_crime(folder: Path) -> dict[str, tuple[int, list[Interval]]]:
    videos = {name: (n, []) for name, n in counts_of(folder / "test_frame_counts.csv").items()}
    for line in (folder / "Temporal_Anomaly_Annotation_for_Testing_Videos.txt").read_text().splitlines():
        if line.strip():
            name, _, *ends = line.split()
            pairs = zip(map(int, ends[::2]), map(int, ends[1::2]), strict=True)
            videos[name][1].extend(Interval(s, e) for s, e in pairs if s >= 0)
    return videos


def xd_violence(folder: Path) -> dict[str, tuple[int, list[Interval]]]:
    videos = {name: (n, []) for name, n in counts_of(folder / "test_frame_counts.csv").items()}
    for line in (folder / "annotations.txt").read_text(encoding="utf-8").splitlines():
        if line.strip():
            name, *ends = line.split()
            pairs = zip(map(int, ends[::2]), map(int, ends[1::2]), strict=True)
            videos[name.removesuffix(".mp4")][1].extend(Interval(s, e) for s, e in pairs)
    return videos
