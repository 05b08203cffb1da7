"""Decoder processes ahead of the model: started fresh, bounded in what they hold, killed when they hang.

A damaged file can hang or crash a decoder, already when it is probed. Then that video is recorded as failed, and a new
process goes on with the next.
Results come in the order of the tasks whatever the number of processes, so batches are the same in every run.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from headhunt import video
from headhunt.errors import HeadhuntError, VideoError
from headhunt.models.preprocess import Preprocess
from headhunt.records import Json, UInt8
from headhunt.stages._decode_worker import decode, told
from headhunt.stages._prefetch import prefetch

T = TypeVar("T")


@dataclass(frozen=True)
class Task:
    """Some rows of one video.

    Attributes:
        path: The video.
        frames: Native frames it had when it was planned.
        rows: Row of each group in the store.
        groups: Native frame numbers of each row, ascending.
    """

    path: Path
    frames: int
    rows: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]


Item = tuple[int, "UInt8 | str"]


def probe_all(
    paths: Sequence[Path], *, processes: int, timeout_s: float
) -> Generator[video.VideoInfo | str, None, None]:
    """What each video holds, without its packets, or the reason why it cannot be read; in order.

    Args:
        paths: The videos.
        processes: Decoder processes; 0 probes in this process, without the time-out.
        timeout_s: A process that gives nothing for so long is killed and its video recorded as failed.
    """
    if processes == 0:
        for path in paths:
            try:
                yield video.probe(path)
            except VideoError as error:
                yield error.line
        return
    processes = min(processes, max(1, len(paths)))
    workers: list[_Worker[video.VideoInfo | str]] = [
        _Worker([partial(_ask_probe, path) for path in paths[i::processes]], timeout_s, 64) for i in range(processes)
    ]
    with _working(workers):
        for i in range(len(paths)):
            yield workers[i % processes].take()


def decode_all(
    tasks: Sequence[Task], preprocess: Preprocess, *, processes: int, timeout_s: float, ahead: int
) -> Generator[Item, None, None]:
    """(row, its pixels (f, 3, height, width), or the reason why not) of all tasks, task by task.

    Args:
        tasks: The work.
        preprocess: How frames are resized.
        processes: Decoder processes; 0 decodes in a thread of this process, without the time-out.
        timeout_s: A process that gives nothing for so long is killed and its video recorded as failed.
        ahead: Rows each process may be ahead of who uses them.
    """
    if processes == 0:
        return prefetch(_here(tasks, preprocess), ahead=ahead)
    return _elsewhere(tasks, preprocess, min(processes, max(1, len(tasks))), timeout_s, ahead)


def _here(tasks: Sequence[Task], preprocess: Preprocess) -> Generator[Item, None, None]:
    for task in tasks:
        left = dict.fromkeys(task.rows)
        try:
            for group, frames in decode(task.path, [list(g) for g in task.groups], task.frames, preprocess):
                left.pop(task.rows[group])
                yield task.rows[group], frames
        except HeadhuntError as error:
            for row in left:
                yield row, error.line


def _elsewhere(
    tasks: Sequence[Task], preprocess: Preprocess, processes: int, timeout_s: float, ahead: int
) -> Generator[Item, None, None]:
    workers: list[_Worker[Item]] = [
        _Worker([partial(_ask_frames, task, preprocess) for task in tasks[i::processes]], timeout_s, ahead)
        for i in range(processes)
    ]
    with _working(workers):
        for i, task in enumerate(tasks):
            for _ in task.rows:
                yield workers[i % processes].take()


@contextlib.contextmanager
def _working(workers: Sequence[_Worker[Any]]) -> Iterator[None]:
    try:
        for worker in workers:
            worker.start()
        yield
    finally:
        for worker in workers:
            worker.close()


def _ask_frames(task: Task, preprocess: Preprocess, worker: _Worker[Item]) -> None:
    """Hand one task over and pass on what comes back; whatever is missing in the end is failed, with the reason."""
    left = dict.fromkeys(task.rows)

    def take(answer: Json, pixels: UInt8 | None) -> bool:
        if "group" not in answer:
            return False
        row = task.rows[answer["group"]]
        left.pop(row)
        worker.put((row, answer["reason"] if pixels is None else pixels))
        return True

    message = {"path": str(task.path), "groups": task.groups, "frames": task.frames, "preprocess": preprocess.to_json()}
    reason = worker.ask(message, take)
    for row in left:
        worker.put((row, reason))


def _ask_probe(path: Path, worker: _Worker[video.VideoInfo | str]) -> None:
    found: list[video.VideoInfo] = []

    def take(answer: Json, _payload: UInt8 | None) -> bool:
        if "video" in answer:
            found.append(told(path, answer["video"]))
        return False

    reason = worker.ask({"probe": str(path)}, take)
    worker.put(found[0] if found else reason)


class _Worker(Generic[T]):
    """One decoder process and the thread that talks to it.

    Args:
        jobs: What to do, one after the other: each calls `ask` and puts results.
        timeout_s: Seconds without an answer after which the process is killed.
        ahead: Results it may be ahead of who takes them.
    """

    def __init__(self, jobs: Sequence[Callable[[_Worker[T]], None]], timeout_s: float, ahead: int) -> None:
        self._jobs, self._timeout_s = jobs, timeout_s
        self._ready: queue.Queue[T | _Failure] = queue.Queue(maxsize=max(1, ahead))
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._thread = threading.Thread(target=self._run, name="vadkit-decoders", daemon=True)

    def start(self) -> None:
        """Start the process and begin."""
        self._thread.start()

    def take(self) -> T:
        """The next result; waits for it."""
        item = self._ready.get()
        if isinstance(item, _Failure):
            raise item.error
        return item

    def close(self) -> None:
        """End the process, wherever it is."""
        self._closing.set()
        while self._thread.is_alive():
            self._shoot()
            self._thread.join(timeout=0.1)
        self._errors.close()

    def put(self, item: T | _Failure) -> None:
        """Hand a result over; waits while there are too many."""
        while not self._closing.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(item, timeout=0.1)
                return

    def _run(self) -> None:
        try:
            for job in self._jobs:
                if self._closing.is_set():
                    break
                job(self)
        except BaseException as error:
            self.put(_Failure(error))
        finally:
            self._end()

    def ask(self, message: Json, take: Callable[[Json, UInt8 | None], bool]) -> str:
        """Hand a task to the process and each of its answers to `take`, as long as that says there are more.

        Returns:
            Why there are no more: what the process gave as a reason, or that it hung or died.
        """
        hung = threading.Event()
        process = self._alive()

        def give_up() -> None:
            hung.set()
            self._shoot()

        watch = _Watch(self._timeout_s, give_up)
        try:
            if self._closing.is_set():
                raise EOFError
            assert process.stdin is not None
            assert process.stdout is not None
            with watch:  # a long task does not fit into the pipe: a child that never reads it hangs here
                process.stdin.write(json.dumps(message).encode() + b"\n")
                process.stdin.flush()
            while True:
                with watch:
                    line = process.stdout.readline()
                    if not line:
                        raise EOFError
                    answer: dict[str, Any] = json.loads(line)
                    pixels = None
                    if "shape" in answer:
                        pixels = np.empty(answer["shape"], np.uint8)
                        view = pixels.reshape(-1).data
                        reader: Any = process.stdout
                        if reader.readinto(view) != pixels.nbytes:
                            raise EOFError
                if not take(answer, pixels):
                    return str(answer.get("failed", "the decoder gave too few frames"))
        except (EOFError, OSError, ValueError):
            if hung.is_set():
                reason = (
                    f"the decoder gave nothing for {self._timeout_s:g} s and was killed; "
                    "next: check the file, or allow more with --decode-timeout"
                )
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)
                code = process.poll()
                last = self._last_words()
                reason = f"the decoder process died (exit status {code}{last}); next: check the file"
            self._end()
            return reason

    def _alive(self) -> subprocess.Popen[bytes]:
        if self._process is None or self._process.poll() is not None:
            code = f"import sys; sys.path[:] = {sys.path!r}; from headhunt.stages import _decode_worker as w; w.main()"
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own code
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the parent, which ends its children itself
            )
        return self._process

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:200]}" if said else ""

    def _shoot(self) -> None:
        """Kill the process; whoever reads from it sees the end. Safe from any thread."""
        process = self._process
        if process is not None:
            process.kill()

    def _end(self) -> None:
        """Kill the process and clear away what belongs to it; only for the thread that talks to it."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
        self._errors.seek(0)
        self._errors.truncate()


@dataclass(frozen=True)
class _Failure:
    """What went wrong in the thread of a worker, handed over to who takes its results."""

    error: BaseException


class _Watch:
    """Calls a function when a `with` block takes longer than so many seconds."""

    def __init__(self, seconds: float, then: Callable[[], None]) -> None:
        self._seconds, self._then = seconds, then
        self._timer: threading.Timer | None = None

    def __enter__(self) -> None:
        self._timer = threading.Timer(self._seconds, self._then)
        self._timer.daemon = True
        self._timer.start()

    def __exit__(self, *_exception: object) -> None:
        assert self._timer is not None
        self._timer.cancel()
