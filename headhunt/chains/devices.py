"""Extraction on several devices of one machine: one process a device over one plan, whole shards each."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from headhunt.artefacts.references import look_up
from headhunt.configs.extract import ExtractConfig
from headhunt.errors import ComputeError, UsageError
from headhunt.files import StrPath, several
from headhunt.progress import Progress, silent
from headhunt.signals import ended_like_ctrl_c
from headhunt.stages.extract import ExtractReport, conclude, extract
from headhunt.store import check_place

PATIENCE_S = 60.0


def extract_on_devices(
    videos: StrPath | Sequence[StrPath],
    store_path: StrPath,
    config: ExtractConfig | None = None,
    *,
    progress: Progress = silent,
) -> ExtractReport:
    """Extract, on several devices side by side where the configuration names several.

    With `devices` a process is started for each, one of which may be named twice; the i-th of n takes the shards i,
    i + n, ..., as `extract` with `shard` does. Decoder processes are divided among them.

    Args:
        videos: Videos, folders or manifests.
        store_path: The store, made when it is not there.
        config: How; the defaults when left out.
        progress: Called with how far they are together, the first batch of each process but one left out.

    Raises:
        UsageError: A shard is chosen as well as several devices.
        ComputeError: A process died.
        HeadhuntError: What a process raised; the others are stopped, and what they finished is kept.
    """
    config = ExtractConfig() if config is None else config
    store_path, paths = Path(store_path), several(videos)
    if not config.devices:
        return extract(paths, store_path, config, progress=progress)
    check_place(store_path)
    config, devices = replace(look_up(config, store_path), devices=()), config.devices
    n = len(devices)
    if config.shard != (0, 1):
        raise UsageError("several devices divide the shards among themselves", got=config.shard, hint="no --shard then")
    shares = [
        replace(config, device=device, shard=(i, n), decoders=config.n_decoders and max(1, config.n_decoders // n))
        for i, device in enumerate(devices)
    ]
    context: Any = multiprocessing.get_context("spawn")
    answers = context.Queue()
    processes = [
        context.Process(target=_work, args=(i, list(paths), store_path, share, answers), name=f"vadkit-{share.device}")
        for i, share in enumerate(shares)
    ]
    reports: dict[int, ExtractReport] = {}
    began: dict[int, int] = {}
    now: dict[int, int] = {}
    try:
        for process in processes:
            process.start()
        while len(reports) < n:
            ended = [not process.is_alive() for process in processes]
            try:
                index, answer = answers.get(timeout=1.0)
            except queue.Empty:
                _check(processes, devices, [i for i in range(n) if ended[i] and i not in reports])
                continue
            if isinstance(answer, ExtractReport):
                reports[index] = answer
            elif isinstance(answer, BaseException):
                raise answer
            else:
                what, done, total = answer
                if what == "segments":
                    began.setdefault(index, done)
                    now[index] = done - began[index]
                    progress(what, began[next(iter(began))] + sum(now.values()), total)
                elif index == 0 and not began:
                    progress(what, done, total)
    finally:
        for process in processes:
            if process.is_alive():
                os.kill(process.pid, signal.SIGINT)  # as Ctrl-C does: what is finished is written first
        for process in processes:
            if process.pid is not None:
                process.join(PATIENCE_S)
                process.kill()
                process.join()
    merged = ExtractReport(store=str(store_path), videos=reports[0].videos, unlisted=reports[0].unlisted)
    merged.notes = list(dict.fromkeys(note for i in range(n) for note in reports[i].notes))
    merged.rows_done = sum(report.rows_done for report in reports.values())
    merged.rows_reused = sum(report.rows_reused for report in reports.values())
    merged.rows_failed = sum(report.rows_failed for report in reports.values())
    return conclude(merged, paths, config)


def _check(processes: Sequence[Any], devices: Sequence[str], silent_ones: Sequence[int]) -> None:
    """Raise when a process ended without a word."""
    for index in silent_ones:
        raise ComputeError(
            f"the process on {devices[index]} died",
            got=f"exit status {processes[index].exitcode}",
            hint="run the same command again: finished rows are kept",
        )


def _work(index: int, paths: list[Path], store_path: Path, config: ExtractConfig, answers: Any) -> None:
    def tell(what: str, done: int, total: int) -> None:
        answers.put((index, (what, done, total)))

    try:
        with ended_like_ctrl_c():
            answers.put((index, extract(paths, store_path, config, progress=tell)))
    except BaseException as error:  # raised again in the process that waits
        answers.put((index, error))
