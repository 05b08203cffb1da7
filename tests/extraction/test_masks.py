"""A mask is a picture in black and white; what it ignores is grey in every frame, and what is no mask says so."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from headhunt.errors import InputError, VideoError
from headhunt.extraction import masks
from headhunt.extraction.masks import GREY, blank, describe, digest_of, read, read_as


def write_mask(path: Path, pixels: np.ndarray, *, pix_fmt: str = "gray") -> Path:
    """A PNG of uint8 (H, W) or (H, W, 3 or 4)."""
    given = {2: "gray"}.get(pixels.ndim) or {3: "rgb24", 4: "rgba"}[pixels.shape[2]]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), given).reformat(format=pix_fmt)
    encoder = av.CodecContext.create("png", "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = frame.width, frame.height, pix_fmt, Fraction(1)
    path.write_bytes(b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode()]))
    return path


def left_third(width: int = 66, height: int = 40) -> np.ndarray:
    pixels = np.full((height, width), 255, np.uint8)
    pixels[:, : width // 3] = 0
    return pixels


@pytest.mark.parametrize("pix_fmt", ["gray", "rgb24", "rgba", "ya8", "gray16be", "rgb48be", "rgba64be", "monob"])
def test_black_is_ignored_and_white_counts_in_every_kind_of_png(tmp_path: Path, pix_fmt: str) -> None:
    path = write_mask(tmp_path / "cam %03d.png", left_third(), pix_fmt=pix_fmt)
    assert np.array_equal(read(path), left_third() == 0)
    mask = describe(path)
    assert (mask.width, mask.height, mask.share) == (66, 40, pytest.approx(1 / 3))


def test_what_is_transparent_counts(tmp_path: Path) -> None:
    pixels = np.zeros((40, 66, 4), np.uint8)
    pixels[:, :22, 3] = 255
    assert np.array_equal(read(write_mask(tmp_path / "a.png", pixels, pix_fmt="rgba")), left_third() == 0)


def test_grey_edges_are_taken_and_equal_masks_have_one_digest(tmp_path: Path) -> None:
    soft = left_third()
    soft[:, 22], soft[:, 23] = 100, 160
    ignored = read(write_mask(tmp_path / "soft.png", soft))
    assert ignored[:, :23].all()
    assert not ignored[:, 23:].any()
    hard = left_third()
    hard[:, 22] = 0
    assert describe(write_mask(tmp_path / "b.png", hard, pix_fmt="rgb24")).digest == digest_of(ignored)
    assert digest_of(ignored) != digest_of(left_third() == 0)


def test_a_mask_that_ignores_nothing_is_taken(tmp_path: Path) -> None:
    assert describe(write_mask(tmp_path / "a.png", np.full((4, 4), 255, np.uint8))).share == 0


def _picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (40, 66, 3), np.uint8)


def _red() -> np.ndarray:
    pixels = np.full((40, 66, 3), 255, np.uint8)
    pixels[:4, :4] = (255, 0, 0)
    return pixels


@pytest.mark.parametrize(
    ("pixels", "reason"),
    [
        (_picture(), "coloured"),
        (_red(), "coloured"),
        (np.full((40, 66, 3), 90, np.uint8), "neither black nor white"),
        (np.zeros((40, 66, 3), np.uint8), "ignores the whole picture"),
    ],
)
def test_a_picture_that_is_no_mask_is_refused(tmp_path: Path, pixels: np.ndarray, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        read(write_mask(tmp_path / "a.png", pixels, pix_fmt="rgb24"))
    assert "black where the picture is to be ignored" in str(caught.value)


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    sound = write_mask(tmp_path / "a.png", left_third()).read_bytes()
    huge = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    files = {
        "not a PNG": b"\xff\xd8\xff\xe0 a photograph",
        "an empty file": b"",
        "cut short": sound[:-20],
        "more than": sound[:8] + struct.pack(">I", 13) + huge + struct.pack(">I", zlib.crc32(huge)),
    }
    for reason, data in files.items():
        (tmp_path / "b.png").write_bytes(data)
        with pytest.raises(InputError, match=reason):
            read(tmp_path / "b.png")
    with pytest.raises(InputError, match="No such file"):
        read(tmp_path / "none.png")
    with pytest.raises(InputError, match="directory"):
        read(tmp_path)


def test_no_altered_byte_gives_another_mask(tmp_path: Path) -> None:
    sound = write_mask(tmp_path / "a.png", left_third()).read_bytes()
    for place in range(len(sound)):
        (tmp_path / "b.png").write_bytes(sound[:place] + bytes([sound[place] ^ 0x10]) + sound[place + 1 :])
        with pytest.raises(InputError):
            read(tmp_path / "b.png")


def test_ignored_pixels_are_grey_and_no_others_change() -> None:
    frame = _picture()
    before = frame.copy()
    masked = blank(frame, left_third() == 0)
    assert (masked[:, :22] == GREY).all()
    assert np.array_equal(masked[:, 22:], before[:, 22:])
    assert np.array_equal(frame, before)
    assert (masked.dtype, masked.shape) == (np.uint8, frame.shape)


@pytest.mark.parametrize(("width", "height"), [(66, 40), (132, 80), (33, 20), (660, 400), (660, 403)])
def test_a_mask_of_the_same_shape_is_scaled(width: int, height: int) -> None:
    masked = blank(np.zeros((height, width, 3), np.uint8), left_third() == 0)
    assert (masked[:, : width // 3] == GREY).all()
    assert (masked[:, -(-width // 3) :] == 0).all()


def test_a_mask_of_another_shape_is_refused(tmp_path: Path) -> None:
    mask = describe(write_mask(tmp_path / "a.png", left_third()))
    mask.check_fits(1320, 800)
    with pytest.raises(VideoError, match="not the shape") as caught:
        mask.check_fits(40, 66)
    assert (caught.value.got, caught.value.expected) == ("66 x 40", "40 x 66, or the same shape in another size")
    with pytest.raises(VideoError, match="not the shape"):
        blank(np.zeros((66, 40, 3), np.uint8), left_third() == 0)


def test_a_mask_that_changes_while_it_is_used_is_noticed(tmp_path: Path) -> None:
    path = write_mask(tmp_path / "a.png", left_third())
    digest = describe(path).digest
    assert np.array_equal(read_as(path, digest), left_third() == 0)
    masks.read_as.cache_clear()
    write_mask(path, left_third().T)
    with pytest.raises(VideoError, match="changed"):
        read_as(path, digest)
    path.unlink()
    with pytest.raises(VideoError, match="cannot be read"):
        read_as(path, digest)
