"""Manifest -> labels, splits and events of the videos already in the store; features are not touched."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headhunt.datasets import lengths, manifest
from headhunt.errors import ManifestError
from headhunt.files import StrPath
from headhunt.store import Store, write_labels


@dataclass(frozen=True)
class LabelReport:
    """What a run of `label` matched.

    Attributes:
        labelled: Videos of the store that got labels.
        unmatched_rows: Rows of the manifest without a video in the store.
        unmatched_videos: Videos of the store without a row in the manifest.
        notes: What the user should know.
    """

    labelled: int
    unmatched_rows: tuple[str, ...]
    unmatched_videos: tuple[str, ...]
    notes: tuple[str, ...] = ()


def label(manifest_path: StrPath, store_path: StrPath) -> LabelReport:
    """Take over labels from a manifest, joined by exact id.

    Raises:
        ManifestError: The manifest is malformed, matches no video at all, or has an event that begins at or past the
            end of its video. Nothing is taken over then.
    """
    store = Store(store_path, writable=True)
    paths, frames, problems = store.tables.files()
    listing = manifest.read(Path(manifest_path))
    match = manifest.match(listing.rows, paths)
    if not match.pairs:
        raise ManifestError(
            f"no row of {manifest_path} matches a video of {store_path}",
            got=f"rows like {match.unmatched_rows[0].video!r}, videos like {match.unmatched_videos[0]!r}"
            if match.unmatched_rows and match.unmatched_videos
            else f"{len(match.unmatched_rows)} rows, {len(match.unmatched_videos)} videos",
            hint="ids are paths relative to the manifest or to the folder that was extracted",
        )
    place = {path: i for i, path in enumerate(paths)}
    notes = lengths.check(
        lengths.Annotated(row.video, row.events, int(frames[i]), damaged=bool(problems[i]))
        for row, i in ((row, place[row.video]) for row, _ in match.pairs)
    )
    write_labels(store, {row.video: row for row, _ in match.pairs})
    return LabelReport(
        labelled=len(match.pairs),
        unmatched_rows=tuple(row.video for row in match.unmatched_rows),
        unmatched_videos=match.unmatched_videos,
        notes=(*listing.notes, *notes),
    )
