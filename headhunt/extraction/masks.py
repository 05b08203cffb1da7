"""Areas of a camera's picture to ignore: burnt-in clocks, swaying trees. Knows no video and no store.

A mask is a PNG as large as the camera's picture, or of the same shape: black where the picture is to be ignored, white
where it counts. What is transparent counts; edges may be grey, and are ignored where they are darker than mid-grey.
Ignored pixels of a frame are set to mid-grey before the frame is resized. A mask of another size is scaled to the frame
by nearest neighbours.
"""

from __future__ import annotations

import functools
import hashlib
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from headhunt.arrays import Bool, UInt8
from headhunt.errors import InputError, VideoError
from headhunt.names import text_of

GREY = 128
"""What ignored pixels are set to, in each channel."""
DARK, LIGHT = 64, 192
MAX_GREY_SHARE = 0.1  # of pixels between dark and light: edges
MAX_COLOUR_SHARE = 0.001
MAX_PIXELS = 1 << 26
SHAPE_TOLERANCE = 0.01
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXPECTED = "a PNG that is black where the picture is to be ignored and white elsewhere"


@dataclass(frozen=True)
class Mask:
    """What is known of a mask without its pixels.

    Attributes:
        path: The file.
        width: Pixels.
        height: Pixels.
        share: How much of the picture is ignored, in [0, 1).
        digest: Of what is ignored; the same for two files that ignore the same pixels.
    """

    path: Path
    width: int
    height: int
    share: float
    digest: str

    def check_fits(self, width: int, height: int) -> None:
        """Raise unless a frame of this size has the mask's shape.

        Raises:
            VideoError: It has another.
        """
        _check_fits(self.width, self.height, width, height, f"the mask {text_of(self.path)}")


def describe(path: Path) -> Mask:
    """What is known of a mask without its pixels.

    Raises:
        InputError: It is no mask; says why.
    """
    ignored = read(path)
    height, width = ignored.shape
    return Mask(path, width, height, float(ignored.mean()), digest_of(ignored))


def read(path: Path) -> Bool:
    """Which pixels are to be ignored, bool (H, W).

    Raises:
        InputError: It cannot be read, is not a sound PNG, is no picture in black and white, or ignores everything.
    """
    pixels = _pixels(path).astype(np.float32)
    alpha = pixels[..., 3:] / 255
    colours = pixels[..., :3] * alpha + 255 * (1 - alpha)
    low, high = colours.min(-1), colours.max(-1)
    coloured = float((high - low > DARK).mean())
    grey = float(((high > DARK) & (low < LIGHT)).mean())
    if coloured > MAX_COLOUR_SHARE or grey > MAX_GREY_SHARE:
        share, what = (coloured, "coloured") if coloured > MAX_COLOUR_SHARE else (grey, "neither black nor white")
        raise InputError(
            f"{path} is no mask",
            got=f"{100 * share:.3g} % of its pixels are {what}",
            expected=_EXPECTED,
            hint="paint what is to be ignored black on white",
        )
    ignored: Bool = colours.mean(-1) < GREY
    if ignored.all():
        raise InputError(f"the mask {path} ignores the whole picture", expected=_EXPECTED)
    return ignored


def digest_of(ignored: Bool) -> str:
    """Digest of which pixels are ignored."""
    digest = hashlib.sha256(f"{ignored.shape}\n".encode())
    digest.update(np.packbits(ignored).tobytes())
    return f"sha256:{digest.hexdigest()}"


@functools.lru_cache(maxsize=4)
def read_as(path: Path, digest: str) -> Bool:
    """Which pixels are to be ignored, as `read` gives them, where they are still those of a digest.

    Raises:
        VideoError: They are others, or cannot be read any more.
    """
    try:
        ignored = read(path)
    except InputError as error:
        raise VideoError(error.what, got=error.got, expected=error.expected, hint=error.hint) from error
    if digest_of(ignored) != digest:
        raise VideoError(f"the mask {path} changed while it was used", hint="run the same command again")
    return ignored


def blank(frame: UInt8, ignored: Bool) -> UInt8:
    """A frame whose ignored pixels are mid-grey.

    Args:
        frame: uint8 (H, W, 3).
        ignored: bool, of the same shape or proportional to it.

    Raises:
        VideoError: The frame is of another shape.
    """
    height, width = frame.shape[:2]
    if ignored.shape != (height, width):
        tall, wide = ignored.shape
        _check_fits(wide, tall, width, height, "the mask")
        rows, columns = (np.arange(height) * tall // height), (np.arange(width) * wide // width)
        ignored = ignored[rows][:, columns]
    frame = frame.copy()
    frame[ignored] = GREY
    return frame


def _check_fits(mask_width: int, mask_height: int, width: int, height: int, what: str) -> None:
    if abs(mask_width * height - width * mask_height) > SHAPE_TOLERANCE * mask_width * height:
        raise VideoError(
            f"{what} has not the shape of the picture",
            got=f"{mask_width} x {mask_height}",
            expected=f"{width} x {height}, or the same shape in another size",
            hint="paint it on a frame as it is stored",
        )


def _pixels(path: Path) -> UInt8:
    """uint8 (H, W, 4), RGBA."""
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"the mask {path} cannot be read", got=reason, expected=_EXPECTED) from error
    damage = _damage(data)
    if damage:
        raise InputError(f"the mask {path} cannot be read", got=damage, expected=_EXPECTED, hint="save it as PNG again")
    try:
        frames = av.CodecContext.create("png", "r").decode(av.Packet(data))
        return np.ascontiguousarray(frames[0].reformat(format="rgba").to_ndarray())
    except (av.FFmpegError, IndexError, ValueError, MemoryError) as error:
        raise InputError(f"the mask {path} cannot be decoded", got=error, expected=_EXPECTED) from error


def _damage(data: bytes) -> str:
    """What is wrong with the file's chunks, of which the decoder checks nothing; "" where they are sound."""
    if not data.startswith(_SIGNATURE):
        return "not a PNG" if data else "an empty file"
    place, name = len(_SIGNATURE), b""
    while name != b"IEND":
        if place + 12 > len(data):
            return "a PNG that is cut short"
        length, name = struct.unpack_from(">I4s", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            return "a PNG that is cut short"
        if zlib.crc32(data[place + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            return "a damaged PNG"
        if name == b"IHDR" and length >= 8:
            width, height = struct.unpack_from(">II", data, place + 8)
            if width * height > MAX_PIXELS:
                return f"{width} x {height} pixels, more than {MAX_PIXELS}"
        place = end + 4
    return ""
