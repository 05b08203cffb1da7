"""`vadkit extract`: the expensive pass, videos -> features."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from headhunt.errors import UsageError
from vadkit import console, options

if TYPE_CHECKING:
    from headhunt.stages.dry_run import DryRun
    from headhunt.stages.extract import ExtractReport

SEGMENTS = "Segments"
VIDEOS = "Which videos"
KEPT = "What is kept"
PROMPTS = "headhunt5"
REFERENCE = {"tail": "drop", "units": "both"}
SOME_FAILED = 3


def extract(
    context: typer.Context,
    videos: Annotated[list[Path], typer.Argument(metavar="VIDEOS", help="Videos, folders or manifests.")],
    store: options.Store = options.STORE,
    model: Annotated[
        str, typer.Option("--model", metavar="NAME", help=options.MODEL_HELP, rich_help_panel=options.RUNTIME)
    ] = "internvl3",
    revision: options.Revision = None,
    dtype: options.Dtype = "auto",
    device: options.Device = "auto",
    devices: Annotated[
        str | None,
        typer.Option(
            "--devices",
            metavar="NAME,NAME,...",
            help="Run one process on each of these devices, such as cuda:0,cuda:1, over one plan.",
            show_default="one process on --device",
            rich_help_panel=options.RUNTIME,
        ),
    ] = None,
    attn: options.Attn = "auto",
    compiled: options.Compile = False,
    method: Annotated[
        Literal["packed", "loop", "full"],
        typer.Option(
            "--method",
            help="How prompts share a pass: packed in one row, in a loop over one cache, or not at all (full).",
            rich_help_panel=options.RUNTIME,
        ),
    ] = "packed",
    batch_size: options.BatchSize = 4,
    skip_still: options.SkipStill = None,
    offline: options.Offline = False,
    prompts: Annotated[
        str,
        typer.Option(
            "--prompts", metavar="NAME|FILE", help="A built-in prompt set or a YAML file.", rich_help_panel=KEPT
        ),
    ] = PROMPTS,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="ID",
            help="Only this prompt of the set; may be repeated.",
            show_default="all, or what the chosen heads need",
            rich_help_panel=KEPT,
        ),
    ] = None,
    heads: Annotated[
        str,
        typer.Option(
            "--heads",
            metavar="all|FILE|STORE|NAME",
            help="Keep all heads, or those of a head set file, of another store's scorers, or of a set in this store.",
            rich_help_panel=KEPT,
        ),
    ] = "all",
    keep_context: Annotated[
        bool | None,
        typer.Option(
            "--context/--no-context",
            help="Keep the hidden state that steering reads.",
            show_default="with all heads, or when a scorer reads it",
            rich_help_panel=KEPT,
        ),
    ] = None,
    units: Annotated[
        Literal["segment", "video", "both"],
        typer.Option(
            "--units",
            help="Extract segments, one row for the whole video, or both (segments alone for the split test).",
            rich_help_panel=SEGMENTS,
        ),
    ] = "both",
    length: Annotated[
        int, typer.Option("--length", metavar="FRAMES", min=1, help="Frames a segment.", rich_help_panel=SEGMENTS)
    ] = 48,
    stride: Annotated[
        int | None,
        typer.Option(
            "--stride",
            metavar="FRAMES",
            min=1,
            help="Frames from one segment's start to the next.",
            show_default="the length",
            rich_help_panel=SEGMENTS,
        ),
    ] = None,
    frames: Annotated[
        int, typer.Option("--frames", metavar="N", min=1, help="Frames sampled a segment.", rich_help_panel=SEGMENTS)
    ] = 16,
    tail: Annotated[
        Literal["keep", "drop"],
        typer.Option("--tail", help="Keep or drop a last segment that is shorter.", rich_help_panel=SEGMENTS),
    ] = "keep",
    preset: options.Preset = None,
    split: Annotated[
        str | None,
        typer.Option(
            "--split", metavar="NAME", help="Only videos of this split.", show_default="all", rich_help_panel=VIDEOS
        ),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(
            "--fraction",
            metavar="SHARE",
            help="Only this share of the videos, stratified by label.",
            show_default="all",
            rich_help_panel=VIDEOS,
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit", metavar="N", min=1, help="At most so many videos.", show_default="all", rich_help_panel=VIDEOS
        ),
    ] = None,
    seed: options.Seed = 0,
    root: Annotated[
        Path | None,
        typer.Option(
            "--root",
            metavar="FOLDER",
            help="Folder that a manifest's ids are relative to.",
            show_default="the manifest's own",
            rich_help_panel=VIDEOS,
        ),
    ] = None,
    shard: Annotated[
        str,
        typer.Option(
            "--shard", metavar="I/N", help="Do every N-th shard from the I-th on, for N processes side by side."
        ),
    ] = "0/1",
    flush_s: Annotated[
        float, typer.Option("--flush-s", metavar="SECONDS", min=0, help="Write unfinished shards this often.")
    ] = 30.0,
    decoders: Annotated[
        int | None,
        typer.Option(
            "--decoders",
            metavar="N",
            min=0,
            help="Decoder processes ahead of the model; 0 decodes in a thread, without time-out.",
            show_default="half the cores, at most 8",
            rich_help_panel=options.RUNTIME,
        ),
    ] = None,
    decode_timeout_s: Annotated[
        float,
        typer.Option(
            "--decode-timeout",
            metavar="SECONDS",
            min=0.1,
            help="A decoder that gives nothing for so long is killed and its video recorded as failed.",
            rich_help_panel=options.RUNTIME,
        ),
    ] = 120.0,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Only tell what would be done: its size, operations and an estimate of the time."
        ),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Extract the features of videos into the store; what is there already is not computed again.

    Exits with 3 when some videos failed.
    """
    parts = shard.split("/")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise UsageError("--shard is i/n with 0 <= i < n", got=shard, expected="such as 0/4")
    from headhunt.artefacts.references import wanted
    from headhunt.stages.extract import ExtractConfig
    from headhunt.stages.extract import extract as stage

    several = [] if devices is None else [name.strip() for name in devices.split(",")]
    if devices is not None and (not all(several) or options.given(context, "device")):
        raise UsageError("--devices is a list of names, and takes the place of --device", got=devices)
    lean = wanted(heads, store)
    asked = lean.prompts if lean.prompts is not None and prompts == PROMPTS else prompts
    needed = lean.prompts.ids if lean.prompts is not None and asked is lean.prompts else None
    values: dict[str, Any] = {
        "model": model,
        "revision": revision,
        "dtype": dtype,
        "device": several[0] if several else device,
        "attn": attn,
        "compiled": compiled,
        "offline": offline,
        "prompts": asked,
        "prompt_ids": tuple(prompt) if prompt else needed,
        "units": units,
        "length": length,
        "stride": stride,
        "n_frames": frames,
        "tail": tail,
        "split": split,
        "fraction": fraction,
        "limit": limit,
        "seed": seed,
        "heads": lean.heads,
        "like": lean.like,
        "root": root,
        "context": keep_context if keep_context is not None else lean.context,
        "method": method,
        "batch_size": batch_size,
        "skip_still": skip_still,
        "shard": (int(parts[0]), int(parts[1])),
        "flush_s": flush_s,
        "decoders": decoders,
        "decode_timeout_s": decode_timeout_s,
    }
    config = ExtractConfig(**values | (options.preset(context, REFERENCE) if preset else {}))
    if dry_run:
        from headhunt.stages.dry_run import dry_run as plan

        with console.progress() as progress:
            planned = plan(videos, config, progress=progress)
        if as_json:
            told = {"failed": console.failures(planned.failed)}
            console.print_json("extract", planned, store=store, dry_run=True, **told)
        _tell_plan(planned)
        _leave(planned.failed)
        return
    with console.progress() as progress:
        if several:
            from headhunt.chains.devices import extract_side_by_side

            report = extract_side_by_side(videos, store, config, several, progress=progress)
        else:
            report = stage(videos, store, config, progress=progress)
    if as_json:
        console.print_json("extract", report, store=store, failed=console.failures(report.failed))
    tell(report)
    _leave(report.failed)


def _leave(failed: list[tuple[str, str]]) -> None:
    if failed:
        raise typer.Exit(SOME_FAILED)


def tell(report: ExtractReport) -> None:
    """Tell what an extraction did."""
    console.notes(report.notes)
    elsewhere = f", {report.elsewhere} left to other processes" if report.elsewhere else ""
    reused = f" ({report.rows_reused} of them reused)" if report.rows_reused else ""
    console.say(
        f"{report.store}: {console.count(report.videos, 'video')}, {report.rows_done} rows extracted{reused}, "
        f"{report.rows_kept} were there, {report.rows_failed} failed{elsewhere}"
    )
    console.say_some(report.unlisted, "video", "there but not in the manifest")
    console.say_failures(report.failed)


def _tell_plan(planned: DryRun) -> None:
    console.notes(planned.notes)
    console.say(
        f"{console.count(planned.videos, 'video')}, {console.clock(planned.duration_s)}, {planned.frames} frames",
        f"{planned.segments} segments and {planned.whole_videos} whole-video rows: "
        + ("forward passes as large as they fit" if planned.passes is None else f"{planned.passes} forward passes"),
    )
    if planned.tokens is not None and planned.bytes is not None:
        console.say(
            f"{planned.tokens} tokens a row, {planned.bytes / 2**20:.1f} MiB on disk at most (float16, uncompressed)"
        )
    if planned.operations is not None:
        cost = planned.operations
        parts = (("vision", cost.vision), ("shared prefix", cost.prefix), ("prompts", cost.suffixes))
        shares = ", ".join(f"{name} {value / max(cost.total, 1.0):.0%}" for name, value in parts)
        console.say(f"{cost.total / 1e12:,.3g} TFLOP ({shares})")
    if planned.seconds is not None:
        console.say(f"about {console.clock(planned.seconds)} for the model, an estimate {planned.estimate}")
    console.say_failures(planned.failed)
