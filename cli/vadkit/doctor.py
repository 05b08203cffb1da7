"""`vadkit doctor`: is this machine, and a model, fit to run?"""

from __future__ import annotations

from typing import Annotated

import typer

from vadkit import console, options


def doctor(
    model: Annotated[str, typer.Option("--model", metavar="NAME", help=options.MODEL_HELP)] = "tiny",
    device: options.Device = "auto",
    dtype: options.Dtype = "auto",
    attn: options.Attn = "auto",
    as_json: options.Json = False,
) -> None:
    """Check packages, device, decoder, disk and model, each for real; exits with 1 when one is not fit."""
    from headhunt.stages.doctor import doctor as stage

    checks = stage(model=model, device=device, dtype=dtype, attn=attn)
    fit = all(check.ok for check in checks)
    if as_json:
        console.print_json("doctor", {"ok": fit, "checks": checks})
    for check in checks:
        console.say(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    if not fit:
        raise typer.Exit(1)
