"""What an extraction would do: videos probed, rows counted, tokens and bytes worked out; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headhunt.records import Json
from headhunt.stages._extraction import ExtractConfig, choose, plan_video, prepare
from headhunt.stages._inputs import collect
from headhunt.stages._progress import Progress, silent

if TYPE_CHECKING:
    from headhunt.activations import Tokens

FLOAT16_BYTES = 2


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
        tokens: Tokens the language model reads for a row, all prompts together; None where the model is not on disk.
        bytes: Size of the features at float16 before compression, an upper bound; None likewise.
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
    notes: tuple[str, ...]


def dry_run(paths: Sequence[Path], config: ExtractConfig, *, progress: Progress = silent) -> DryRun:
    """Probe every video and count; a model that would have to be fetched first is not fetched.

    Args:
        paths: Videos, folders or manifests.
        config: As for `extract`.
        progress: Called with how far it is.

    Raises:
        InputError: Nothing to extract, or the model or the prompts cannot be used.
        UsageError: The options leave no video.
    """
    sources = choose(collect(paths, root=config.root), config)
    planned = []
    for done, source in enumerate(sources):
        progress("probing videos", done, len(sources))
        planned.append(plan_video(source, config))
    progress("probing videos", len(sources), len(sources))
    units = [row.unit for video in planned for row in video.segments]
    tokens = size = None
    notes: tuple[str, ...] = ()
    if _on_disk(config):
        # Tokens and shapes do not depend on where and in what precision the model runs: the CPU always has room for it.
        run = prepare(replace(config, offline=True, device="cpu", dtype="bfloat16"))
        tokens = _tokens(run.tokens, config.method)
        size = len(units) * len(run.tokens.suffixes) * _row_values(run.spec, config) * FLOAT16_BYTES
        notes = run.backbone.notes
    else:
        notes = (f"{config.model} is not on this disk yet, so tokens and bytes are not known",)
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
        notes=notes,
    )


def _on_disk(config: ExtractConfig) -> bool:
    """Whether the model can be loaded without the network; what cannot be a name is left to the loader."""
    from huggingface_hub import try_to_load_from_cache

    from headhunt import models

    where = models.resolve(config.model)
    if Path(where).expanduser().is_dir() or where.count("/") != 1 or where.startswith((".", "~", "/")):
        return True
    return isinstance(try_to_load_from_cache(where, "config.json", revision=config.revision), str)


def _tokens(tokens: Tokens, method: str) -> int:
    if method == "full":
        return sum(tokens.lengths)
    return len(tokens.prefix) + sum(len(suffix) for suffix in tokens.suffixes)


def _row_values(spec: Json, config: ExtractConfig) -> int:
    """Numbers kept of one row and one prompt."""
    heads = int(spec["layers"] * spec["heads"]) if config.heads is None else len(config.heads)
    return heads * int(spec["head_dim"]) + (int(spec["hidden"]) if config.with_context else 0)
