"""What an extraction would do: videos probed, rows counted, tokens, bytes and operations worked out, time estimated.

Nothing is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headhunt.artefacts.references import look_up
from headhunt.configs.extract import ExtractConfig
from headhunt.errors import ModelError, VideoError
from headhunt.extraction.batch_size import is_out_of_memory
from headhunt.extraction.costs import Operations, operations, pace
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.preparation import (
    Run,
    check_events,
    choose,
    mask_notes,
    masks_of,
    notes_on,
    plan_videos,
    prepare,
)
from headhunt.extraction.sources import collect
from headhunt.files import StrPath, several
from headhunt.progress import Progress, silent
from headhunt.records import Interval, ModelSpec
from headhunt.segments import sample_frames
from headhunt.store import PlannedVideo

if TYPE_CHECKING:
    from headhunt.extraction.questions import Tokens
    from headhunt.models import Backbone

FLOAT16_BYTES = 2
AUTO = 4  # segments a pass that is measured when their number is to be found


@dataclass(frozen=True)
class DryRun:
    """What an extraction would do.

    Attributes:
        videos: Videos asked for.
        failed: (video, reason) of every video that cannot be read, or only in part.
        frames: Native frames of all videos.
        duration_s: Length of all videos, seconds.
        segments: Rows of unit "segment".
        whole_videos: Rows of unit "video".
        passes: Batches the model would run; None where their size is found while it runs ("auto").
        tokens: Tokens the language model reads for a row, all prompts together; those of the longest row, where rows
            differ. None where the model is not on disk.
        bytes: Size of the features at float16 before compression, an upper bound; None likewise.
        operations: Floating-point operations of all rows; None likewise. Frames that rows of a video share are counted
            once, and nothing is taken for still.
        seconds: An estimate of how long the model would take for all rows, decoding left out; None likewise.
        estimate: What that was taken from, and on which device; "" where there is none.
        notes: What the user should know.
    """

    videos: int
    failed: list[tuple[str, str]]
    frames: int
    duration_s: float
    segments: int
    whole_videos: int
    passes: int | None
    tokens: int | None
    bytes: int | None
    operations: Operations | None
    seconds: float | None
    estimate: str
    notes: tuple[str, ...]


def dry_run(
    videos: StrPath | Sequence[StrPath],
    store_path: StrPath,
    config: ExtractConfig | None = None,
    *,
    progress: Progress = silent,
) -> DryRun:
    """Probe every video and count; a model that would have to be fetched first is not fetched.

    Args:
        videos: Videos, folders or manifests.
        store_path: The store that would be extracted into; it need not be there.
        config: As for `extract`.
        progress: Called with how far it is.

    Raises:
        InputError: Nothing to extract, or the model or the prompts cannot be used.
        UsageError: The options leave no video.
    """
    paths = several(videos)
    config = look_up(ExtractConfig() if config is None else config, Path(store_path))
    told: list[str] = []
    sources = choose(collect(paths, root=config.root, notes=told), config)
    masks = masks_of(sources, config)
    told += mask_notes(masks)
    planned: list[PlannedVideo] = []
    progress("probing videos", 0, len(sources))
    with Decoders(config.n_decoders, config.decode_timeout_s, resize=False) as decoders:
        for video in plan_videos(sources, config, decoders, masks):
            planned.append(video)
            progress("probing videos", len(planned), len(sources))
    told += check_events(planned)
    units = [row.unit for video in planned for row in video.segments]
    tokens = size = cost = seconds = None
    estimate = ""
    notes: tuple[str, ...]
    if _on_disk(config):
        progress("loading the model", 0, 1)
        run, as_asked = _load(config)
        planned = [_readable(video, run.backbone, config.n_frames) for video in planned]
        units = [row.unit for video in planned for row in video.segments]
        cost, tokens = _cost(run, planned, config)
        if as_asked and units:
            progress("measuring", 0, 1)
            batch = AUTO if config.batch_size == "auto" else config.batch_size
            alone = operations(run.extractor).times(units=run.extractor.questions.grid.units, rows=1)
            measured = pace(run.extractor, alone, config.n_frames, batch)
            seconds = measured.seconds * cost.total / alone.total
            estimate = f"from {measured.source} on {run.backbone.device}"
        size = len(units) * len(run.tokens.suffixes) * _row_values(run.backbone.spec, config) * FLOAT16_BYTES
        untimed = "the model cannot be loaded here as asked, so its time is not known"
        notes = (*run.notes, *(() if as_asked else (untimed,)))
    else:
        notes = (f"{config.model_name} is not on this disk yet, so tokens and bytes are not known",)
    return DryRun(
        videos=len(planned),
        failed=[(video.manifest.video, video.problem) for video in planned if video.problem],
        frames=sum(video.frames for video in planned),
        duration_s=sum(video.duration_s for video in planned if video.segments),
        segments=units.count("segment"),
        whole_videos=units.count("video"),
        passes=None if config.batch_size == "auto" else -(-len(units) // config.batch_size),
        tokens=tokens,
        bytes=size,
        operations=cost,
        seconds=seconds,
        estimate=estimate,
        notes=(*told, *notes, *notes_on(planned)),
    )


def _load(config: ExtractConfig) -> tuple[Run, bool]:
    """The model as it would run; where that cannot be had on this machine, on the CPU, and False.

    Tokens, shapes and operations do not depend on where and in what precision the model runs.
    """
    config = replace(config, offline=True)
    try:
        return prepare(config), True
    except (ModelError, RuntimeError, MemoryError) as error:
        if not isinstance(error, ModelError) and not is_out_of_memory(error):
            raise
    return prepare(replace(config, device="cpu", dtype="bfloat16", compiled=False)), False


def _readable(video: PlannedVideo, backbone: Backbone, n_frames: int) -> PlannedVideo:
    """The video, without rows where the model takes no frames of its size."""
    try:
        if video.segments:
            backbone.preprocess.of(video.height, video.width, n_frames)
    except VideoError as error:
        return replace(video, segments=(), problem=error.line)
    return video


def _cost(run: Run, planned: Sequence[PlannedVideo], config: ExtractConfig) -> tuple[Operations, int]:
    """Operations of all rows, and tokens of the longest; counted once for each size that frames become."""
    backbone, n_frames = run.backbone, config.n_frames
    total, longest = Operations(0.0, 0.0, 0.0), 0
    sizes: dict[tuple[int, int], list[PlannedVideo]] = {}
    for video in planned:
        if video.segments:
            tile = backbone.preprocess.of(video.height, video.width, n_frames)
            sizes.setdefault((tile.height, tile.width), []).append(video)
    for videos in sizes.values():
        tile = backbone.preprocess.of(videos[0].height, videos[0].width, n_frames)
        rows = sum(len(video.segments) for video in videos)
        units = sum(_units(video, n_frames, backbone.frames_per_unit) for video in videos)
        total = total.plus(operations(run.extractor, tile).times(units=units, rows=rows))
        grid = backbone.grid(n_frames, tile.height, tile.width)
        longest = max(longest, _tokens(run.extractor.questions.tokens(grid), config.sharing))
    return total, longest or _tokens(run.tokens, config.sharing)


def _units(video: PlannedVideo, n_frames: int, per_unit: int) -> int:
    """Visual units that go through the vision tower: those that rows of a video share are counted once."""
    shown = set()
    for row in video.segments:
        numbers = sample_frames(Interval(row.start_frame, row.end_frame), n_frames).tolist()
        shown |= {tuple(numbers[i : i + per_unit]) for i in range(0, n_frames, per_unit)}
    return len(shown)


def _on_disk(config: ExtractConfig) -> bool:
    """Whether the model can be loaded without the network; what cannot be a name is left to the loader."""
    from huggingface_hub import try_to_load_from_cache

    from headhunt import models

    where = models.resolve(config.model_name)
    if Path(where).expanduser().is_dir() or where.count("/") != 1 or where.startswith((".", "~", "/")):
        return True
    return isinstance(try_to_load_from_cache(where, "config.json", revision=config.revision), str)


def _tokens(tokens: Tokens, sharing: str) -> int:
    if sharing == "full":
        return sum(tokens.lengths)
    return len(tokens.prefix) + sum(len(suffix) for suffix in tokens.suffixes)


def _row_values(spec: ModelSpec, config: ExtractConfig) -> int:
    """Numbers kept of one row and one prompt."""
    heads = spec.layers * spec.heads if config.subset is None else len(config.subset)
    return heads * spec.head_dim + (spec.hidden if config.with_context else 0)
