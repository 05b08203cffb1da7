"""The expensive pass: videos -> features. Plans rows, decodes ahead of the model, writes whole shards, resumes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headhunt.artefacts.references import check_fits, check_heads, check_like, look_up
from headhunt.configs.extract import ExtractConfig
from headhunt.errors import StaleError, StoreBusyError
from headhunt.extraction.batch_size import BatchSize
from headhunt.extraction.changes import changes_of
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.masks import Mask
from headhunt.extraction.memory import keep_freed_memory
from headhunt.extraction.passes import Counts, Passes
from headhunt.extraction.preparation import (
    UNITS,
    Run,
    check_events,
    choose,
    mask_notes,
    masks_of,
    notes_on,
    plan_videos,
    prepare,
)
from headhunt.extraction.shared_frames import SharedFrames
from headhunt.extraction.sources import Source, collect, unlisted
from headhunt.extraction.still_segments import StillSegments
from headhunt.extraction.tasks import tasks_of
from headhunt.files import StrPath, several
from headhunt.progress import Progress, silent
from headhunt.store import (
    SHARD_ROWS,
    RowStatus,
    ShardWriter,
    Store,
    VideoStatus,
    check_place,
    claim_shard,
    create,
    finish,
    note_files,
    plan,
    retire,
)

__all__ = ["UNITS", "ExtractConfig", "ExtractReport", "Run", "choose", "conclude", "extract", "prepare"]

AHEAD = 4  # each decoder is two passes ahead, and two of so many segments at least: passes may grow


@dataclass(repr=False)
class ExtractReport:
    """What a run of `extract` did.

    Attributes:
        store: Path of the store.
        videos: Videos asked for.
        rows_done: Rows finished now.
        rows_reused: How many of those took the features of a segment that looks the same (`skip_still`).
        rows_kept: Rows that were done before.
        rows_failed: Rows that could not be had.
        failed: (video, reason) of every video asked for that failed, wholly or in part.
        frames_missing: Frames of finished rows that cannot be decoded and that the nearest ones stand in for.
        rows_missing: How many rows have such frames.
        unlisted: Videos that lie beside the manifest but are not in it.
        elsewhere: Rows left to other processes.
        notes: What the user should know of the model, the labels and the videos.
    """

    store: str
    videos: int = 0
    rows_done: int = 0
    rows_reused: int = 0
    rows_kept: int = 0
    rows_failed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    frames_missing: int = 0
    rows_missing: int = 0
    unlisted: list[str] = field(default_factory=list)
    elsewhere: int = 0
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        failed = f", {len(self.failed)} videos failed: see .failed" if self.failed else ""
        return (
            f"<ExtractReport {self.store}: {self.videos} videos, {self.rows_done} rows done now, {self.rows_kept} "
            f"before{failed}; next: select_heads, or score with a fitted scorer>"
        )


def extract(
    videos: StrPath | Sequence[StrPath],
    store_path: StrPath,
    config: ExtractConfig | None = None,
    *,
    progress: Progress = silent,
) -> ExtractReport:
    """Extract the features of some videos into a store; only what is missing is computed.

    Args:
        videos: Videos, folders or manifests.
        store_path: The store, made when it is not there.
        config: How; the defaults when left out.
        progress: Called with how far it is.

    Raises:
        StoreError: The store is foreign, was made in another way, or the disk refuses.
        HeadhuntError: The model or the input cannot be used at all. A single bad video is recorded instead.
    """
    store_path, paths = Path(store_path), several(videos)
    config = look_up(ExtractConfig() if config is None else config, store_path)
    notes: list[str] = []
    check_place(store_path)
    everything = collect(paths, root=config.root, notes=notes)
    sources = choose(everything, config)
    masks = masks_of(sources, config)
    report = ExtractReport(store=str(store_path), videos=len(sources))
    report.notes += [*notes, *mask_notes(masks)]
    report.unlisted += unlisted(paths, everything, root=config.root)
    with Decoders(config.n_decoders, config.decode_timeout_s) as decoders:
        decoders.start()  # while the model is loaded
        return _extract(sources, store_path, config, masks, decoders, report, progress)


def _extract(
    sources: Sequence[Source],
    store_path: Path,
    config: ExtractConfig,
    masks: Mapping[str, Mask],
    decoders: Decoders,
    report: ExtractReport,
    progress: Progress,
) -> ExtractReport:
    run = prepare(config)
    if run.backbone.device.type == "cpu":
        keep_freed_memory()
    if config.like is not None:
        check_like(Store(config.like), run.fingerprint)
    if config.head_set is not None:
        check_heads(config.head_set, run.fingerprint, run.backbone.spec, source="the file given with --heads")
    if config.scorer is not None:
        check_fits(config.scorer, run.fingerprint, run.backbone.spec)
    report.notes += run.notes
    store = create(
        store_path,
        fingerprint=run.fingerprint,
        spec=run.backbone.spec,
        info=run.info | {"model": config.model_name, "revision": config.revision},
    )
    store = _plan(store, sources, config, masks, decoders, report, progress)
    wanted = {source.row.video: source.path for source in sources}
    rows = store.segments()
    paths_of = store.videos().path
    mine = np.array([paths_of[v] in wanted for v in rows.video], bool)
    report.rows_kept = int((mine & (rows.status == RowStatus.DONE)).sum())
    before = report.rows_kept
    total = int(mine.sum())
    size = BatchSize(config.batch_size)
    for shard in sorted({int(r) // SHARD_ROWS for r in rows.row[mine & (rows.status != RowStatus.DONE)]}):
        if shard % config.shard[1] != config.shard[0]:
            report.elsewhere += int((mine & (rows.row // SHARD_ROWS == shard)).sum())
            continue
        with claim_shard(store, shard) as claimed:
            if not claimed:
                report.elsewhere += int((mine & (rows.row // SHARD_ROWS == shard)).sum())
                continue
            for counts in _run_shard(store, shard, wanted, masks, run, size, config, decoders):
                report.rows_done += counts.done
                report.rows_failed += counts.failed
                report.rows_reused += counts.reused
                progress("segments", before + report.rows_done + report.rows_failed, total)
    if report.elsewhere and not (report.rows_done or report.rows_failed) and config.shard[1] == 1:
        raise StoreBusyError(
            f"another process is extracting into {store_path}", hint="wait for it, or divide the work with --shard i/n"
        )
    report.notes += size.notes
    _sum_up(report, finish(store), wanted)
    return report


def conclude(report: ExtractReport, paths: Sequence[Path], config: ExtractConfig) -> ExtractReport:
    """Complete the report of several processes that have ended, from the store they worked on.

    Args:
        report: What they did together; what was there before, what is left and what failed are filled in.
        paths: Videos, folders or manifests, as `extract` was given them.
        config: Its configuration.
    """
    wanted = {source.row.video for source in choose(collect(paths, root=config.root), config)}
    store = finish(Store(report.store, writable=True))
    table, paths_of = store.segments(), store.videos().path
    status = table.status[[paths_of[v] in wanted for v in table.video]]
    report.rows_kept = int((status == RowStatus.DONE).sum()) - report.rows_done
    report.elsewhere = int((status == RowStatus.PLANNED).sum())
    _sum_up(report, store, wanted)
    return report


def _sum_up(report: ExtractReport, store: Store, wanted: Container[str]) -> None:
    """Say which of the wanted videos failed, wholly or in part, and how many of their frames are others."""
    table, done = store.videos(), store.segments().done()
    report.failed = [
        (path, reason)
        for path, status, reason in zip(table.path, table.status, table.reason, strict=True)
        if path in wanted and status in {VideoStatus.FAILED, VideoStatus.PARTIAL}
    ]
    missing = [n for video, n in zip(done.video, done.missing, strict=True) if n and table.path[video] in wanted]
    report.frames_missing, report.rows_missing = int(sum(missing)), len(missing)


def _plan(
    store: Store,
    sources: Sequence[Source],
    config: ExtractConfig,
    masks: Mapping[str, Mask],
    decoders: Decoders,
    report: ExtractReport,
    progress: Progress,
) -> Store:
    """Probe the videos that have no rows yet and plan those.

    Raises:
        StaleError: The rows of a video are not of the file that is there now.
    """
    changes = changes_of(sources, store, config, masks)
    if changes.changed:
        raise StaleError(
            f"{len(changes.changed)} videos changed since {store.path} was made",
            got="; ".join(changes.changed[:5]),
            hint="extract them into a new store, or put back what was there",
        )
    report.notes += changes.notes
    if changes.relabelled:
        report.notes.append(
            f"labels of {changes.relabelled} videos differ from the store's: run `vadkit label` to take them over"
        )
    note_files(store, changes.seen)
    known, planned = store.videos().path, []
    redo = {known[index]: index for index in changes.redo}
    progress("probing videos", 0, len(changes.new))
    for count, found in enumerate(plan_videos(changes.new, config, decoders, masks), start=1):
        name = found.manifest.video
        if name in redo and not found.segments:
            del changes.redo[redo[name]]
            report.notes.append(f"{name} grew and cannot be read now, so its rows are kept: {found.problem}")
        else:
            planned.append(found)
        progress("probing videos", count, len(changes.new))
    report.notes += check_events(planned)
    report.notes += notes_on(planned)
    retire(store, changes.redo)
    return plan(store, planned)


def _run_shard(
    store: Store,
    shard: int,
    wanted: Mapping[str, Path],
    masks: Mapping[str, Mask],
    run: Run,
    size: BatchSize,
    config: ExtractConfig,
    decoders: Decoders,
) -> Iterator[Counts]:
    """Compute the missing rows of one shard; yields counts as it goes; what is finished is kept in any case."""
    writer = ShardWriter(store, shard, flush_s=config.flush_s)
    try:
        table, pending = store.segments(), writer.pending()
        still = StillSegments(config.skip_still, table.where(table.row // SHARD_ROWS == shard), pending)
        tasks = tasks_of(store, sorted({*pending, *still.references}), wanted, masks, config.n_frames)
        frames = SharedFrames(tasks, run.extractor.encode, per_unit=run.backbone.frames_per_unit)
        steps = {row: step for task in tasks for row, step in zip(task.rows, task.steps_s, strict=True)}
        passes = Passes(run.extractor, writer, frames, still, size, steps=steps)
        shown: dict[int, tuple[int, ...]] = {}
        decoded = decoders.frames(
            tasks,
            run.backbone.preprocess,
            ahead=2 * max(size.now, AHEAD),
            missing=config.missing_frames,
            shown=shown,
        )
        with closing(decoded):
            for row, pixels in decoded:
                if row not in still.references:
                    writer.lacks(row, frames.stand_in(row, shown[row]) if row in shown else 0)
                yield passes.take(row, pixels)
            yield passes.rest()
    finally:
        writer.flush()
