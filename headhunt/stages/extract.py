"""The expensive pass: videos -> features. Plans rows, decodes ahead of the model, writes whole shards, resumes."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from headhunt import segments, video
from headhunt.artefacts.references import check_like, look_up
from headhunt.configs.extract import ExtractConfig
from headhunt.errors import StaleError, StoreBusyError
from headhunt.extraction.batch_size import BatchSize
from headhunt.extraction.decoders import Decoders, Task
from headhunt.extraction.memory import keep_freed_memory
from headhunt.extraction.passes import Counts, Passes
from headhunt.extraction.preparation import UNITS, Run, check_events, choose, notes_on, plan_videos, prepare, units_of
from headhunt.extraction.shared_frames import SharedFrames
from headhunt.extraction.sources import Source, collect, unlisted
from headhunt.extraction.still_segments import StillSegments
from headhunt.files import StrPath, several
from headhunt.progress import Progress, silent
from headhunt.records import Interval
from headhunt.store import SHARD_ROWS, RowStatus, ShardWriter, Store, VideoStatus, claim_shard, create, finish, plan

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
    everything = collect(paths, root=config.root, notes=notes)
    sources = choose(everything, config)
    report = ExtractReport(store=str(store_path), videos=len(sources))
    report.notes += notes
    report.unlisted += unlisted(paths, everything, root=config.root)
    with Decoders(config.n_decoders, config.decode_timeout_s) as decoders:
        decoders.start()  # while the model is loaded
        return _extract(sources, store_path, config, decoders, report, progress)


def _extract(
    sources: Sequence[Source],
    store_path: Path,
    config: ExtractConfig,
    decoders: Decoders,
    report: ExtractReport,
    progress: Progress,
) -> ExtractReport:
    run = prepare(config)
    if run.backbone.device.type == "cpu":
        keep_freed_memory()
    if config.like is not None:
        check_like(Store(config.like), run.fingerprint)
    report.notes += run.backbone.notes
    store = create(
        store_path,
        fingerprint=run.fingerprint,
        spec=run.backbone.spec,
        info=run.info | {"model": config.model_name, "revision": config.revision},
    )
    store = _plan(store, sources, config, decoders, report, progress)
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
            for counts in _run_shard(store, shard, wanted, run, size, config, decoders):
                report.rows_done += counts.done
                report.rows_failed += counts.failed
                report.rows_reused += counts.reused
                progress("segments", before + report.rows_done + report.rows_failed, total)
    if report.elsewhere and not (report.rows_done or report.rows_failed) and config.shard[1] == 1:
        raise StoreBusyError(
            f"another process is extracting into {store_path}", hint="wait for it, or divide the work with --shard i/n"
        )
    report.notes += size.notes
    report.failed = _failed(finish(store), wanted)
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
    report.failed = _failed(store, wanted)
    return report


def _failed(store: Store, wanted: Container[str]) -> list[tuple[str, str]]:
    """(video, reason) of the wanted videos that failed, wholly or in part."""
    table = store.videos()
    return [
        (path, reason)
        for path, status, reason in zip(table.path, table.status, table.reason, strict=True)
        if path in wanted and status in {VideoStatus.FAILED, VideoStatus.PARTIAL}
    ]


def _plan(
    store: Store,
    sources: Sequence[Source],
    config: ExtractConfig,
    decoders: Decoders,
    report: ExtractReport,
    progress: Progress,
) -> Store:
    """Probe the videos that have no rows yet and plan those; refuse when a known video's file changed."""
    table, rows = store.videos(), store.segments()
    place = {path: i for i, path in enumerate(table.path)}
    have: dict[int, set[int]] = {}
    for index, unit in zip(rows.video.tolist(), rows.unit.tolist(), strict=True):
        have.setdefault(index, set()).add(unit)
    changed, relabelled, new = [], 0, []
    for source in sources:
        index = place.get(source.row.video)
        if index is not None and have.get(index):
            size = video.size_on_disk(source.path)
            if size is not None and size != int(table.bytes[index]):
                changed.append(f"{source.row.video}: {int(table.bytes[index])} bytes then, {size} now")
                continue
            row = source.row
            relabelled += bool(row.label) and (row.label, row.split) != (table.label[index], table.split[index])
            if {("segment", "video").index(unit) for unit in units_of(source, config)} <= have[index]:
                continue
        new.append(source)
    if changed:
        raise StaleError(
            f"{len(changed)} videos changed since {store.path} was made",
            got="; ".join(changed[:5]),
            hint="extract them into a new store, or put the old files back",
        )
    if relabelled:
        report.notes.append(
            f"labels of {relabelled} videos differ from the store's: run `vadkit label` to take them over"
        )
    planned = []
    progress("probing videos", 0, len(new))
    for found in plan_videos(new, config, decoders):
        planned.append(found)
        progress("probing videos", len(planned), len(new))
    report.notes += check_events(planned)
    report.notes += notes_on(planned)
    return plan(store, planned)


def _run_shard(
    store: Store,
    shard: int,
    wanted: dict[str, Path],
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
        tasks = _tasks(store, sorted({*pending, *still.references}), wanted, config.n_frames)
        frames = SharedFrames(tasks, run.extractor.encode)
        passes = Passes(run.extractor, writer, frames, still, size)
        decoded = decoders.frames(tasks, run.backbone.preprocess, ahead=2 * max(size.now, AHEAD))
        with closing(decoded):
            for row, pixels in decoded:
                yield passes.take(row, pixels)
            yield passes.rest()
    finally:
        writer.flush()


def _tasks(store: Store, chosen: Sequence[int], wanted: dict[str, Path], n_frames: int) -> list[Task]:
    """The chosen rows, video by video."""
    table, rows = store.videos(), store.segments()
    place = {int(row): i for i, row in enumerate(rows.row)}
    by_video: dict[int, list[int]] = {}
    for row in chosen:
        by_video.setdefault(int(rows.video[place[row]]), []).append(row)

    def frames(row: int) -> tuple[int, ...]:
        i = place[row]
        interval = Interval(int(rows.start_frame[i]), int(rows.end_frame[i]))
        return tuple(segments.sample_frames(interval, n_frames).tolist())

    return [
        Task(wanted[table.path[index]], int(table.frames[index]), tuple(mine), tuple(frames(row) for row in mine))
        for index, mine in sorted(by_video.items())
        if table.path[index] in wanted
    ]
