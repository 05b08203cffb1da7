"""The expensive pass: videos -> features. Plans rows, decodes ahead of the model, writes whole shards, resumes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from headhunt import prompts as prompt_sets
from headhunt import segments, video
from headhunt.datasets import manifest
from headhunt.errors import ComputeError, HeadhuntError, StaleError, StoreBusyError, UsageError, VideoError
from headhunt.prompts import PromptSet
from headhunt.records import Head, Interval, Json, Segment, UInt8, canonical_json
from headhunt.stages._inputs import Source, collect, unmatched
from headhunt.stages._prefetch import prefetch
from headhunt.stages._progress import Progress, silent
from headhunt.store import SHARD_ROWS, PlannedVideo, ShardWriter, Store, VideoStatus, claim_shard, create, finish, plan

if TYPE_CHECKING:
    from headhunt.activations import Extractor, Tokens
    from headhunt.models import Backbone

UNITS = {"segment": ("segment",), "video": ("video",), "both": ("segment", "video")}


@dataclass(frozen=True)
class ExtractConfig:
    """How features are extracted.

    Attributes:
        model: Alias, hub id or folder.
        revision: Branch, tag or commit on the hub.
        dtype: "auto", "bfloat16" or "float32".
        device: "auto", "cpu", "cuda", ...
        attn: "auto", "sdpa" or "eager".
        offline: Never ask the hub.
        prompts: A built-in prompt set's name, a YAML file, or a prompt set.
        prompt_ids: Only these prompts of the set; None for all, or, with chosen heads, the set's scoring prompt alone.
        units: "segment", "video" (one row that spans the whole video) or "both".
        length: Native frames a segment.
        stride: Frames from one segment's start to the next; None for `length`.
        n_frames: Frames sampled from a segment.
        tail: "keep" the shorter last segment, or "drop" it.
        split: Only videos of this split.
        fraction: Only this share of the videos, stratified by label, in (0, 1].
        limit: At most this many videos.
        seed: Seed of that choice.
        heads: Only these heads; None for all.
        root: Folder that a manifest's ids are relative to; None for the manifest's own.
        context: Keep the context; None means yes, unless heads were chosen.
        method: "packed", "loop" or "full".
        batch_size: Segments a forward pass.
        shard: (i, n): this process takes every n-th shard, from the i-th on.
        flush_s: Seconds after which a partial shard is written.
    """

    model: str = "internvl3"
    revision: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    attn: str = "auto"
    offline: bool = False
    prompts: str | PromptSet = "headhunt5"
    prompt_ids: tuple[str, ...] | None = None
    units: str = "both"
    length: int = 48
    stride: int | None = None
    n_frames: int = 16
    tail: Literal["keep", "drop"] = "keep"
    split: str | None = None
    fraction: float | None = None
    limit: int | None = None
    seed: int = 0
    heads: tuple[Head, ...] | None = None
    root: Path | None = None
    context: bool | None = None
    method: Literal["packed", "loop", "full"] = "packed"
    batch_size: int = 4
    shard: tuple[int, int] = (0, 1)
    flush_s: float = 30.0

    def __post_init__(self) -> None:
        for name, allowed in (("units", UNITS), ("tail", ("keep", "drop")), ("method", ("packed", "loop", "full"))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"unknown {name}", got=getattr(self, name), expected=" or ".join(allowed))
        for name in ("length", "n_frames", "batch_size"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1", got=getattr(self, name))
        if not 0 <= self.shard[0] < self.shard[1]:
            raise UsageError("--shard is i/n with 0 <= i < n", got="/".join(map(str, self.shard)))
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise UsageError("--fraction is a share of the videos", got=self.fraction, expected="in (0, 1]")

    @property
    def with_context(self) -> bool:
        """Whether the context is kept."""
        return self.heads is None if self.context is None else self.context


@dataclass
class ExtractReport:
    """What a run of `extract` did.

    Attributes:
        store: Path of the store.
        videos: Videos asked for.
        rows_done: Rows computed now.
        rows_kept: Rows that were done before.
        rows_failed: Rows that could not be had.
        failed: (video, reason) of every video asked for that failed, wholly or in part.
        unlisted: Videos that lie beside the manifest but are not in it.
        elsewhere: Rows left to other processes.
        notes: What the user should know of the model and the labels.
    """

    store: str
    videos: int = 0
    rows_done: int = 0
    rows_kept: int = 0
    rows_failed: int = 0
    failed: list[tuple[str, str]] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)
    elsewhere: int = 0
    notes: list[str] = field(default_factory=list)


def choose(paths: Sequence[Path], config: ExtractConfig) -> list[Source]:
    """The videos a run is about: collected, then narrowed by split, fraction and limit.

    Raises:
        UsageError: Nothing is left.
    """
    sources = collect(paths, root=config.root)
    if config.split is not None:
        have = sorted({s.row.split for s in sources})
        sources = [s for s in sources if s.row.split == config.split]
        if not sources:
            raise UsageError(f"no video is in the split {config.split!r}", got=f"splits {have}")
    if config.fraction is not None or config.limit is not None:
        rows = manifest.sample([s.row for s in sources], fraction=config.fraction, limit=config.limit, seed=config.seed)
        kept = {row.video for row in rows}
        sources = [s for s in sources if s.row.video in kept]
    return sources


def extract(
    paths: Sequence[Path], store_path: Path, config: ExtractConfig, *, progress: Progress = silent
) -> ExtractReport:
    """Extract the features of some videos into a store; only what is missing is computed.

    Args:
        paths: Videos, folders or manifests.
        store_path: The store, made when it is not there.
        config: How.
        progress: Called with how far it is.

    Raises:
        StoreError: The store is foreign, was made in another way, or the disk refuses.
        HeadhuntError: The model or the input cannot be used at all. A single bad video is recorded instead.
    """
    sources = choose(paths, config)
    report = ExtractReport(store=str(store_path), videos=len(sources))
    for path in paths:
        if Path(path).is_file() and Path(path).suffix.lower() in {".csv", ".jsonl"}:
            report.unlisted += unmatched(collect([path], root=config.root), config.root or Path(path).parent)
    run = prepare(config)
    report.notes += run.backbone.notes
    store = create(
        store_path,
        fingerprint=run.fingerprint,
        spec=run.spec,
        info=run.info | {"model": config.model, "revision": config.revision},
        context=config.with_context,
    )
    store = _plan(store, sources, config, report, progress)
    wanted = {source.row.video: source.path for source in sources}
    rows = store.segments()
    paths_of = store.videos().path
    mine = np.array([paths_of[v] in wanted for v in rows.video], bool)
    report.rows_kept = int((mine & (rows.status == 2)).sum())
    before = report.rows_kept
    total = int(mine.sum())
    for shard in sorted({int(r) // SHARD_ROWS for r in rows.row[mine & (rows.status != 2)]}):
        if shard % config.shard[1] != config.shard[0]:
            report.elsewhere += int((mine & (rows.row // SHARD_ROWS == shard)).sum())
            continue
        with claim_shard(store, shard) as claimed:
            if not claimed:
                report.elsewhere += int((mine & (rows.row // SHARD_ROWS == shard)).sum())
                continue
            for done, failed in _run_shard(store, shard, wanted, run, config):
                report.rows_done += done
                report.rows_failed += failed
                progress("segments", before + report.rows_done + report.rows_failed, total)
    if report.elsewhere and not (report.rows_done or report.rows_failed) and config.shard[1] == 1:
        raise StoreBusyError(
            f"another process is extracting into {store_path}", hint="wait for it, or divide the work with --shard i/n"
        )
    store = finish(store)
    table = store.videos()
    report.failed = [
        (path, reason)
        for path, status, reason in zip(table.path, table.status, table.reason, strict=True)
        if path in wanted and status in {VideoStatus.FAILED, VideoStatus.PARTIAL}
    ]
    return report


@dataclass(frozen=True)
class Run:
    """A loaded model with its prompts, ready to extract.

    Attributes:
        backbone: The model.
        tokens: Token ids of the prompts.
        extractor: Runs both.
        fingerprint: What the features depend on.
        info: What they do not depend on: notes, the prompt set's name and scoring prompt.
    """

    backbone: Backbone
    tokens: Tokens
    extractor: Extractor
    fingerprint: Json
    info: Json

    @property
    def spec(self) -> Json:
        """Sizes for the store."""
        spec = self.backbone.spec
        return {"layers": spec.layers, "heads": spec.heads, "head_dim": spec.head_dim, "hidden": spec.hidden}


def prepare(config: ExtractConfig) -> Run:
    """Load the model and the prompts of a configuration.

    Raises:
        ModelError: The model cannot be used.
        ArtefactError: The prompt set cannot be used.
    """
    from headhunt import models
    from headhunt.activations import Extractor, share

    chosen = config.prompts if isinstance(config.prompts, PromptSet) else prompt_sets.load(config.prompts)
    ids = config.prompt_ids if config.prompt_ids is not None else None if config.heads is None else (chosen.scoring,)
    if ids is not None:
        chosen = chosen.subset(ids)
    backbone = models.load(
        config.model,
        revision=config.revision,
        dtype=config.dtype,
        device=config.device,
        attn=config.attn,
        offline=config.offline,
    )
    token_ids = [
        backbone.token_ids(p.text, n_frames=config.n_frames, frame_text=chosen.frame_text, system=chosen.system)
        for p in chosen.prompts
    ]
    tokens = share(token_ids, image_token_id=backbone.image_token_id)
    method = config.method
    extractor = Extractor(backbone, tokens, heads=config.heads, context=config.with_context, method=method)
    fingerprint = backbone.fingerprint | {
        "method": method,
        "preprocess": backbone.preprocess.to_json(),
        "decoder": video.decoder_version(),
        "sampling": {
            "length": config.length,
            "stride": config.stride if config.stride is not None else config.length,
            "n_frames": config.n_frames,
            "tail": config.tail,
        },
        "prompts": [{"id": p.id, "text": p.text} for p in chosen.prompts],
        "frame_text": chosen.frame_text,
        "system": chosen.system,
        "tokens": hashlib.sha256(canonical_json(token_ids).encode()).hexdigest(),
        "heads": "all" if config.heads is None else [[h.layer, h.head] for h in config.heads],
        "context": "final" if config.with_context else None,
    }
    info = {"notes": list(backbone.notes), "prompt_set": chosen.name, "scoring": chosen.scoring}
    return Run(backbone, tokens, extractor, fingerprint, info)


def _plan(
    store: Store, sources: Sequence[Source], config: ExtractConfig, report: ExtractReport, progress: Progress
) -> Store:
    """Probe the videos that have no rows yet and plan those; refuse when a known video's file changed."""
    table, rows = store.videos(), store.segments()
    place = {path: i for i, path in enumerate(table.path)}
    have: dict[int, set[int]] = {}
    for index, unit in zip(rows.video.tolist(), rows.unit.tolist(), strict=True):
        have.setdefault(index, set()).add(unit)
    needed = {("segment", "video").index(unit) for unit in UNITS[config.units]}
    changed, relabelled, planned = [], 0, []
    for done, source in enumerate(sources):
        progress("probing videos", done, len(sources))
        index = place.get(source.row.video)
        if index is not None and have.get(index):
            size = video.size_on_disk(source.path)
            if size is not None and size != int(table.bytes[index]):
                changed.append(f"{source.row.video}: {int(table.bytes[index])} bytes then, {size} now")
                continue
            row = source.row
            relabelled += bool(row.label) and (row.label, row.split) != (table.label[index], table.split[index])
            if needed <= have[index]:
                continue
        planned.append(_probe(source, config))
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
    return plan(store, planned)


def _probe(source: Source, config: ExtractConfig) -> PlannedVideo:
    """What the store is told of one video; a file that cannot be read gets no rows and a reason."""
    try:
        info = video.probe(source.path)
    except VideoError as error:
        size = video.size_on_disk(source.path) or 0
        return PlannedVideo(source.row, 0, float("nan"), float("nan"), size, (), np.empty((0, 2)), problem=error.line)
    intervals: list[tuple[Interval, str]] = []
    if "segment" in UNITS[config.units]:
        cut = segments.plan_segments(info.n_frames, length=config.length, stride=config.stride, tail=config.tail)
        intervals += [(interval, "segment") for interval in cut]
    if "video" in UNITS[config.units]:
        intervals.append((Interval(0, info.n_frames), "video"))
    rows = tuple(
        Segment(source.row.video, i.start_frame, i.end_frame, "video" if unit == "video" else "segment")
        for i, unit in intervals
    )
    edges = np.append(info.times_s, info.duration_s)
    times = np.array([[edges[r.start_frame], edges[r.end_frame]] for r in rows], np.float64).reshape(-1, 2)
    return PlannedVideo(
        source.row, info.n_frames, info.fps, info.duration_s, info.size_bytes, rows, times, problem=info.damage
    )


def _run_shard(
    store: Store, shard: int, wanted: dict[str, Path], run: Run, config: ExtractConfig
) -> Iterator[tuple[int, int]]:
    """Compute the missing rows of one shard; yields (done, failed) as it goes; what is finished is kept in any case."""
    writer = ShardWriter(store, shard, flush_s=config.flush_s)
    try:
        with closing(_decode(store, writer.pending(), wanted, run.backbone.preprocess.resize, config)) as decoded:
            batch: list[tuple[int, UInt8]] = []
            for row, pixels in decoded:
                if isinstance(pixels, str):
                    writer.fail(row, pixels)
                    yield 0, 1
                    continue
                batch.append((row, pixels))
                if len(batch) == config.batch_size:
                    yield _run_batch(batch, run, writer)
                    batch = []
            if batch:
                yield _run_batch(batch, run, writer)
    finally:
        writer.flush()


def _run_batch(batch: Sequence[tuple[int, UInt8]], run: Run, writer: ShardWriter) -> tuple[int, int]:
    from headhunt.activations import check_storable

    out = run.extractor(np.stack([pixels for _, pixels in batch]))
    good, failed = [], 0
    for i, (row, _) in enumerate(batch):
        try:
            check_storable(out.heads[i])
            if out.context is not None:
                check_storable(out.context[i])
            good.append(i)
        except ComputeError as error:
            writer.fail(row, error.line)
            failed += 1
    if good:
        context = None if out.context is None else out.context[good]
        writer.add([batch[i][0] for i in good], out.heads[good], context)
    return len(good), failed


def _decode(
    store: Store,
    pending: Sequence[int],
    wanted: dict[str, Path],
    resize: Callable[[UInt8], UInt8],
    config: ExtractConfig,
) -> Generator[tuple[int, UInt8 | str], None, None]:
    """(row, its pixels (f, 3, height, width), or the reason why not), decoded ahead in a thread."""
    table, rows, paths = store.videos(), store.segments(), store.videos().path
    place = {int(row): i for i, row in enumerate(rows.row)}
    by_video: dict[int, list[int]] = {}
    for row in pending:
        index = int(rows.video[place[row]])
        if paths[index] in wanted:
            by_video.setdefault(index, []).append(row)

    def read() -> Iterator[tuple[int, UInt8 | str]]:
        for index, mine in sorted(by_video.items()):
            groups = [
                segments.sample_frames(
                    Interval(int(rows.start_frame[place[r]]), int(rows.end_frame[place[r]])), config.n_frames
                )
                for r in mine
            ]
            left = set(mine)
            try:
                info = video.probe(wanted[paths[index]])
                if info.n_frames != int(table.frames[index]):
                    raise VideoError("the file changed", got=info.n_frames, expected=f"{table.frames[index]} frames")
                for k, frames in video.stream(wanted[paths[index]], groups, info=info, transform=resize):
                    left.discard(mine[k])
                    yield mine[k], frames.line if isinstance(frames, VideoError) else np.stack(frames)
            except HeadhuntError as error:
                for row in sorted(left):
                    yield row, error.line

    return prefetch(read(), ahead=2 * config.batch_size)
