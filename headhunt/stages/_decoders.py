"""Decoder processes ahead of the model: started fresh, bounded in what they hold, killed when they hang.

A damaged file can hang or crash a decoder. Then that video is recorded as failed, and a new process goes on with the
next.
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
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from headhunt.errors import HeadhuntError
from headhunt.models.preprocess import Preprocess
from headhunt.records import UInt8
from headhunt.stages._decode_worker import decode
from headhunt.stages._prefetch import prefetch


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
    workers = [_Worker(tasks[i::processes], preprocess, timeout_s, ahead) for i in range(processes)]
    try:
        for worker in workers:
            worker.start()
        for i, task in enumerate(tasks):
            for _ in task.rows:
                yield workers[i % processes].take()
    finally:
        for worker in workers:
            worker.close()


class _Worker:
    """One decoder process and the thread that talks to it."""

    def __init__(self, tasks: Sequence[Task], preprocess: Preprocess, timeout_s: float, ahead: int) -> None:
        self._tasks, self._preprocess, self._timeout_s = tasks, preprocess, timeout_s
        self._ready: queue.Queue[Item | BaseException] = queue.Queue(maxsize=max(1, ahead))
        self._closing = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        self._thread = threading.Thread(target=self._run, name="vadkit-decoders", daemon=True)

    def start(self) -> None:
        """Start the process and begin."""
        self._thread.start()

    def take(self) -> Item:
        """The next row; waits for it."""
        item = self._ready.get()
        if isinstance(item, BaseException):
            raise item
        return item

    def close(self) -> None:
        """End the process, wherever it is."""
        self._closing.set()
        while self._thread.is_alive():
            self._shoot()
            self._thread.join(timeout=0.1)
        self._errors.close()

    def _put(self, item: Item | BaseException) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(queue.Full):
                self._ready.put(item, timeout=0.1)
                return

    def _run(self) -> None:
        try:
            for task in self._tasks:
                if self._closing.is_set():
                    break
                self._serve(task)
        except BaseException as error:
            self._put(error)
        finally:
            self._end()

    def _serve(self, task: Task) -> None:
        """Hand one task over and pass on what comes back; whatever is missing in the end is failed, with the reason."""
        left = dict.fromkeys(task.rows)
        hung = threading.Event()
        reason = "the decoder gave too few frames"
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
            message = {
                "path": str(task.path),
                "groups": task.groups,
                "frames": task.frames,
                "preprocess": self._preprocess.to_json(),
            }
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
                if "group" not in answer:
                    reason = answer.get("failed", reason)
                    break
                row = task.rows[answer["group"]]
                left.pop(row)
                self._put((row, answer["reason"] if pixels is None else pixels))
        except (EOFError, OSError, ValueError):
            if hung.is_set():
                reason = f"the decoder gave nothing for {self._timeout_s:g} s and was killed; next: check the file"
            else:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=10)
                code = process.poll()
                last = self._last_words()
                reason = f"the decoder process died (exit status {code}{last}); next: check the file"
            self._end()
        for row in left:
            self._put((row, reason))

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
