"""Decoder processes that work ahead of the model: bounded in what they hold, killed when they hang.

A damaged file can hang or crash a decoder, even while it is only being probed. That video is then recorded as failed,
and a new process carries on with the next one. Results come in the order of the tasks however many processes there
are, so every run makes the same batches.
This module knows nothing of decoding; `decode_worker` does, and defines what a task and its answers look like.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from multiprocessing.connection import Connection, Pipe
from pathlib import Path
from typing import TypeVar

import numpy as np

from headhunt import video
from headhunt.arrays import UInt8
from headhunt.extraction.decode_worker import Answers, answers, told
from headhunt.extraction.masks import Mask
from headhunt.models.preprocess import Pixels
from headhunt.prefetch import prefetch
from headhunt.records import Json

J = TypeVar("J")
T = TypeVar("T")
Ask = Callable[[Json], Answers]
Item = tuple[int, "UInt8 | str"]


@dataclass(frozen=True)
class Task:
    """Some rows of one video.

    Attributes:
        path: The video.
        frames: Native frames it had when it was planned.
        rows: Row of each group in the store.
        groups: Native frame numbers of each row, ascending.
        file: Which file it was then; it may have grown since.
        mask: The areas to ignore in it, None for none.
        steps_s: Seconds from one frame of a row to the next, of each row.
    """

    path: Path
    frames: int
    rows: tuple[int, ...]
    groups: tuple[tuple[int, ...], ...]
    file: video.Identity | None = None
    mask: Mask | None = None
    steps_s: tuple[float, ...] = ()


class Decoders:
    """Decoder processes that outlive one piece of work; use them in a `with` block, from one thread.

    Args:
        processes: How many; 0 does the work in this process, without a time-out.
        timeout_s: A process that gives nothing for this long is killed, and its video fails.
        resize: Whether frames will be asked for; the processes then load what resizes them as soon as they start.
    """

    def __init__(self, processes: int, timeout_s: float, *, resize: bool = True) -> None:
        self._processes = [_Process(timeout_s, resize=resize) for _ in range(processes)]

    def __enter__(self) -> Decoders:
        return self

    def __exit__(self, *_exception: object) -> None:
        for process in self._processes:
            process.close()

    def start(self) -> None:
        """Start the processes before there is work for them, since they take seconds to load."""
        for process in self._processes:
            process.alive()

    def probe(self, paths: Sequence[Path]) -> Generator[video.VideoInfo | str, None, None]:
        """Describe each video, without its packets, or say why it cannot be read; in order."""
        with self._lanes(_probe, paths, ahead=64) as lanes:
            for _, lane in zip(paths, itertools.cycle(lanes), strict=False):
                yield next(lane)

    def frames(
        self,
        tasks: Sequence[Task],
        preprocess: Pixels,
        *,
        ahead: int,
        missing: int = 0,
        shown: dict[int, tuple[int, ...]] | None = None,
    ) -> Generator[Item, None, None]:
        """Yield (row, its pixels (f, 3, height, width), or why there are none) for all tasks, task by task.

        Args:
            tasks: The work.
            preprocess: How frames are resized.
            ahead: Rows each process may be ahead of the caller.
            missing: How many frames of a row its nearest ones may stand in for, where they cannot be decoded.
            shown: Gets the frames that a row really shows before it is yielded, if they are others than asked for.
        """
        work = partial(_frames, preprocess, missing, {} if shown is None else shown)
        with self._lanes(work, tasks, ahead=ahead) as lanes:
            for task, lane in zip(tasks, itertools.cycle(lanes), strict=False):
                yield from itertools.islice(lane, len(task.rows))

    @contextlib.contextmanager
    def _lanes(
        self, work: Callable[[Ask, J], Iterator[T]], jobs: Sequence[J], *, ahead: int
    ) -> Iterator[list[Generator[T, None, None]]]:
        """Deal the jobs out to the processes in turn; gives an iterator over the results of each process.

        A process that is still working when the block is left is killed.
        """
        asked: list[tuple[Ask, Callable[[], None]]] = [(p.ask, p.kill) for p in self._processes[: len(jobs)]]
        asked = asked or [(answers, lambda: None)]
        with contextlib.ExitStack() as stack:
            lanes = []
            for i, (ask, kill) in enumerate(asked):
                results = _one_by_one(work, ask, jobs[i :: len(asked)])
                lane = prefetch(results, ahead=ahead, interrupt=kill)
                lanes.append(stack.enter_context(contextlib.closing(lane)))
            yield lanes
            for lane in lanes:
                next(lane, None)  # wait for its thread, which may still be talking to the process


def _one_by_one(work: Callable[[Ask, J], Iterator[T]], ask: Ask, jobs: Sequence[J]) -> Iterator[T]:
    for job in jobs:
        yield from work(ask, job)


def _frames(
    preprocess: Pixels, missing: int, shown: dict[int, tuple[int, ...]], ask: Ask, task: Task
) -> Iterator[Item]:
    """Every row of a task; those still missing when it ends get the reason why it ended."""
    left = dict.fromkeys(task.rows)
    reason = "the decoder gave too few frames"
    message = {
        "path": str(task.path),
        "groups": task.groups,
        "frames": task.frames,
        "file": task.file and asdict(task.file),
        "missing": missing,
        "mask": task.mask and {"path": str(task.mask.path), "digest": task.mask.digest},
        "preprocess": preprocess.to_json(),
    }
    with contextlib.closing(ask(message)) as given:
        for answer, pixels in given:
            if "group" in answer:
                row = task.rows[answer["group"]]
                left.pop(row)
                if "shown" in answer:
                    shown[row] = tuple(answer["shown"])
                yield row, answer["reason"] if pixels is None else pixels
            reason = answer.get("failed", reason)
    for row in left:
        yield row, reason


def _probe(ask: Ask, path: Path) -> Iterator[video.VideoInfo | str]:
    for answer, _ in ask({"probe": str(path)}):
        yield told(path, answer["video"]) if "video" in answer else answer["failed"]


class _Process:
    """One decoder process, started when it is first needed and replaced when it has died.

    Args:
        timeout_s: Seconds without an answer after which it is killed.
        resize: Whether it loads what it resizes frames with as soon as it starts.
    """

    _connection: Connection  # to the process, while there is one

    def __init__(self, timeout_s: float, *, resize: bool) -> None:
        self._timeout_s, self._resize = timeout_s, resize
        self._popen: subprocess.Popen[bytes] | None = None
        self._hung: subprocess.Popen[bytes] | None = None
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()

    def ask(self, message: Json) -> Answers:
        """Have the process do a task, and yield its answers as `decode_worker.answers` does.

        If it hangs or dies, the last answer is {"failed": reason}.
        """
        process = self.alive()
        answer: Json = {"group": None}
        try:
            with self._limit(process):  # a task can be larger than the socket's buffer
                self._connection.send_bytes(json.dumps(message).encode())
            while "group" in answer:
                with self._limit(process):
                    answer, pixels = json.loads(self._connection.recv_bytes()), None
                    if "shape" in answer:
                        pixels = np.empty(answer["shape"], np.uint8)
                        for frame in pixels:  # one message each: a message is buffered whole before it is copied
                            self._connection.recv_bytes_into(frame.reshape(-1).data)
                if "alive" in answer:
                    answer = {"group": None}  # there is more to come
                else:
                    yield answer, pixels
        except (EOFError, OSError, ValueError):
            reason = self._cause_of_death(process)
            self._end()
            yield {"failed": reason}, None
        except BaseException:  # abandoned: its remaining answers must not reach the next task
            self._end()
            raise

    def alive(self) -> subprocess.Popen[bytes]:
        """The process, or a new one if there is none or it has died."""
        if self._popen is None or self._popen.poll() is not None:
            self._end()
            code = (
                f"import sys; sys.path[:] = {sys.path!r}; from headhunt.extraction import decode_worker as w; "
                f"w.main(resize={self._resize})"
            )
            self._connection, theirs = Pipe()
            with theirs:  # not a `multiprocessing.Process`, which pickles, and imports the caller's script again
                self._popen = subprocess.Popen(  # noqa: S603 - this interpreter, our own code
                    [sys.executable, "-c", code],
                    stdin=theirs.fileno(),
                    stdout=self._errors,  # codec libraries print to both
                    stderr=self._errors,
                    env=os.environ | {"OMP_NUM_THREADS": "1"},
                    start_new_session=True,  # Ctrl-C must reach only the parent, which ends its children itself
                )
        return self._popen

    def kill(self) -> None:
        """Kill the process; whoever is waiting for it sees the end. Safe from any thread."""
        process = self._popen
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process for good; only while nobody is talking to it."""
        self._end()
        self._errors.close()

    @contextlib.contextmanager
    def _limit(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Kill the process if the block takes too long.

        `Connection.poll` would not do: it sees only the first byte of a message, so a process that stops halfway
        through one, or never reads its task, would hang this one too.
        """

        def give_up() -> None:
            self._hung = process
            process.kill()

        timer = threading.Timer(self._timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _cause_of_death(self, process: subprocess.Popen[bytes]) -> str:
        if self._hung is process:
            return (
                f"the decoder gave nothing for {self._timeout_s:g} s and was killed; "
                "next: check the file, or allow more with --decode-timeout"
            )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=10)
        self._errors.seek(0)
        said = self._errors.read().decode("utf-8", "replace").strip()
        last = f": {said.splitlines()[-1].strip()[:200]}" if said else ""
        return f"the decoder process died (exit status {process.poll()}{last}); next: check the file"

    def _end(self) -> None:
        """Kill the process and clear up after it; only for whoever is talking to it."""
        process, self._popen = self._popen, None
        if process is not None:
            process.kill()
            process.wait()
            self._connection.close()
        self._errors.seek(0)
        self._errors.truncate()
