"""`vadkit fit`: features -> scorer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from vadkit import console, options

METHOD = "Options of one method"
# Method -> its options, by the names of the parameters here, which are the library's.
BELONGS = {
    "logistic": frozenset({"c", "max_iter"}),
    "svm": frozenset({"c", "max_iter"}),
    "mlp": frozenset({"max_iter"}),
    "steer": frozenset({"epochs", "rank", "lambda_reg", "variant", "standardize"}),
}


def fit(
    method: Annotated[
        Literal["logistic", "steer", "svm", "mlp"],
        typer.Option(
            "--method", help="logistic is HeadHunt-VAD's scorer, steer SteerVAD's; svm and mlp are ablations."
        ),
    ] = "logistic",
    heads: Annotated[
        str | None,
        typer.Option(
            "--heads",
            metavar="NAME|FILE|STORE",
            help="Heads to fit on: a set in the store, a file, another store, random:K[:SEED], layer:N or layer:last.",
            show_default="the set selected last",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            "--prompt",
            metavar="ID",
            help="Prompt whose features the scorer reads.",
            show_default="the prompt set's scoring prompt",
        ),
    ] = None,
    c: Annotated[
        float | None,
        typer.Option(
            "--c", help="logistic, svm: inverse strength of the L2 penalty.", show_default="1.0", rich_help_panel=METHOD
        ),
    ] = None,
    max_iter: Annotated[
        int | None,
        typer.Option(
            "--max-iter",
            metavar="N",
            min=1,
            help="logistic, svm, mlp: most iterations.",
            show_default="2000",
            rich_help_panel=METHOD,
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", metavar="N", min=0, help="steer: training steps.", show_default="1000", rich_help_panel=METHOD
        ),
    ] = None,
    rank: Annotated[
        int | None,
        typer.Option(
            "--rank", metavar="N", min=1, help="steer: rank of each adapter.", show_default="4", rich_help_panel=METHOD
        ),
    ] = None,
    lambda_reg: Annotated[
        float | None,
        typer.Option(
            "--lambda-reg",
            metavar="WEIGHT",
            min=0,
            help="steer: weight of the gate's regulariser.",
            show_default="0.1",
            rich_help_panel=METHOD,
        ),
    ] = None,
    variant: Annotated[
        Literal["full", "no-gate", "additive", "static", "linear"] | None,
        typer.Option(
            "--variant", help="steer: the whole method or an ablation.", show_default="full", rich_help_panel=METHOD
        ),
    ] = None,
    standardize: Annotated[
        bool | None,
        typer.Option(
            "--standardize/--raw",
            help="steer: bring inputs to mean 0 and deviation 1 first.",
            show_default="raw",
            rich_help_panel=METHOD,
        ),
    ] = None,
    split: options.Split = None,
    units: options.Units = "auto",
    fraction: options.Fraction = None,
    seed: options.Seed = 0,
    store: options.Store = options.STORE,
    name: options.Name = None,
    output: Annotated[
        Path | None, options.output("Also write the scorer there, as FILE.safetensors and FILE.json.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Fit a light scorer on the chosen heads of the labelled rows."""
    values = {
        "c": c,
        "max_iter": max_iter,
        "epochs": epochs,
        "rank": rank,
        "lambda_reg": lambda_reg,
        "variant": variant,
        "standardize": standardize,
    }
    own = options.only_for(method, BELONGS, values)
    from headhunt.stages.fit import FitConfig
    from headhunt.stages.fit import fit as stage

    config = FitConfig(
        method=method,
        heads=heads,
        prompt=prompt,
        split=split,
        units=units,
        fraction=fraction,
        seed=seed,
        options=own,
        name=name,
    )
    report = stage(store, config, output=output)
    if as_json:
        console.print_json("fit", report, store=store)
    console.notes(report.notes)
    loss = "" if report.loss is None else f", loss {report.loss[0]:.4f} -> {report.loss[1]:.4f}"
    heads_text = console.some([str(head) for head in report.heads])
    console.say(
        f"scorers/{report.name}: {report.method}, {len(report.heads)} heads {heads_text}, "
        f"prompt {report.prompt!r}, {report.parameters} parameters{loss}",
        f"from {report.rows} {report.unit} rows, {report.positives} of them abnormal",
    )
