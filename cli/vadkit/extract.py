"""`vadkit extract`: the expensive pass, videos -> features."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from headhunt.configs.extract import ExtractConfig
from vadkit import console, options

if TYPE_CHECKING:
    from headhunt.stages.dry_run import DryRun
    from headhunt.stages.extract import ExtractReport

SOME_FAILED = 3


@options.takes(config=ExtractConfig)
def extract(
    videos: options.Videos,
    config: ExtractConfig,
    store: options.Store = options.STORE,
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
    if dry_run:
        from headhunt.stages.dry_run import dry_run as plan

        with console.progress() as progress:
            planned = plan(videos, store, config, progress=progress)
        if as_json:
            told = {"failed": console.failures(planned.failed)}
            console.print_json("extract", planned, store=store, dry_run=True, **told)
        _tell_plan(planned)
        _leave(planned.failed)
        return
    from headhunt.chains.devices import extract_on_devices

    with console.progress() as progress:
        report = extract_on_devices(videos, store, config, progress=progress)
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
    if report.frames_missing:
        console.say(
            f"{console.count(report.frames_missing, 'frame')} of {console.count(report.rows_missing, 'row')} cannot be "
            "decoded: the nearest of the segment stand in"
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
