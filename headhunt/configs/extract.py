"""What `extract` can be told."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from headhunt import splits
from headhunt.configs.option import check, formerly, option
from headhunt.configs.shared import MODEL, SEED_HELP, VIDEOS, ModelConfig
from headhunt.errors import UsageError
from headhunt.records import Head

SEGMENTS = "Segments"
KEPT = "What is kept"
STILL_BOUND = 3.0
"""Grey levels that `--skip-still auto` stands for; see `headhunt.extraction.still`."""
MOST_DECODERS = 8

DECIDED = (
    "prompts",
    "prompt_ids",
    "units",
    "length",
    "stride",
    "n_frames",
    "tail",
    "heads",
    "context",
    "like",
    "scorer",
    "head_set",
)
"""Fields that a fitted scorer decides, in a run that has one."""


def batch_size_of(text: str) -> Any:
    """A number of segments, or auto."""
    return "auto" if text == "auto" else int(text)


def grey_levels_of(text: str) -> float:
    """A bound in grey levels; "auto" is `STILL_BOUND`."""
    return STILL_BOUND if text == "auto" else float(text)


def shard_of(text: str) -> tuple[int, int]:
    """The text i/n as (i, n)."""
    parts = text.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is not i/n, such as 0/4")
    return int(parts[0]), int(parts[1])


def devices_of(text: str) -> tuple[str, ...]:
    """Names separated by commas."""
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError(f"{text!r} is not a list of devices, such as cuda:0,cuda:1")
    return names


@formerly(method="sharing")
@dataclass(frozen=True, kw_only=True)
class ExtractConfig(ModelConfig):
    """How features are extracted."""

    devices: tuple[str, ...] = option(
        (),
        "Run one process on each of these devices, such as cuda:0,cuda:1, over one plan.",
        metavar="NAME,NAME,...",
        parse=devices_of,
        shown="one process on --device",
        panel=MODEL,
    )
    sharing: Literal["packed", "loop", "full"] = option(
        "packed",
        "How prompts share a pass: packed in one row, in a loop over one cache, or not at all (full).",
        old=("method",),
        panel=MODEL,
    )
    batch_size: Any = option(
        4,
        "Segments a forward pass; auto doubles them until memory runs out or nothing is gained. "
        "A pass that does not fit into memory is halved in either case.",
        metavar="auto|N",
        parse=batch_size_of,
        least=1,
        panel=MODEL,
    )
    skip_still: float | None = option(
        None,
        "Reuse the features of a segment's predecessor when no block of 8 x 8 pixels differs from it by more than "
        "this many grey levels; auto is 3, noisy video needs more.",
        metavar="auto|BOUND",
        parse=grey_levels_of,
        least=0,
        most=255,
        shown="off",
        panel=MODEL,
    )
    decoders: int | None = option(
        None,
        "Decoder processes ahead of the model; 0 decodes in this process, without a time-out.",
        metavar="N",
        least=0,
        shown=f"half the cores, at most {MOST_DECODERS}",
        panel=MODEL,
    )
    decode_timeout_s: float = option(
        120.0,
        "A decoder that gives nothing for this long is killed and its video recorded as failed.",
        flag="decode-timeout",
        metavar="SECONDS",
        above=0,
        panel=MODEL,
    )
    prompts: Any = option("headhunt5", "A built-in prompt set or a YAML file.", metavar="NAME|FILE", panel=KEPT)
    prompt_ids: tuple[str, ...] | None = option(
        None,
        "Only this prompt of the set; may be repeated.",
        flag="prompt",
        metavar="ID",
        shown="all, or what the chosen heads need",
        panel=KEPT,
    )
    heads: str | tuple[Head, ...] | None = option(
        "all",
        "Keep all heads, or those of a head set file, of another store's scorers, or of a set in this store.",
        metavar="all|FILE|STORE|NAME",
        panel=KEPT,
    )
    context: bool | None = option(
        None,
        "Keep the hidden state that steering reads.",
        shown="with all heads, or when a scorer reads it",
        panel=KEPT,
    )
    like: Path | None = option(None, "A store whose heads and scorers these features must fit.", library=True)
    scorer: Any = option(None, "A scorer that these features must fit.", library=True)
    head_set: Any = option(None, "A head set that must have been found in this model.", library=True)
    units: Literal["segment", "video", "both"] = option(
        "both",
        "Extract segments, one row for the whole video, or both (segments alone for the split test).",
        panel=SEGMENTS,
    )
    length: int = option(48, "Frames a segment.", metavar="FRAMES", least=1, panel=SEGMENTS)
    stride: int | None = option(
        None,
        "Frames from one segment's start to the next.",
        metavar="FRAMES",
        least=1,
        shown="the length",
        panel=SEGMENTS,
    )
    n_frames: int = option(16, "Frames sampled a segment.", flag="frames", metavar="N", least=1, panel=SEGMENTS)
    tail: Literal["keep", "drop"] = option("keep", "Keep or drop a last segment that is shorter.", panel=SEGMENTS)
    mask: Path | None = option(
        None,
        "A PNG as large as the camera's picture, or of its shape, black where the picture is to be ignored: those "
        "pixels become grey. A manifest can name one for each video in its column `mask`.",
        metavar="FILE",
        shown="none",
        panel=SEGMENTS,
    )
    missing_frames: int = option(
        0,
        "Where at most so many of a segment's sampled frames cannot be decoded, take the nearest that can instead; "
        "they are counted.",
        metavar="N",
        least=0,
        panel=SEGMENTS,
    )
    grown: Literal["keep", "redo"] = option(
        "keep",
        "What becomes of a video whose file grew since its segments were planned: keep them as planned, or plan and "
        "extract it anew.",
        panel=VIDEOS,
    )
    split: str | None = option(
        None, "Only videos of this split.", canonical=splits.canonical, metavar="NAME", shown="all", panel=VIDEOS
    )
    fraction: float | None = option(
        None,
        "Only this share of the videos, stratified by label.",
        metavar="SHARE",
        above=0,
        most=1,
        shown="all",
        panel=VIDEOS,
    )
    limit: int | None = option(None, "At most this many videos.", metavar="N", least=1, shown="all", panel=VIDEOS)
    root: Path | None = option(
        None,
        "Folder that a manifest's ids are relative to.",
        metavar="FOLDER",
        shown="the manifest's own",
        panel=VIDEOS,
    )
    seed: int = option(0, SEED_HELP, metavar="N", least=0)
    shard: tuple[int, int] = option(
        (0, 1),
        "Do every N-th shard from the I-th on, for N processes side by side.",
        metavar="I/N",
        parse=shard_of,
        shown="0/1",
    )
    flush_s: float = option(30.0, "Write unfinished shards this often.", metavar="SECONDS", least=0)

    def __post_init__(self) -> None:
        check(self)
        if self.batch_size != "auto" and not isinstance(self.batch_size, int):
            raise UsageError("--batch-size is a number of segments, or auto", got=self.batch_size)
        if not 0 <= self.shard[0] < self.shard[1]:
            raise UsageError("--shard is i/n with 0 <= i < n", got="/".join(map(str, self.shard)))
        if self.devices and self.device != "auto":
            raise UsageError("--devices takes the place of --device", got=f"{self.device} and {self.devices}")

    @property
    def n_decoders(self) -> int:
        """How many decoder processes there are."""
        return max(1, min(MOST_DECODERS, (os.cpu_count() or 1) // 2)) if self.decoders is None else self.decoders

    @property
    def subset(self) -> tuple[Head, ...] | None:
        """The chosen heads, None for all. Names and files are looked up first: `headhunt.artefacts.references`."""
        if self.heads is None or isinstance(self.heads, str):
            assert self.heads in {None, "all"}, "a name that was not looked up"
            return None
        return self.heads

    @property
    def with_context(self) -> bool:
        """Whether the context is kept."""
        return self.subset is None if self.context is None else self.context
