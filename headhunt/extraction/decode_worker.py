"""The child of `decoders`: decodes one video after the other and hands its frames over on standard output.

It reads a task a line on standard input, JSON: {path, groups, frames, preprocess}. It answers with one JSON line for
each group, {"group": k, "shape": [...]} followed by that many bytes, or {"group": k, "reason": "..."}; then
{"done": true}, or {"failed": "..."} when the rest of the video cannot be had.
A task {probe: path} is answered with one line, {"video": {...}} or {"failed": "..."}.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from headhunt import video
from headhunt.arrays import UInt8
from headhunt.errors import HeadhuntError, VideoError
from headhunt.models.preprocess import Preprocess
from headhunt.records import Json


def decode(
    path: Path, groups: list[list[int]], n_frames: int, preprocess: Preprocess
) -> Iterator[tuple[int, UInt8 | str]]:
    """Decode and resize groups of frames of one video.

    Args:
        path: The video.
        groups: Native frame numbers of each group, ascending.
        n_frames: Frames the video had when it was planned.
        preprocess: How frames are resized.

    Yields:
        (group, uint8 (f, 3, height, width)), or (group, why it cannot be had).

    Raises:
        VideoError: The video cannot be read at all, or changed.
    """
    info = video.probe(path)
    if info.n_frames != n_frames:
        raise VideoError("the file changed", got=info.n_frames, expected=f"{n_frames} frames")
    arrays = [np.asarray(group, np.int64) for group in groups]
    for group, frames in video.stream(path, arrays, info=info, transform=preprocess.resize):
        yield group, frames.line if isinstance(frames, VideoError) else np.stack(frames)


def main(*, resize: bool = True) -> None:
    """Serve tasks until standard input ends.

    Args:
        resize: Load what frames are resized with at once, beside the first tasks.
    """
    if resize:
        threading.Thread(target=_load, daemon=True).start()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a codec library prints must not get between the frames
    for line in sys.stdin.buffer:
        task = json.loads(line)
        if "probe" in task:
            _probe(Path(task["probe"]), out)
            continue
        _load()
        _serve(task, Preprocess.from_json(task["preprocess"]), out)


def _load() -> None:
    import torch

    torch.set_num_threads(1)


def _probe(path: Path, out: BinaryIO) -> None:
    try:
        info = video.probe(path)
        plain = {f.name: getattr(info, f.name) for f in fields(info) if f.name not in {"path", "packets"}}
        arrays = {name: plain[name].tolist() for name in ("times_s", "keyframes")}
        _say(out, {"video": plain | arrays})
    except HeadhuntError as error:
        _say(out, {"failed": error.line})
    except MemoryError:
        _say(out, {"failed": "the decoder ran out of memory"})


def told(path: Path, plain: Json) -> video.VideoInfo:
    """What a probe answered; how the frames are found in the file stays with the process that decodes."""
    arrays = {
        "times_s": np.asarray(plain["times_s"], np.float64),
        "keyframes": np.asarray(plain["keyframes"], np.bool_),
    }
    return video.VideoInfo(path=path, **(plain | arrays | {"warnings": tuple(plain["warnings"])}))


def _serve(task: dict[str, Any], preprocess: Preprocess, out: BinaryIO) -> None:
    try:
        for group, frames in decode(Path(task["path"]), task["groups"], task["frames"], preprocess):
            if isinstance(frames, str):
                _say(out, {"group": group, "reason": frames})
            else:
                _say(out, {"group": group, "shape": list(frames.shape)}, frames)
        _say(out, {"done": True})
    except HeadhuntError as error:
        _say(out, {"failed": error.line})
    except MemoryError:
        _say(out, {"failed": "the decoder ran out of memory"})


def _say(out: BinaryIO, message: Json, payload: UInt8 | None = None) -> None:
    out.write(json.dumps(message).encode() + b"\n")
    if payload is not None:
        out.write(np.ascontiguousarray(payload).reshape(-1).data)
    out.flush()


if __name__ == "__main__":
    main()
