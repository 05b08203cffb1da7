"""The program that each process of `decoders` runs: one task after another, read from and answered on a connection.

A task is JSON: {path, groups, frames, file, missing, mask, preprocess}. Each group is answered with
{"group": k, "shape": [f, 3, h, w]} and one message of pixels for each of its f frames, or with
{"group": k, "reason": "..."}. Where some of them are others than were asked for, because those cannot be decoded,
"shown" says which they are. The last answer is {"done": true}, or {"failed": "..."} if the rest of the video cannot be
decoded.
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
from headhunt.arrays import Bool, Int64, UInt8
from headhunt.errors import HeadhuntError, LostFramesError, VideoError
from headhunt.extraction import masks
from headhunt.models.preprocess import Pixels, from_json
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
        preprocess = from_json(task["preprocess"])
        mask, file = task.get("mask"), task.get("file")
        decoded = decode(
            Path(task["path"]),
            task["groups"],
            task["frames"],
            preprocess,
            file=None if file is None else video.Identity(**file),
            missing=task.get("missing", 0),
            ignored=None if mask is None else masks.read_as(Path(mask["path"]), mask["digest"]),
            alive=alive,
        )
        for group, frames, shown in decoded:
            if isinstance(frames, str):
                yield {"group": group, "reason": frames}, None
            else:
                others = {} if shown is None else {"shown": shown}
                yield {"group": group, "shape": list(frames.shape), **others}, frames
        yield {"done": True}, None
    except HeadhuntError as error:
        yield {"failed": error.line}, None


def decode(
    path: Path,
    groups: Sequence[Sequence[int]],
    n_frames: int,
    preprocess: Pixels,
    *,
    file: video.Identity | None = None,
    missing: int = 0,
    ignored: Bool | None = None,
    alive: Callable[[], object] = int,
) -> Iterator[tuple[int, UInt8 | str, list[int] | None]]:
    """Decode and resize groups of frames of one video.

    Args:
        path: The video.
        groups: Native frame numbers of each group, ascending.
        n_frames: Frames the video had when it was planned.
        preprocess: How frames are resized.
        file: Which file it was then, which may have grown since; None where only frames are counted.
        missing: How many frames of a group the nearest ones of the group may stand in for.
        ignored: Pixels that are made grey first, bool (H, W) or of that shape; None for none.
        alive: Called from time to time while nothing is yielded yet.

    Yields:
        (group, uint8 (f, 3, height, width), None), with the numbers of the frames in place of None where some stand in
        for others; or (group, why it cannot be decoded, None).

    Raises:
        VideoError: The video cannot be read at all, or has changed, or the model takes no frames of its size.
    """
    info = _probe(path, alive)
    grew = file is not None and info.size_bytes > file.bytes
    if file is not None and not video.is_begun_by(path, file):
        larger = "it is larger and does not begin as it did" if grew else "it is another file"
        hint = "--grown redo extracts it anew" if grew else "put the old file back, or extract into a new store"
        raise VideoError("the file changed since it was planned", got=larger, hint=hint)
    if info.n_frames != n_frames and not (grew and info.n_frames > n_frames):
        raise VideoError("the file changed", got=info.n_frames, expected=f"{n_frames} frames")
    arrays = [np.asarray(group, np.int64) for group in groups]
    tile = preprocess.of(info.height, info.width, max(map(len, groups), default=1))

    def transform(frame: UInt8) -> UInt8:
        return tile.resize(frame if ignored is None else masks.blank(frame, ignored))

    for group, frames in video.stream(path, arrays, info=info, transform=transform):
        shown = None
        if isinstance(frames, LostFramesError):
            places = stand_ins(frames, arrays[group], missing)
            if places is not None:
                shown, frames = arrays[group][places].tolist(), [frames.frames[place] for place in places]
        yield group, frames.line if isinstance(frames, VideoError) else np.stack(frames), shown


def stand_ins(lost: LostFramesError, numbers: Int64, missing: int) -> Int64 | None:
    """Which frame of a group is shown at each of its places: its own, or the nearest that can be decoded.

    Args:
        lost: What was decoded of the group.
        numbers: Its native frame numbers.
        missing: How many places may show another.

    Returns:
        Places in the group, the earlier of two that are equally near; None when too many would show another.
    """
    have = np.array([place for place, frame in enumerate(lost.frames) if frame is not None], np.int64)
    if not len(have) or len(numbers) - len(have) > missing:
        return None
    places: Int64 = have[np.abs(numbers[:, None] - numbers[have]).argmin(1)]
    return places


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
