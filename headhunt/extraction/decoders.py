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
from headhunt.arrays import UInt8
from headhunt.errors import HeadhuntError, VideoError
from headhunt.extraction.decode_worker import decode, told
from headhunt.models.preprocess import Preprocess
from headhunt.prefetch import prefetch
from headhunt.records import Json

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


class Decoders:
    """Decoder processes that stay from one piece of work to the next; use it in a `with` block, from one thread.

    Args:
        processes: How many; 0 works in this process, without the time-out.
        timeout_s: A process that gives nothing for so long is killed and its video recorded as failed.
        resize: Whether frames will be asked for: the processes load what resizes them as soon as they start.
    """

    def __init__(self, processes: int, timeout_s: float, *, resize: bool = True) -> None:
        self._processes = [_Process(timeout_s, resize=resize) for _ in range(processes)]

    def __enter__(self) -> Decoders:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes:
            process.close()

    def start(self) -> None:
        """Start the processes now, ahead of the work: they need a while."""
        for process in self._processes:
            process.alive()

    def probe(self, paths: Sequence[Path]) -> Generator[video.VideoInfo | str, None, None]:
        """What each video holds, without its packets, or the reason why it cannot be read; in order."""
        if not self._processes:
            for path in paths:
                try:
                    yield video.probe(path)
                except VideoError as error:
                    yield error.line
            return
        used = self._processes[: max(1, len(paths))]
        workers: list[_Worker[video.VideoInfo | str]] = [
            _Worker(process, [partial(_ask_probe, path) for path in paths[i :: len(used)]], 64)
            for i, process in enumerate(used)
        ]
        with _working(workers):
            for i in range(len(paths)):
                yield workers[i % len(used)].take()

    def frames(self, tasks: Sequence[Task], preprocess: Preprocess, *, ahead: int) -> Generator[Item, None, None]:
        """(row, its pixels (f, 3, height, width), or the reason why not) of all tasks, task by task.

        Args:
            tasks: The work.
            preprocess: How frames are resized.
            ahead: Rows each process may be ahead of who uses them.
        """
        if not self._processes:
            return prefetch(_here(tasks, preprocess), ahead=ahead)
        return self._elsewhere(tasks, preprocess, ahead)

    def _elsewhere(self, tasks: Sequence[Task], preprocess: Preprocess, ahead: int) -> Generator[Item, None, None]:
        used = self._processes[: max(1, len(tasks))]
        workers: list[_Worker[Item]] = [
            _Worker(process, [partial(_ask_frames, task, preprocess) for task in tasks[i :: len(used)]], ahead)
            for i, process in enumerate(used)
        ]
        with _working(workers):
            for i, task in enumerate(tasks):
                for _ in task.rows:
                    yield workers[i % len(used)].take()


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


@contextlib.contextmanager
def _working(workers: Sequence[_Worker[Any]]) -> Iterator[None]:
    try:
        for worker in workers:
            worker.start()
        yield
        for worker in workers:
            worker.finish()
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
    """The thread that talks to one decoder process about one piece of work.

    Args:
        process: The process; nobody else talks to it meanwhile.
        jobs: What to do, one after the other: each calls `ask` and puts results.
        ahead: Results it may be ahead of who takes them.
    """

    def __init__(self, process: _Process, jobs: Sequence[Callable[[_Worker[T]], None]], ahead: int) -> None:
        self._process, self._jobs = process, jobs
        self._ready: queue.Queue[T | _Failure] = queue.Queue(maxsize=max(1, ahead))
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="vadkit-decoders", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def take(self) -> T:
        """The next result; waits for it."""
        item = self._ready.get()
        if isinstance(item, _Failure):
            raise item.error
        return item

    def finish(self) -> None:
        """Wait for the end, when all results were taken; the process stays."""
        self._thread.join()

    def close(self) -> None:
        """End the thread, wherever it is; when it is not done yet, its process is killed."""
        self._closing.set()
        while self._thread.is_alive():
            self._process.shoot()
            self._thread.join(timeout=0.1)

    def put(self, item: T | _Failure) -> None:
        """Hand a result over; waits while there are too many."""
        while not self._closing.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(item, timeout=0.1)
                return

    def ask(self, message: Json, take: Callable[[Json, UInt8 | None], bool]) -> str:
        """See `_Process.ask`."""
        return self._process.ask(message, take, self._closing)

    def _run(self) -> None:
        try:
            for job in self._jobs:
                if self._closing.is_set():
                    break
                job(self)
        except BaseException as error:
            self.put(_Failure(error))


class _Process:
    """One decoder process, started when it is needed and replaced when it died.

    Args:
        timeout_s: Seconds without an answer after which it is killed.
        resize: Whether it loads at once what it resizes frames with.
    """

    def __init__(self, timeout_s: float, *, resize: bool) -> None:
        self._timeout_s, self._resize = timeout_s, resize
        self._popen: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()

    def ask(self, message: Json, take: Callable[[Json, UInt8 | None], bool], closing: threading.Event) -> str:
        """Hand a task to the process and each of its answers to `take`, as long as that says there are more.

        Returns:
            Why there are no more: what the process gave as a reason, or that it hung or died.
        """
        hung = threading.Event()
        process = self.alive()

        def give_up() -> None:
            hung.set()
            self.shoot()

        watch = _Watch(self._timeout_s, give_up)
        try:
            if closing.is_set():
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

    def alive(self) -> subprocess.Popen[bytes]:
        """The process; a new one where there is none, or it died."""
        if self._popen is None or self._popen.poll() is not None:
            self._end()
            code = (
                f"import sys; sys.path[:] = {sys.path!r}; from headhunt.extraction import decode_worker as w; "
                f"w.main(resize={self._resize})"
            )
            self._popen = subprocess.Popen(  # noqa: S603 - this interpreter, our own code
                [sys.executable, "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                start_new_session=True,  # Ctrl-C is for the parent, which ends its children itself
            )
        return self._popen

    def shoot(self) -> None:
        """Kill the process; whoever reads from it sees the end. Safe from any thread."""
        process = self._popen
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End it for good; only when nobody talks to it."""
        self._end()
        self._errors.close()

    def _last_words(self) -> str:
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1][:200]}" if said else ""

    def _end(self) -> None:
        """Kill the process and clear away what belongs to it; only for who talks to it."""
        process, self._popen = self._popen, None
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
