"""`vadkit select-heads`: features -> head set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from headhunt.errors import UsageError
from vadkit import console, options

RANKING = "Ranking"
DEFAULT_K = {"rsa": 4}
OTHER_K = 5
REFERENCE = {"units": "video"}


def select_heads(
    context: typer.Context,
    metric: Annotated[
        Literal["rss", "rsa", "lda", "kl", "mmd", "nmi", "silhouette", "knn"],
        typer.Option(
            "--metric",
            help="rss is HeadHunt-VAD's, rsa SteerVAD's; the others are single saliencies.",
            rich_help_panel=RANKING,
        ),
    ] = "rss",
    k: Annotated[
        str | None,
        typer.Option(
            "--k",
            metavar="N|auto",
            help="How many heads; auto finds the number at the bend of the ranking.",
            show_default="5, for rsa 4",
            rich_help_panel=RANKING,
        ),
    ] = None,
    penalty: Annotated[
        float,
        typer.Option(
            "--penalty",
            metavar="WEIGHT",
            help="Weight of the deviation over prompts in the ranking.",
            rich_help_panel=RANKING,
        ),
    ] = 0.5,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="ID",
            help="Rank over this prompt only; may be repeated.",
            show_default="all of the store",
            rich_help_panel=RANKING,
        ),
    ] = None,
    shrinkage: Annotated[
        Literal["ledoit-wolf"] | None,
        typer.Option(
            "--shrinkage",
            help="lda: shrink covariances instead of the published ridge.",
            show_default="the published ridge",
            rich_help_panel=RANKING,
        ),
    ] = None,
    average: Annotated[
        Literal["arithmetic", "geometric"],
        typer.Option("--average", help="nmi: mean of the two entropies that normalises.", rich_help_panel=RANKING),
    ] = "arithmetic",
    neighbors: Annotated[
        int, typer.Option("--neighbors", metavar="N", min=1, help="knn: neighbours looked at.", rich_help_panel=RANKING)
    ] = 5,
    preset: options.Preset = None,
    split: options.Split = None,
    units: options.Units = "auto",
    fraction: options.Fraction = None,
    seed: options.Seed = 0,
    store: options.Store = options.STORE,
    name: options.Name = None,
    output: Annotated[Path | None, options.output("Also write the head set there, as JSON.")] = None,
    as_json: options.Json = False,
) -> None:
    """Rank the heads of the store by how well they separate labelled rows, and keep the best."""
    number = _number(k, metric)
    from headhunt.stages.select_heads import SelectConfig
    from headhunt.stages.select_heads import select_heads as stage

    values: dict[str, Any] = {
        "metric": metric,
        "k": number,
        "penalty": penalty,
        "prompt_ids": tuple(prompt) if prompt else None,
        "split": split,
        "units": units,
        "fraction": fraction,
        "seed": seed,
        "shrinkage": shrinkage,
        "average": average,
        "n_neighbors": neighbors,
        "name": name,
    }
    config = SelectConfig(**values | (options.preset(context, REFERENCE) if preset else {}))
    with console.progress() as progress:
        report = stage(store, config, output=output, progress=progress)
    if as_json:
        console.print_json("select-heads", report, store=store)
    console.notes(report.notes)
    found = report.head_set
    rows = [[i + 1, h.layer, h.head, s] for i, (h, s) in enumerate(zip(found.heads, found.scores, strict=True))]
    title = f"heads/{report.name}: {metric} over {len(report.prompts)} prompts"
    console.table(title, ["rank", "layer", "head", "score"], rows, left=0)
    console.say(f"from {report.rows} {report.unit} rows of {report.videos} videos, {report.positives} of them abnormal")


def _number(k: str | None, metric: str) -> int | None:
    """The number of heads, None to find it."""
    if k is None:
        return DEFAULT_K.get(metric, OTHER_K)
    if k == "auto":
        return None
    if not (k.isascii() and k.isdigit() and int(k) > 0):
        raise UsageError("--k is a number of heads", got=k, expected="1 or more, or auto")
    return int(k)
