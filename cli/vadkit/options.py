"""Options that more than one command has, and the helpers that presets and method options share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headhunt.errors import UsageError

ROWS = "Which rows to learn from"
RUNTIME = "Model and machine"
OUTPUT = "Output"

Store = Annotated[
    Path,
    typer.Option("--store", metavar="PATH", envvar="VADKIT_STORE", help="The store to work on.", show_default=True),
]
STORE = Path("vadkit.zarr")
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout and nothing else there.", rich_help_panel=OUTPUT),
]
Name = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Name of the result in the store.",
        show_default="as what it is made from",
        rich_help_panel=OUTPUT,
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of every choice left to chance.")]

UnitsOfRows = Literal["auto", "segment", "video", "both"]
Units = Annotated[
    UnitsOfRows,
    typer.Option(
        "--units",
        help="Learn from segments, whole-video rows or both; auto takes segments where all events are known.",
        rich_help_panel=ROWS,
    ),
]
Split = Annotated[
    str | None,
    typer.Option(
        "--split",
        metavar="NAME",
        help="Learn from the videos of this split; the split test is refused.",
        show_default="train, or all videos when none has a split",
        rich_help_panel=ROWS,
    ),
]
Fraction = Annotated[
    float | None,
    typer.Option(
        "--fraction",
        metavar="SHARE",
        help="Learn from this share of the labelled videos only, stratified by label.",
        show_default="all",
        rich_help_panel=ROWS,
    ),
]

MODEL_HELP = "The model: an alias (internvl3, internvl3-1b, ..., tiny), a hub id or a folder."
Revision = Annotated[
    str | None,
    typer.Option(
        "--revision",
        metavar="REV",
        help="Branch, tag or commit of the model on the hub.",
        show_default="the hub's main branch",
        rich_help_panel=RUNTIME,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="Where the model runs: auto, cpu, cuda, cuda:1, mps; auto takes a GPU.",
        rich_help_panel=RUNTIME,
    ),
]
Dtype = Annotated[
    Literal["auto", "bfloat16", "float32"],
    typer.Option(
        "--dtype",
        help="Precision of the model; auto is bfloat16 on a GPU and float32 on a CPU.",
        rich_help_panel=RUNTIME,
    ),
]
Attn = Annotated[
    Literal["auto", "sdpa", "eager"],
    typer.Option("--attn", help="Attention implementation; auto is sdpa.", rich_help_panel=RUNTIME),
]
Compile = Annotated[
    bool,
    typer.Option(
        "--compile/--no-compile",
        help="Have torch compile the vision tower's layers and the decoder's norms and MLPs; takes a minute or more.",
        rich_help_panel=RUNTIME,
    ),
]


def _batch_size(text: str) -> int | Literal["auto"]:
    if text == "auto":
        return "auto"
    try:
        return int(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number of segments") from None


BatchSize = Annotated[
    Any,
    typer.Option(
        "--batch-size",
        metavar="auto|N",
        parser=_batch_size,
        help="Segments a forward pass; auto doubles them until memory runs out or nothing is gained. "
        "What does not fit into memory is halved.",
        rich_help_panel=RUNTIME,
    ),
]


def _grey_levels(text: str) -> float:
    if text == "auto":
        from headhunt.extraction.still import BOUND

        return BOUND
    try:
        return float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither auto nor a number of grey levels") from None


SkipStill = Annotated[
    float | None,
    typer.Option(
        "--skip-still",
        metavar="auto|BOUND",
        parser=_grey_levels,
        help="Reuse the features of a segment's predecessor when no block of 8 x 8 pixels differs from it by more than "
        "so many grey levels; auto is 3, noisy video needs more.",
        show_default="off",
        rich_help_panel=RUNTIME,
    ),
]
Offline = Annotated[
    bool,
    typer.Option("--offline", help="Never ask the hub; use what is on this disk.", rich_help_panel=RUNTIME),
]
Sigma = Annotated[
    float | None,
    typer.Option(
        "--sigma",
        metavar="SEGMENTS",
        min=0,
        help="Standard deviation of the smoothing, in segments.",
        show_default="the calibrated or published value, 1.5",
    ),
]
Tau = Annotated[
    float | None,
    typer.Option(
        "--tau",
        metavar="SCORE",
        help="Threshold: an event is where the smoothed score is above it.",
        show_default="the calibrated or published value, 0.65",
    ),
]


def output(what: str) -> Any:
    """`--output FILE`, with what is written there."""
    return typer.Option("--output", "-o", metavar="FILE", help=what, show_default="none", rich_help_panel=OUTPUT)


EventsOutput = Annotated[Path | None, output("Also write the events there, .json or .csv.")]
PRESET = "headhunt-reference"
Preset = Annotated[
    Literal["headhunt-reference"] | None,
    typer.Option(
        "--preset",
        help="Set options as HeadHunt-VAD's reference code does; options given explicitly win.",
        show_default="none",
    ),
]


def given(context: typer.Context, name: str) -> bool:
    """Whether the user set an option, on the command line or in the environment."""
    source = context.get_parameter_source(name)
    return source is not None and source.name not in {"DEFAULT", "DEFAULT_MAP"}


def preset(context: typer.Context, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a preset sets: its values (by parameter name) without those the user set."""
    return {name: value for name, value in values.items() if not given(context, name)}


def only_for(chosen: str, belongs: Mapping[str, frozenset[str]], values: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were given, checked to belong to the method (or data set) that was chosen.

    Args:
        chosen: The method.
        belongs: Method -> names of its options.
        values: Option name -> value, None where it was not given.

    Raises:
        UsageError: One was given that another method has.
    """
    found = {name: value for name, value in values.items() if value is not None}
    for name in found:
        if name not in belongs[chosen]:
            others = ", ".join(sorted(method for method, names in belongs.items() if name in names))
            raise UsageError(f"--{name.replace('_', '-')} does not belong to {chosen}", expected=f"only with {others}")
    return found
