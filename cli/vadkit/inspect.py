"""`vadkit inspect`: what is in a store."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from headhunt.errors import StoreError
from headhunt.fingerprint import Fingerprint
from headhunt.records import ModelSpec
from vadkit import console, options


@options.takes()
def inspect(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every chunk of every table, result and finished row.")
    ] = False,
    store: options.Store = options.STORE,
    as_json: options.Json = False,
) -> None:
    """Tell what is in the store: model, videos, rows, results and where they come from.

    Exits with 4 when --verify finds damage.
    """
    from headhunt.stages.inspect import inspect as stage

    with console.progress() as progress:
        result = stage(store, verify=verify, progress=progress)
    if as_json:
        console.print_json("inspect", result, store=store, failed=console.failures(result.get("failed", [])))
    _tell(result)
    if result.get("damaged"):
        raise typer.Exit(StoreError.exit_code)


def _tell(result: dict[str, Any]) -> None:
    if "videos" in result:
        _tell_contents(result)
    if "damaged" in result:
        if result["absent"]:
            console.say(f"{len(result['absent'])} chunks that an earlier version left out, as they are all fill")
        console.say("every chunk is sound" if not result["damaged"] else f"{len(result['damaged'])} damaged:")
        console.say(*(f"  {line}" for line in result["damaged"]))


def _tell_contents(result: dict[str, Any]) -> None:
    spec, fingerprint = ModelSpec(**result["spec"]), Fingerprint.from_json(result["fingerprint"])
    picks = "all heads" if fingerprint.heads is None else f"{len(fingerprint.heads)} chosen heads"
    still = fingerprint.skip_still
    facts = [
        ("model", result["info"].get("model")),
        ("sizes", f"{spec.layers} layers x {spec.heads} heads of {spec.head_dim}, hidden {spec.hidden}"),
        ("kept", f"{picks}{', context' if fingerprint.context else ''}"),
        ("prompts", ", ".join(prompt.id for prompt in fingerprint.prompts)),
        ("precision", f"{fingerprint.dtype}, {fingerprint.attention}"),
        ("videos", f"{result['videos']} ({_counts(result['video_status'])})"),
        ("rows", f"{result['segments']} ({_counts(result['segment_status'])})"),
        *([] if still is None else [("reused", f"{result['reused']} of those rows, still to {still:g} grey levels")]),
        ("splits", _counts(result["splits"])),
        ("labels", f"{_counts(result['labels'])}; events of {result['events_known']} known"),
        ("size", f"{result['bytes'] / 2**20:.1f} MiB"),
    ]
    console.table(result["store"], ["", ""], facts, left=2)
    made = [
        [f"{kind}/{entry['name']}", entry["made_by"]["created"], "current" if entry["current"] else ""]
        for kind, entries in result["artefacts"].items()
        for entry in entries
    ]
    if made:
        console.table("results", ["name", "made", ""], made, left=3)
    console.say_failures(result["failed"])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name or '(none)'} {n}" for name, n in counts.items()) or "none"
