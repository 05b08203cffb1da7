"""Options that several stages have: which model, which labelled rows, which parts of the help they stand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from headhunt import splits
from headhunt.configs.option import option

MODEL = "Model and machine"
ROWS = "Which rows to learn from"
VIDEOS = "Which videos"
RESULT = "Output"
DEFAULT_MODEL = "internvl3"
NAME_HELP = "Name of the result in the store."
SEED_HELP = "Seed of every choice left to chance."


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """Which model, and how it runs."""

    model: str | None = option(
        None,
        "The model: an alias (internvl3, qwen2.5-vl, qwen3-vl, llava-onevision, ..., tiny), a hub id or a folder.",
        metavar="NAME",
        shown="internvl3, or what a fitted scorer reads",
        panel=MODEL,
    )
    revision: str | None = option(
        None,
        "Branch, tag or commit of the model on the hub.",
        metavar="REV",
        shown="the hub's main branch",
        panel=MODEL,
    )
    device: str = option(
        "auto", "Where the model runs: auto, cpu, cuda, cuda:1 or mps; auto takes a GPU when there is one.", panel=MODEL
    )
    dtype: Literal["auto", "bfloat16", "float32"] = option(
        "auto",
        "Precision of the model; auto is bfloat16 on a GPU and float32 on a CPU.",
        panel=MODEL,
    )
    attn: Literal["auto", "sdpa", "eager"] = option("auto", "Attention implementation; auto is sdpa.", panel=MODEL)
    packing: Literal["auto", "video", "image"] = option(
        "auto",
        "How frames are shown: video as one video in the model's own packing, image one by one with their numbers; "
        "auto is video where the model has such a packing.",
        flag="as",
        panel=MODEL,
    )
    compiled: bool = option(
        False,
        "Compile the vision tower's layers and the decoder's norms and MLPs with torch; takes a minute or more.",
        flag="compile",
        panel=MODEL,
    )
    offline: bool = option(False, "Never ask the hub; use what is on this disk.", panel=MODEL)

    @property
    def model_name(self) -> str:
        """The model that is meant: InternVL3-8B unless another is named."""
        return DEFAULT_MODEL if self.model is None else self.model


@dataclass(frozen=True, kw_only=True)
class RowsConfig:
    """Which labelled rows a stage learns from."""

    split: str | None = option(
        None,
        "Learn from the videos of this split; the split test is refused.",
        canonical=splits.canonical,
        metavar="NAME",
        shown="train, or all videos when none has a split",
        panel=ROWS,
    )
    units: Literal["auto", "segment", "video", "both"] = option(
        "auto",
        "Learn from segments, whole-video rows or both; auto takes segments where all events are known.",
        panel=ROWS,
    )
    fraction: float | None = option(
        None,
        "Learn from this share of the labelled videos only, stratified by label.",
        metavar="SHARE",
        above=0,
        most=1,
        shown="all",
        panel=ROWS,
    )
    seed: int = option(0, SEED_HELP, metavar="N", least=0)
