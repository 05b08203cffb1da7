"""Labels of frames as data sets store them, made for tests: masks, arrays, MATLAB files; and folders of frames."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from scipy.io import savemat

SIZE = (6, 10)


def mask(value: int) -> np.ndarray:
    """A mask with one pixel of this value, uint8 SIZE."""
    made = np.zeros(SIZE, np.uint8)
    made[4, 7] = value
    return made


def bitmap(pixels: np.ndarray) -> bytes:
    """A BMP of one bit a pixel, as MATLAB writes a logical array."""
    height, width = pixels.shape
    row_bytes = (width + 31) // 32 * 4
    rows = b"".join(np.packbits(row > 0).tobytes().ljust(row_bytes, b"\0") for row in pixels[::-1])
    palette = b"\0\0\0\0\xff\xff\xff\0"
    header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 1, 0, len(rows), 2835, 2835, 2, 0)
    start = 14 + len(header) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(rows), 0, 0, start) + header + palette + rows


def picture(pixels: np.ndarray, codec: str, pix_fmt: str = "gray") -> bytes:
    """A picture of grey pixels."""
    encoder = av.CodecContext.create(codec, "w")
    encoder.height, encoder.width, encoder.pix_fmt, encoder.time_base = *pixels.shape, pix_fmt, Fraction(1, 25)
    frame = av.VideoFrame.from_ndarray(pixels, "gray16le" if pixels.dtype == np.uint16 else "gray")
    return b"".join(bytes(packet) for packet in [*encoder.encode(frame.reformat(format=pix_fmt)), *encoder.encode()])


def frame_folder(folder: Path, n: int, suffix: str = ".tif") -> Path:
    """A folder of so many empty files, named as frames are."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(1, n + 1):
        (folder / f"{number:03d}{suffix}").touch()
    return folder


def mask_folder(folder: Path, labels: Iterable[int]) -> Path:
    """A folder with a mask a frame, numbered from 1."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, label in enumerate(labels, start=1):
        (folder / f"{number:03d}.bmp").write_bytes(bitmap(mask(label)))
    return folder


def cell_file(path: Path, labels: Iterable[int], name: str = "volLabel") -> Path:
    """A MATLAB file with a cell of masks."""
    masks = [mask(label) for label in labels]
    cell = np.empty((1, len(masks)), object)
    cell[0, :] = masks
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, {name: cell})
    return path
