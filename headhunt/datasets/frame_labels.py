"""Labels of single frames as data sets store them (masks, .npy, .mat), read as runs of abnormal frames.

A frame is abnormal where its mask has any pixel that is not zero. Knows no data set and opens no video.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import cast

import av
import numpy as np
import numpy.typing as npt

from headhunt.arrays import Bool
from headhunt.datasets import matlab
from headhunt.errors import ManifestError
from headhunt.names import text_of
from headhunt.records import Interval

_CODECS = {".bmp": "bmp", ".png": "png", ".tif": "tiff", ".tiff": "tiff"}  # without loss: JPEG makes black pixels grey
_BLOCK = 64  # masks looked at together


@dataclass(frozen=True)
class FrameLabels:
    """What is said of the frames of one video.

    Attributes:
        events: Runs of abnormal frames, half-open, sorted; () where every frame is normal.
        frames: How many frames are labelled; None where only the abnormal ones are named.
    """

    events: tuple[Interval, ...]
    frames: int | None = None

    @classmethod
    def of(cls, abnormal: Bool) -> FrameLabels:
        """From a label for each frame, (n,).

        >>> FrameLabels.of(np.array([False, True, True, False])).events
        (Interval(start_frame=1, end_frame=3),)
        """
        edges = np.flatnonzero(np.diff(abnormal.astype(np.int8), prepend=0, append=0)).tolist()
        return cls(tuple(map(Interval, edges[::2], edges[1::2])), len(abnormal))


def of_masks(folder: Path) -> FrameLabels:
    """Labels from a folder of numbered pictures, a mask a frame, in the order of their numbers.

    Raises:
        ManifestError: There is no mask, one cannot be read, or numbers are missing or repeated.
    """
    try:
        found = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise ManifestError(f"the masks in {folder} cannot be read", got=error.strerror) from error
    masks = [path for path in found if path.suffix.lower() in _CODECS]
    if not masks:
        kinds = ", ".join(sorted({path.suffix for path in found})) or "nothing"
        raise ManifestError(f"no mask in {folder}", got=kinds, expected=f"pictures ending in {' '.join(_CODECS)}")
    numbered = sorted((_number(path), path) for path in masks)
    for (earlier, before), (later, after) in pairwise(numbered):
        if later != earlier + 1:
            raise ManifestError(
                f"masks are missing or repeated in {folder}",
                got=f"{before.name}, then {after.name}",
                expected="a mask for each frame, numbered without a gap",
                hint="unpack the masks again",
            )
    return FrameLabels.of(np.array([_has_pixels(path) for _, path in numbered]))


def of_npy(path: Path) -> FrameLabels:
    """Labels from an array of a value a frame, (n,), or a mask a frame, (n, height, width).

    Raises:
        ManifestError: It cannot be read, or is no such array.
    """
    try:
        values = np.load(path, mmap_mode="r")  # NumPy refuses pickles unless told
    except Exception as error:  # at a damaged header NumPy raises anything
        objects = re.search("pickle|Python objects", str(error))
        hint = "an array of Python objects is not read: it could run code" if objects else None
        raise ManifestError(
            f"{path} cannot be read", got=error, expected="an array as NumPy saves it", hint=hint
        ) from error
    if not isinstance(values, np.ndarray):
        raise ManifestError(f"{path} is an archive of arrays", expected="one array, a label or a mask a frame")
    return _of_array(values, path, frames_first=True)


def of_mat(path: Path, name: str) -> FrameLabels:
    """Labels from a variable of a MATLAB file: a cell with a mask a frame, masks along the third axis, or a vector.

    Raises:
        ManifestError: As `matlab.read` says, or it holds no such labels.
    """
    values = matlab.read(path, name)
    if isinstance(values, list):
        return FrameLabels.of(np.array([_is_set(mask, path).any() for mask in values], dtype=np.bool_))
    return _of_array(values, path, frames_first=False)


def _of_array(values: npt.NDArray[np.generic], path: Path, *, frames_first: bool) -> FrameLabels:
    """Labels from a vector, or from masks along the first or the last axis."""
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim not in (1, 3) or not values.size:
        shapes = "(n, height, width)" if frames_first else "(height, width, n)"
        raise ManifestError(
            f"{path} holds no label for each frame", got=f"shape {values.shape}", expected=f"(n,) or {shapes}"
        )
    if values.ndim == 3 and not frames_first:
        values = np.moveaxis(values, -1, 0)
    blocks = (values[start : start + _BLOCK] for start in range(0, len(values), _BLOCK))
    return FrameLabels.of(np.concatenate([_is_set(block, path).reshape(len(block), -1).any(1) for block in blocks]))


def _is_set(values: npt.NDArray[np.generic], path: Path) -> Bool:
    """Which values are not zero."""
    if values.dtype.kind not in "buif":
        raise ManifestError(f"{path} holds no numbers", got=values.dtype, expected="a number a frame or a pixel")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ManifestError(f"{path} holds labels that are not numbers", got="NaN or infinity", expected="0 or 1")
    found: Bool = np.not_equal(values, 0)
    return found


def _number(path: Path) -> int:
    """The last number in a file's name."""
    found = re.findall("[0-9]+", path.stem)
    if not found:
        raise ManifestError(f"the mask {path} has no number", expected="the number of its frame in its name")
    return int(found[-1])


def _has_pixels(path: Path) -> bool:
    """Whether a mask has a pixel that is not black."""
    try:
        data = path.read_bytes()
        if data[:2] == b"BM" and int.from_bytes(data[2:6], "little") > len(data):  # which the decoder does not mind
            raise ValueError(f"{len(data)} bytes of {int.from_bytes(data[2:6], 'little')}")
        codec = cast(av.VideoCodecContext, av.CodecContext.create(_CODECS[path.suffix.lower()], "r"))
        frame = codec.decode(av.Packet(data))[0]
        if not frame.format.name.startswith("gray"):
            frame = frame.reformat(format="rgb24")  # palettes and transparency looked up
        return bool(frame.to_ndarray().any())
    except (OSError, av.FFmpegError, IndexError, ValueError, MemoryError) as error:
        what = f"the mask {text_of(path)} cannot be read"
        raise ManifestError(what, got=error, hint="unpack the masks again") from error
