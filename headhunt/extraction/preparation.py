"""What an extraction starts from: its configuration, its videos, its model with prompts, and the rows of each video."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from headhunt import prompts as prompt_sets
from headhunt import segments, video
from headhunt.datasets import sampling
from headhunt.errors import UsageError
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.sources import Source
from headhunt.prompts import PromptSet
from headhunt.records import TEST, Head, Interval, Json, Segment, canonical_json
from headhunt.store import PlannedVideo

if TYPE_CHECKING:
    from headhunt.extraction.activations import Extractor, Tokens
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
        compiled: Have torch compile layers of the model, which takes a minute or more at the beginning.
        offline: Never ask the hub.
        prompts: A built-in prompt set's name, a YAML file, or a prompt set.
        prompt_ids: Only these prompts of the set; None for all, or, with chosen heads, the set's scoring prompt alone.
        units: "segment", "video" (one row that spans the whole video) or "both", which gives videos of the split test
            segments alone: what spans a whole video is only learnt from.
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
        like: A store that the features must agree with, so that its heads and scorers can be used; None for none.
        context: Keep the context; None means yes, unless heads were chosen.
        method: "packed", "loop" or "full".
        batch_size: Segments a forward pass, or "auto": doubled until memory runs out or nothing is gained. A pass that
            does not fit into memory is halved in either case.
        skip_still: A segment in which nothing differs from the last computed one of its video by more than so many grey
            levels takes that one's features (`headhunt.extraction.still.difference`); None computes every segment.
        shard: (i, n): this process takes every n-th shard, from the i-th on.
        flush_s: Seconds after which a partial shard is written.
        decoders: Decoder processes, which probe videos and decode ahead of the model; 0 does both in this process,
            without the time-out; None takes half the cores, at most 8.
        decode_timeout_s: A decoder that gives nothing for so long is killed and its video recorded as failed.
    """

    model: str = "internvl3"
    revision: str | None = None
    dtype: str = "auto"
    device: str = "auto"
    attn: str = "auto"
    compiled: bool = False
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
    like: Path | None = None
    context: bool | None = None
    method: Literal["packed", "loop", "full"] = "packed"
    batch_size: int | Literal["auto"] = 4
    skip_still: float | None = None
    shard: tuple[int, int] = (0, 1)
    flush_s: float = 30.0
    decoders: int | None = None
    decode_timeout_s: float = 120.0

    def __post_init__(self) -> None:
        for name, allowed in (("units", UNITS), ("tail", ("keep", "drop")), ("method", ("packed", "loop", "full"))):
            if getattr(self, name) not in allowed:
                raise UsageError(f"unknown {name}", got=getattr(self, name), expected=" or ".join(allowed))
        for name in ("length", "n_frames"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1", got=getattr(self, name))
        if self.batch_size != "auto" and (not isinstance(self.batch_size, int) or self.batch_size < 1):
            raise UsageError("batch_size must be at least 1, or auto", got=self.batch_size)
        if self.skip_still is not None and not 0 <= self.skip_still <= 255:
            raise UsageError("--skip-still is a bound in grey levels", got=self.skip_still, expected="in [0, 255]")
        if not 0 <= self.shard[0] < self.shard[1]:
            raise UsageError("--shard is i/n with 0 <= i < n", got="/".join(map(str, self.shard)))
        if (self.decoders or 0) < 0 or not self.decode_timeout_s > 0:
            raise UsageError("decoders cannot be negative, nor their time-out zero", got=self.decoders)
        if self.fraction is not None and not 0 < self.fraction <= 1:
            raise UsageError("--fraction is a share of the videos", got=self.fraction, expected="in (0, 1]")

    @property
    def n_decoders(self) -> int:
        """How many decoder processes there are."""
        return max(1, min(8, (os.cpu_count() or 1) // 2)) if self.decoders is None else self.decoders

    @property
    def with_context(self) -> bool:
        """Whether the context is kept."""
        return self.heads is None if self.context is None else self.context


def choose(sources: Sequence[Source], config: ExtractConfig) -> list[Source]:
    """The videos a run is about: what was collected, narrowed by split, fraction and limit.

    Raises:
        UsageError: Nothing is left.
    """
    sources = list(sources)
    if config.split is not None:
        have = sorted({s.row.split for s in sources})
        sources = [s for s in sources if s.row.split == config.split]
        if not sources:
            raise UsageError(f"no video is in the split {config.split!r}", got=f"splits {have}")
    if config.fraction is not None or config.limit is not None:
        rows = sampling.sample([s.row for s in sources], fraction=config.fraction, limit=config.limit, seed=config.seed)
        kept = {row.video for row in rows}
        sources = [s for s in sources if s.row.video in kept]
    return sources


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
    from headhunt.extraction.activations import Extractor, share
    from headhunt.models.compiled import compile_layers

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
    if config.compiled:
        compile_layers(backbone)
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
        "skip_still": None if config.skip_still is None else float(config.skip_still),
        "prompts": [{"id": p.id, "text": p.text} for p in chosen.prompts],
        "frame_text": chosen.frame_text,
        "system": chosen.system,
        "tokens": hashlib.sha256(canonical_json(token_ids).encode()).hexdigest(),
        "heads": "all" if config.heads is None else [[h.layer, h.head] for h in config.heads],
        "context": "final" if config.with_context else None,
    }
    info = {"notes": list(backbone.notes), "prompt_set": chosen.name, "scoring": chosen.scoring}
    return Run(backbone, tokens, extractor, fingerprint, info)


def plan_videos(sources: Sequence[Source], config: ExtractConfig, decoders: Decoders) -> Iterator[PlannedVideo]:
    """What the store is told of each video, in order; a file that cannot be read gets no rows and a reason."""
    with closing(decoders.probe([source.path for source in sources])) as found:
        for source, info in zip(sources, found, strict=True):
            yield _plan_video(source, info, config)


def units_of(source: Source, config: ExtractConfig) -> tuple[str, ...]:
    """The units of a video's rows."""
    return ("segment",) if config.units == "both" and source.row.split == TEST else UNITS[config.units]


def _plan_video(source: Source, info: video.VideoInfo | str, config: ExtractConfig) -> PlannedVideo:
    if isinstance(info, str):
        size = video.size_on_disk(source.path) or 0
        return PlannedVideo(source.row, 0, float("nan"), float("nan"), size, (), np.empty((0, 2)), problem=info)
    intervals: list[tuple[Interval, str]] = []
    units = units_of(source, config)
    if "segment" in units:
        cut = segments.plan_segments(info.n_frames, length=config.length, stride=config.stride, tail=config.tail)
        intervals += [(interval, "segment") for interval in cut]
    if "video" in units:
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
