"""The program that each process of `decoders` runs: one task after another, read from and answered on a connection.

A task is JSON: {path, groups, frames, preprocess}. Each group is answered with {"group": k, "shape": [f, 3, h, w]} and
one message of pixels for each of its f frames, or with {"group": k, "reason": "..."}. The last answer is
{"done": true}, or {"failed": "..."} if the rest of the video cannot be decoded.
The task {probe: path} has a single answer, {"video": {...}} or {"failed": "..."}.
{"alive": true} may come before any answer: work that gives nothing yet, such as decoding a file to count its frames, is
still going on.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import fields
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

from headhunt import video
from headhunt.arrays import UInt8
from headhunt.errors import HeadhuntError, VideoError
from headhunt.models.preprocess import Preprocess
from headhunt.records import Json

_ALIVE_EVERY_S = 1.0

Answers = Generator[tuple[Json, "UInt8 | None"], None, None]


def main(*, resize: bool = True) -> None:
    """Serve the connection on standard input until its other end is closed.

    Args:
        resize: Load what resizes frames at once, in parallel with the first tasks.
    """
    connection: Connection = Connection(0)
    if resize:
        threading.Thread(target=_load, daemon=True).start()
    with contextlib.suppress(EOFError):
        while True:
            task = json.loads(connection.recv_bytes())
            if "probe" not in task:
                _load()
            _serve(task, connection)


def answers(task: Json, alive: Callable[[], object] = int) -> Answers:
    """Do one task, and yield its answers with the pixels of each that has a shape; `alive` is called in between."""
    try:
        if "probe" in task:
            yield {"video": _plain(_probe(Path(task["probe"]), alive))}, None
            return
        preprocess = Preprocess.from_json(task["preprocess"])
        for group, frames in decode(Path(task["path"]), task["groups"], task["frames"], preprocess, alive=alive):
            if isinstance(frames, str):
                yield {"group": group, "reason": frames}, None
            else:
                yield {"group": group, "shape": list(frames.shape)}, frames
        yield {"done": True}, None
    except HeadhuntError as error:
        yield {"failed": error.line}, None


def decode(
    path: Path,
    groups: Sequence[Sequence[int]],
    n_frames: int,
    preprocess: Preprocess,
    *,
    alive: Callable[[], object] = int,
) -> Iterator[tuple[int, UInt8 | str]]:
    """Decode and resize groups of frames of one video.

    Args:
        path: The video.
        groups: Native frame numbers of each group, ascending.
        n_frames: Frames the video had when it was planned.
        preprocess: How frames are resized.
        alive: Called from time to time while nothing is yielded yet.

    Yields:
        (group, uint8 (f, 3, height, width)), or (group, why it cannot be decoded).

    Raises:
        VideoError: The video cannot be read at all, or has changed.
    """
    info = _probe(path, alive)
    if info.n_frames != n_frames:
        raise VideoError("the file changed", got=info.n_frames, expected=f"{n_frames} frames")
    arrays = [np.asarray(group, np.int64) for group in groups]
    for group, frames in video.stream(path, arrays, info=info, transform=preprocess.resize):
        yield group, frames.line if isinstance(frames, VideoError) else np.stack(frames)


_latest: dict[tuple[Path, int, int], video.VideoInfo] = {}  # the one video that was probed last


def _probe(path: Path, alive: Callable[[], object]) -> video.VideoInfo:
    """Probe a video, unless it was the last one and has not changed: its tasks follow each other, and take long."""
    if not path.is_file():
        return video.probe(path, alive=alive)
    found = path.stat()
    key = path, found.st_size, found.st_mtime_ns
    info = _latest.get(key) or video.probe(path, alive=alive)
    _latest.clear()
    _latest[key] = info
    return info


def told(path: Path, plain: Json) -> video.VideoInfo:
    """A video as a probe's answer describes it, without the packets, which only the decoding process needs."""
    arrays = {
        "times_s": np.asarray(plain["times_s"], np.float64),
        "keyframes": np.asarray(plain["keyframes"], np.bool_),
    }
    return video.VideoInfo(path=path, **(plain | arrays | {"warnings": tuple(plain["warnings"])}))


def _plain(info: video.VideoInfo) -> Json:
    plain = {f.name: getattr(info, f.name) for f in fields(info) if f.name not in {"path", "packets"}}
    return plain | {name: plain[name].tolist() for name in ("times_s", "keyframes")}


def _load() -> None:
    import torch

    torch.set_num_threads(1)


def _serve(task: Json, connection: Connection) -> None:
    said = time.monotonic()

    def alive() -> None:
        nonlocal said
        if time.monotonic() - said > _ALIVE_EVERY_S:
            connection.send_bytes(b'{"alive": true}')
            said = time.monotonic()

    try:
        for answer, frames in answers(task, alive):
            connection.send_bytes(json.dumps(answer).encode())
            for frame in () if frames is None else frames:
                connection.send_bytes(frame.reshape(-1).data)
    except MemoryError:
        connection.send_bytes(json.dumps({"failed": "the decoder ran out of memory"}).encode())
