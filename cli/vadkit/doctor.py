"""`vadkit doctor`: is this machine, and a model, fit to run?"""

from __future__ import annotations

import typer

from headhunt.configs.shared import ModelConfig
from vadkit import console, options


@options.takes(config=ModelConfig, leave_out=("compiled",), defaults={"model": "tiny"})
def doctor(config: ModelConfig, as_json: options.Json = False) -> None:
    """Check packages, device, decoder, disk and model, each for real; exits with 1 when one is not fit."""
    from headhunt.stages.doctor import doctor as stage

    checks = stage(
        model=config.model_name,
        device=config.device,
        dtype=config.dtype,
        attn=config.attn,
        packing=config.packing,
        revision=config.revision,
        offline=config.offline,
    )
    fit = all(check.ok for check in checks)
    if as_json:
        console.print_json("doctor", {"ok": fit, "checks": checks})
    for check in checks:
        console.say(f"{'ok  ' if check.ok else 'FAIL'} {check.name}: {check.detail}")
    if not fit:
        raise typer.Exit(1)
