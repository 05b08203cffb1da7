"""Everything that adds to a store but features: creating it, planning rows, labels, the videos' status."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt.arrays import Float64
from headhunt.errors import FingerprintError, ForeignStoreError, StoreError
from headhunt.fingerprint import Fingerprint, differences
from headhunt.records import Interval, Json, ManifestRow, ModelSpec, Segment
from headhunt.store import truth
from headhunt.store.chunks import WHOLE, write_fill
from headhunt.store.layout import (
    COMPLETE,
    FORMAT,
    SEGMENT_COLUMNS,
    SHARD_ROWS,
    UNITS,
    VERSION,
    VIDEO_COLUMNS,
    RowStatus,
    VideoStatus,
    make_column,
    make_columns,
    make_features,
)
from headhunt.store.locks import disk_error, lock
from headhunt.store.reader import Store
from headhunt.version import __version__


@dataclass(frozen=True)
class PlannedVideo:
    """One video as the planner hands it over.

    Attributes:
        manifest: Its id and labels.
        frames: Native frames, 0 when it could not be opened.
        fps: Mean frames a second, NaN when it could not be opened.
        duration_s: Seconds.
        bytes: Size on disk.
        segments: Its rows, in order.
        times_s: float64 (len(segments), 2), true start and end of each row.
        problem: Why it, or a part of it, cannot be extracted; "" when all is well.
        modified_ns: When its file was last written to, nanoseconds since 1970; 0 when not known.
        digest: Of the head and tail of its file; "" when not known.
        mask: Digest of the areas that are ignored in it; "" for none.
        height: Of its frames in pixels, 0 when it could not be opened; told, not stored.
        width: Likewise.
        notes: What is odd about it though nothing is wrong, in words; told, not stored.
    """

    manifest: ManifestRow
    frames: int
    fps: float
    duration_s: float
    bytes: int
    segments: tuple[Segment, ...]
    times_s: Float64
    problem: str = ""
    modified_ns: int = 0
    digest: str = ""
    mask: str = ""
    height: int = 0
    width: int = 0
    notes: tuple[str, ...] = ()


def create(path: Path, *, fingerprint: Fingerprint, spec: ModelSpec, info: Json) -> Store:
    """Make an empty store; nothing happens when one with the same fingerprint is there already.

    Args:
        path: Folder to make.
        fingerprint: What its features depend on; it also says which heads and whether the context is kept.
        spec: Sizes of the model.
        info: Facts that features do not depend on (name of the model, notes).

    Raises:
        FingerprintError: A store with another fingerprint is there.
        ForeignStoreError: Something else is there.
    """
    import zarr

    path = Path(path)
    store = check_place(path)
    if store is not None:
        check_fingerprint(store, fingerprint)
        return store
    try:
        path.mkdir(parents=True, exist_ok=True)
        # The root's metadata are written last: a folder without them is an interrupted creation and is made anew.
        (path / ".creating").touch()
        with lock(path, "plan"):
            if not (path / "zarr.json").is_file():
                _create(zarr, path, fingerprint=fingerprint, spec=spec, info=info)
            (path / ".creating").unlink(missing_ok=True)
    except OSError as error:
        raise disk_error(path, error) from error
    store = Store(path, writable=True)
    check_fingerprint(store, fingerprint)
    return store


def check_place(path: Path) -> Store | None:
    """Raise, before work is done for it, where no store could be made or added to.

    Returns:
        The store that is there, writable; None where one can be made.

    Raises:
        ForeignStoreError: Something else is there.
        StoreError: Nothing can be written there.
    """
    try:
        with suppress(FileNotFoundError, NotADirectoryError):
            path.stat()  # says what no file can be called
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            if path.is_dir() and (path / "zarr.json").is_file():
                return Store(path, writable=True)
            if not path.is_dir() or not (path / ".creating").is_file():
                raise ForeignStoreError(
                    f"{path} is in the way", expected="no such file, or a store", hint="name another with --store"
                )
        there = next(folder for folder in (path, *path.absolute().parents) if os.path.lexists(folder))
        if not there.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, f"{there} is not a folder")
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, f"{there} may not be written to")
    except OSError as error:
        raise disk_error(path, error) from error
    except ValueError as error:
        raise StoreError(
            f"no store can be called {str(path)!r}", got=error, hint="name another with --store"
        ) from error
    return None


def _create(zarr: Any, path: Path, *, fingerprint: Fingerprint, spec: ModelSpec, info: Json) -> None:
    sub = {name: zarr.create_group(str(path / name), overwrite=True) for name in ("videos", "segments", "features")}
    make_columns(sub["videos"], VIDEO_COLUMNS, "video")
    make_columns(sub["segments"], SEGMENT_COLUMNS, "segment")
    sub["segments"].attrs["planned"] = {"videos": 0, "rows": 0}
    make_features(
        sub["features"],
        prompts=len(fingerprint.prompts),
        layers=spec.layers,
        heads=spec.heads,
        head_dim=spec.head_dim,
        hidden=None if fingerprint.context is None else spec.hidden,
        picks=None if fingerprint.heads is None else len(fingerprint.heads),
    )
    zarr.create_group(
        str(path),
        attributes={
            "format": FORMAT,
            "version": VERSION,
            "fingerprint": fingerprint.to_json(),
            "spec": asdict(spec),
            "info": info | {"vadkit": __version__},
        },
    )


def check_fingerprint(store: Store, fingerprint: Fingerprint) -> None:
    """Raise, with the differences, unless the store was made with this fingerprint.

    Raises:
        FingerprintError: It was not.
    """
    lines = differences(store.fingerprint, fingerprint)
    if lines:
        raise FingerprintError(
            f"{store.path} was made in another way\n" + "\n".join(f"    {line}" for line in lines),
            expected="the same model, precision, prompts, sampling and versions in one store",
            hint="extract into another store (--store), or repeat the first run's options",
        )


def plan(store: Store, videos: Sequence[PlannedVideo]) -> Store:
    """Add videos and their rows, from the next shard boundary on.

    The counts in `planned` change last, in one write: an interrupted plan leaves nothing behind that counts.

    Returns:
        The store, opened again.
    """
    if not videos:
        return store
    with lock(store.path, "plan"):
        store = Store(store.path, writable=True)
        table, n_rows = store.videos(), int(store.planned["rows"])
        place = {path: i for i, path in enumerate(table.path)}
        rows_now = store.segments()
        filled = set(zip(rows_now.video.tolist(), (UNITS[u] for u in rows_now.unit), strict=True))
        for video in videos:
            place.setdefault(video.manifest.video, len(place))
        index = [place[v.manifest.video] for v in videos]
        # Another planner may have been faster: a unit of a video that has rows gets no more of them.
        rows = [
            (i, video, k)
            for i, video in zip(index, videos, strict=True)
            for k, segment in enumerate(video.segments)
            if (i, segment.unit) not in filled
        ]
        total = n_rows + -(-len(rows) // SHARD_ROWS) * SHARD_ROWS
        try:
            for _, array in store.root["features"].arrays():
                array.resize((max(total, array.shape[0]), *array.shape[1:]))
            complete(store)
            _write_segments(store.root["segments"], n_rows, total, rows)
            _add_truth(store, {i: v.manifest for i, v in zip(index, videos, strict=True)}, table.events)
            _write_videos(store.root["videos"], len(place), index, videos)
            store.root["segments"].attrs["planned"] = {"videos": len(place), "rows": total}
        except OSError as error:
            raise disk_error(store.path, error) from error
    return Store(store.path, writable=True)


def _write_segments(group: Any, first: int, total: int, rows: Sequence[tuple[int, PlannedVideo, int]]) -> None:
    columns: dict[str, Any] = {
        name: np.full(total - first, fill, dtype=object if dtype is str else dtype)
        for name, (dtype, fill) in SEGMENT_COLUMNS.items()
    }
    for i, (index, video, k) in enumerate(rows):
        segment = video.segments[k]
        columns["video"][i] = index
        columns["start_frame"][i], columns["end_frame"][i] = segment.start_frame, segment.end_frame
        columns["start_s"][i], columns["end_s"][i] = video.times_s[k]
        columns["unit"][i] = UNITS.index(segment.unit)
        columns["status"][i] = RowStatus.PLANNED
    for name, values in columns.items():
        if name not in group:  # a store made before the column was thought of
            continue
        array = group[name].with_config(WHOLE)
        array.resize((total,))
        if total > first:
            array[first:total] = values


def _write_videos(group: Any, total: int, index: Sequence[int], videos: Sequence[PlannedVideo]) -> None:
    columns: dict[str, Any] = {
        "path": [v.manifest.video for v in videos],
        "frames": [v.frames for v in videos],
        "fps": [v.fps for v in videos],
        "duration_s": [v.duration_s for v in videos],
        "bytes": [v.bytes for v in videos],
        "split": [v.manifest.split for v in videos],
        "label": [v.manifest.label for v in videos],
        "category": [v.manifest.category for v in videos],
        "events_known": [v.manifest.events is not None for v in videos],
        "problem": [v.problem for v in videos],
        "status": [VideoStatus.PLANNED if v.segments else VideoStatus.FAILED for v in videos],
        "reason": [v.problem for v in videos],
        "modified_ns": [v.modified_ns for v in videos],
        "digest": [v.digest for v in videos],
        "mask": [v.mask for v in videos],
    }
    for name, values in columns.items():
        array = _column(group, name).with_config(WHOLE)
        array.resize((total,))
        whole = array[:]
        whole = whole.astype(object) if VIDEO_COLUMNS[name][0] is str else whole
        for i, value in zip(index, values, strict=True):
            whole[i] = value
        if total:
            array[:] = whole


def write_labels(store: Store, rows: Mapping[str, ManifestRow]) -> Store:
    """Set split, label, category and events of videos already in the store; features are not touched.

    Args:
        store: The store.
        rows: Video id -> what is known of it; other videos keep what they have.
    """
    with lock(store.path, "plan"):
        store = Store(store.path, writable=True)
        paths, _, _ = store.tables.files()
        found = {i: rows[path] for i, path in enumerate(paths) if path in rows}
        try:
            # With all videos given, what is there is not read: it may be damaged, and this mends it.
            old = None if len(found) == len(paths) else store.videos()
            if old is not None:
                complete(store)
            columns: dict[str, Sequence[Any]] = {
                "split": [row.split for row in found.values()],
                "label": [row.label for row in found.values()],
                "category": [row.category for row in found.values()],
                "events_known": [row.events is not None for row in found.values()],
            }
            # Events count as unknown while they change: a run killed here leaves no video with events it has not.
            set_column(store, "events_known", found, [False] * len(found))
            _add_truth(store, found, [None] * len(paths) if old is None else old.events)
            for name, values in columns.items():
                set_column(store, name, found, values)
        except OSError as error:
            raise disk_error(store.path, error) from error
    return Store(store.path, writable=True)


def _column(group: Any, name: str) -> Any:
    """A column of /videos, made where an earlier version did not know it."""
    return group[name] if name in group else make_column(group, name, VIDEO_COLUMNS, "video")


def set_column(store: Store, name: str, found: Collection[int], values: Sequence[Any]) -> None:
    """Give some videos other values of a column. Hold the planner's lock."""
    array = _column(store.root["videos"], name).with_config(WHOLE)
    n = int(store.planned["videos"])
    if array.shape[0] < n:
        array.resize((n,))
    kind, fill = VIDEO_COLUMNS[name]
    kind = object if kind is str else kind
    whole = np.full(n, fill, kind) if len(found) == n else array[:n].astype(kind)
    for i, value in zip(found, values, strict=True):
        whole[i] = value
    if n:
        array[:] = np.concatenate([whole, np.full(array.shape[0] - n, fill, kind)])


def _add_truth(store: Store, rows: Mapping[int, ManifestRow], known: Sequence[tuple[Interval, ...] | None]) -> None:
    """Rewrite /truth with the events of `rows` put in place of those known of these videos."""
    kept = {i: events or () for i, events in enumerate(known) if i not in rows}
    new = {i: row.events or () for i, row in rows.items()}
    truth.write(store.path, [(i, e.start_frame, e.end_frame) for i, events in (kept | new).items() for e in events])


def complete(store: Store) -> None:
    """Write out the chunks that an earlier version left out, so that one which is not there is lost from now on.

    Only what `Store.videos` and `Store.segments` accept is written out. Hold the planner's lock.
    """
    store.videos()
    absent = store.tables.absent_chunks()
    for table, columns in (("videos", VIDEO_COLUMNS), ("segments", SEGMENT_COLUMNS)):
        group = store.root[table]
        n = int(store.planned["videos" if table == "videos" else "rows"])
        have = [name for name in columns if name in group and group[name].shape[0] >= n]
        if set(have) <= set(group.attrs.get(COMPLETE, ())):
            continue
        for name in have:
            numbers = [number for column, number in absent[table] if column == name]
            if numbers:
                write_fill(group[name], store.path / table / name, numbers)
        group.attrs[COMPLETE] = have


def finish(store: Store) -> Store:
    """Write the videos' status and reason, as they follow from their rows, for readers outside this package."""
    with lock(store.path, "plan"):
        store = Store(store.path, writable=True)
        table, group = store.videos(), store.root["videos"]
        try:
            complete(store)
            if len(table):
                group["status"].with_config(WHOLE)[: len(table)] = table.status
                group["reason"].with_config(WHOLE)[: len(table)] = np.array(table.reason, dtype=object)
        except OSError as error:
            raise disk_error(store.path, error) from error
    return Store(store.path, writable=True)
