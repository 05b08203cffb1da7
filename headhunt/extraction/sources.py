"""From what stands on the command line (files, folders, manifests) to the list of videos, each with its id and path."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from headhunt import video
from headhunt.datasets import manifest
from headhunt.errors import InputError
from headhunt.finding import find
from headhunt.names import path_of, text_of
from headhunt.records import ManifestRow

MANIFEST_NAME = "manifest.csv"
MANIFEST_SUFFIXES = {".csv", ".jsonl"}


@dataclass(frozen=True)
class Source:
    """One video to extract.

    Attributes:
        row: Its id and labels.
        path: Where its file or folder of frames is; it may be missing, which is found out when it is opened.
        mask: Where the picture of the areas to ignore is; None where the manifest names none.
    """

    row: ManifestRow
    path: Path
    mask: Path | None = None


def collect(paths: Sequence[Path], *, root: Path | None = None, notes: list[str] | None = None) -> list[Source]:
    """The videos behind files, folders and manifests, sorted by id.

    A folder that holds a `manifest.csv` is that manifest; any other folder gives every video below it, ids relative to
    it.

    Args:
        paths: Files, folders and manifests.
        root: Folder that ids of manifests are relative to; None for each manifest's own.
        notes: Gets what was passed over in folders and what the user should know of the manifests, in sentences.

    Raises:
        InputError: Nothing there, or two videos with one id.
    """
    if not paths:
        raise InputError("no videos given", expected="files, folders or a manifest")
    sources: dict[str, Source] = {}
    told = [] if notes is None else notes
    for path in paths:
        found = _collect_one(Path(path), root, told)
        if not found:
            expected = ", ".join(sorted(video.VIDEO_SUFFIXES))
            raise InputError(f"no videos in {path}", got="; ".join(told) or None, expected=expected)
        for source in found:
            other = sources.get(source.row.video)
            if other is not None and other.path != source.path:
                raise InputError(
                    f"two videos have the id {source.row.video!r}",
                    got=f"{other.path} and {source.path}",
                    hint="list them in a manifest, whose ids are paths relative to it",
                )
            sources[source.row.video] = source
    return [sources[name] for name in sorted(sources)]


def _manifest_of(path: Path) -> Path | None:
    """The manifest that a path stands for: itself, or the one in the folder; None for videos."""
    if path.is_dir():
        inner = path / MANIFEST_NAME
        return inner if inner.is_file() else None
    return path if path.suffix.lower() in MANIFEST_SUFFIXES else None


def _collect_one(path: Path, root: Path | None, notes: list[str]) -> list[Source]:
    listing = _manifest_of(path)
    if listing is not None:
        return _from_manifest(listing, root, notes)
    if path.is_dir():
        found = find(path)
        notes += found.notes()
        return [Source(ManifestRow(_id_of(file, path)), file) for file in (*found.videos, *found.hollow)]
    if not path.exists():
        raise InputError(f"{path} does not exist", expected="a video, a folder or a manifest")
    return [Source(ManifestRow(_id_of(path, path)), path)]


def _id_of(file: Path, folder: Path) -> str:
    return text_of(file.name if file == folder else file.relative_to(folder).as_posix())


def _from_manifest(path: Path, root: Path | None, notes: list[str]) -> list[Source]:
    folder = path.parent if root is None else root
    listing = manifest.read(path)
    notes += listing.notes
    sources = [
        Source(row, _named(folder, row.video), _named(path.parent, row.mask) if row.mask else None)
        for row in listing.rows
    ]
    if sources and not any(source.path.exists() for source in sources):
        raise InputError(
            f"none of the {len(sources)} videos of {path} is there",
            got=f"the first would be {sources[0].path}",
            hint="say with --root which folder the manifest's ids are relative to",
        )
    return sources


def _named(folder: Path, text: str) -> Path:
    """The file whose name is written as text; or, where there is none, the one that is called just that."""
    meant = folder / path_of(text)
    return meant if meant.exists() else folder / text


def unlisted(paths: Sequence[Path], sources: Sequence[Source], *, root: Path | None = None) -> list[str]:
    """Videos that lie below the folder of a manifest among `paths` but that nothing lists, as ids, sorted."""
    listed = {source.path.resolve() for source in sources}
    listings = [listing for listing in map(_manifest_of, map(Path, paths)) if listing is not None]
    folders = sorted({listing.parent if root is None else root for listing in listings})
    return [_id_of(f, folder) for folder in folders for f in video.find_videos(folder) if f.resolve() not in listed]
