"""Frames of a video as pixels: groups of them in one pass, or single ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar, cast, overload

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter

from headhunt.arrays import Int64, UInt8
from headhunt.errors import InputError, LostFramesError, VideoError
from headhunt.video.info import VideoInfo
from headhunt.video.orientation import Orientation, from_code, told
from headhunt.video.probing import probe
from headhunt.video.seeking import wanted_frames

T = TypeVar("T")


@overload
def stream(
    path: Path | str, groups: Sequence[Int64], *, info: VideoInfo | None = None
) -> Iterator[tuple[int, list[UInt8] | VideoError]]: ...
@overload
def stream(
    path: Path | str, groups: Sequence[Int64], *, info: VideoInfo | None = None, transform: Callable[[UInt8], T]
) -> Iterator[tuple[int, list[T] | VideoError]]: ...
def stream(
    path: Path | str,
    groups: Sequence[Int64],
    *,
    info: VideoInfo | None = None,
    transform: Callable[[UInt8], Any] | None = None,
) -> Iterator[tuple[int, list[Any] | VideoError]]:
    """Read groups of frames in one pass over a video, each group as soon as its last frame is there.

    A frame is held only while a group that needs it is open. Stretches that no group needs are not decoded.

    Args:
        path: The video.
        groups: int arrays of native frame numbers, each in ascending order; they may overlap and repeat a number.
        info: What `probe` said of it; None probes first.
        transform: Applied once to each needed frame, uint8 (H, W, 3) RGB and upright; what it returns is what is held.

    Returns:
        An iterator of (index into `groups`, its frames in order), in order of completion, groups of no frames first. A
        group with a frame that cannot be decoded gets a LostFramesError that names such frames and has the others; the
        other groups go on.

    Raises:
        InputError: A group is not in ascending order or has a number that the video has not.
        VideoError: The video cannot be read at all, or changed since `info` was made.
    """
    path = Path(path)
    info = probe(path) if info is None else info
    arrays = [np.asarray(group, dtype=np.int64) for group in groups]
    for index, array in enumerate(arrays):
        if array.ndim != 1 or np.any(np.diff(array) < 0):
            raise InputError(f"frames of group {index} are not in ascending order", got=array.tolist())
        _check_range(array, info)
    return _stream(path, info, arrays, transform)


def read_frames(path: Path | str, frames: Sequence[int] | Int64, *, info: VideoInfo | None = None) -> UInt8:
    """Read single frames, in any order and with repeats; only what they depend on is decoded.

    Args:
        path: The video.
        frames: int (n,), native frame numbers.
        info: What `probe` said of it; None probes first.

    Returns:
        uint8 (n, H, W, 3) RGB, upright.

    Raises:
        InputError: A number that the video has not.
        VideoError: A frame cannot be decoded, or the frames differ in size.
    """
    path = Path(path)
    info = probe(path) if info is None else info
    wanted = np.asarray(frames, dtype=np.int64).reshape(-1)
    _check_range(wanted, info)
    unique, places = np.unique(wanted, return_inverse=True)
    if not len(unique):
        return np.zeros((0, info.height, info.width, 3), dtype=np.uint8)
    ((_, pixels),) = stream(path, [unique], info=info)
    if isinstance(pixels, VideoError):
        raise pixels
    if len({array.shape for array in pixels}) > 1:
        raise VideoError(f"frames of {path} differ in size", got=sorted({array.shape[:2] for array in pixels}))
    return np.stack([pixels[place] for place in places])


def _check_range(frames: Int64, info: VideoInfo) -> None:
    outside = frames[(frames < 0) | (frames >= info.n_frames)]
    if len(outside):
        raise InputError(
            f"{info.path} has no frame {outside[0]}", got=int(outside[0]), expected=f"0 to {info.n_frames - 1}"
        )


def _stream(
    path: Path, info: VideoInfo, groups: list[Int64], transform: Callable[[UInt8], Any] | None
) -> Iterator[tuple[int, list[Any] | VideoError]]:
    users: dict[int, list[int]] = {}  # frame -> open groups that need it
    left: list[int] = []  # frames each group still waits for
    for index, group in enumerate(groups):
        unique = np.unique(group).tolist()
        left.append(len(unique))
        for number in unique:
            users.setdefault(number, []).append(index)
        if not unique:
            yield index, []
    held: dict[int, Any] = {}
    missing: set[int] = set()
    reformatter = VideoReformatter()
    with closing(wanted_frames(path, info, sorted(users))) as frames:
        for number, frame in frames:
            pixels = None if frame is None else _upright(frame, _orientation(info, number, frame), reformatter)
            if pixels is None:
                missing.add(number)
            else:
                held[number] = pixels if transform is None else transform(pixels)
            del frame, pixels
            for index in tuple(users[number]):
                left[index] -= 1
                if left[index]:
                    continue
                lost = sorted(missing.intersection(groups[index].tolist()))
                result: Any = [held.get(i) for i in groups[index].tolist()]
                result = _lost(path, lost, result) if lost else result
                for i in np.unique(groups[index]).tolist():
                    users[i].remove(index)
                    if not users[i]:
                        held.pop(i, None)
                yield index, result
                del result  # the caller's now


def _lost(path: Path, lost: list[int], frames: list[Any]) -> LostFramesError:
    named = ", ".join(map(str, lost[:8])) + (f" and {len(lost) - 8} more" if len(lost) > 8 else "")
    return LostFramesError(
        f"frames of {path} cannot be decoded", frames=frames, got=f"frames {named}", hint="the file is damaged there"
    )


def _orientation(info: VideoInfo, number: int, frame: VideoFrame) -> Orientation:
    """Every image of a folder has its own; a frame of a video has what holds from the last that tells one."""
    if info.packets is None:
        return told(frame) or Orientation()
    turns = info.packets.turns
    return from_code(int(turns[number if len(turns) > 1 else 0]))


def _upright(frame: VideoFrame, orientation: Orientation, reformatter: VideoReformatter) -> UInt8 | None:
    try:
        rgb = reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
    except av.FFmpegError:  # a damaged header can name a layout that has no RGB
        return None
    return orientation.apply(cast(UInt8, rgb))
