"""All eight orientations bring a picture upright, and one that is told at key frames holds for the frames between."""

from __future__ import annotations

import av
import numpy as np
import pytest

from headhunt.video import probe, read_frames
from headhunt.video.orientation import from_matrix
from tests.made_videos import B_FRAMES, draw_frame, packet_like, read_number, remux, write_video

ONE = 0x10000
EIGHT = [(x * s, y * s, (1 - x) * 0 + y * t, x * t) for x, y in ((1, 0), (0, 1)) for s in (1, -1) for t in (1, -1)]


def matrix(a, b, c, d):
    return [a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 0x40000000]


def shown_by(pixels, a, b, c, d):
    """What ISO 14496-12 says: a stored point (x, y) is shown at (a x + c y, b x + d y), moved into view."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width]
    right, down = a * x + c * y, b * x + d * y
    out = np.zeros((np.ptp(down) + 1, np.ptp(right) + 1, 3), np.uint8)
    out[down - down.min(), right - right.min()] = pixels
    return out


def test_there_are_eight():
    assert len(set(EIGHT)) == 8
    assert len({from_matrix(matrix(*one)).code for one in EIGHT}) == 8


@pytest.mark.parametrize("one", EIGHT)
def test_a_display_matrix_turns_and_mirrors_as_the_standard_says(tmp_path, one):
    pixels = draw_frame(77)
    upright = from_matrix(matrix(*one))
    expected = shown_by(pixels, *one)
    np.testing.assert_array_equal(upright.apply(pixels), expected)
    assert upright.size(64, 48) == expected.shape[1::-1]

    path = write_video(tmp_path / "turned.mp4", 20)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix(*one))
    path.write_bytes(data)
    info = probe(path)
    assert (info.width, info.height) == expected.shape[1::-1]
    assert (info.rotation, info.mirrored) == (90 * upright.quarters, upright.mirrored)
    plain = write_video(tmp_path / "plain.mp4", 20)
    for i, frame in enumerate(read_frames(path, [0, 7, 19], info=info)):
        np.testing.assert_array_equal(frame, shown_by(read_frames(plain, [(0, 7, 19)[i]])[0], *one))


@pytest.mark.parametrize("broken", [[0] * 9, [ONE, 0, 0, 0, 0, 0, 0, 0, 0]])
def test_a_matrix_that_would_leave_nothing_is_none(broken):
    assert from_matrix(broken).code == 0


def told_at(path, target, places, turn):
    """Write a message on the orientation before some pictures: ITU-T H.264 section D.1.27."""
    # Not cancelled, not flipped, rotation in 1/65536 turns, repeated until cancelled, no extension; then the end.
    bits = f"0{'0'}{'0'}{turn * 0x4000:016b}{'010'}{'0'}"
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    payload = int(bits, 2).to_bytes(len(bits) // 8, "big")
    message = b"\x06\x2f" + bytes([len(payload)]) + payload + b"\x80"
    marked = b"\0\0\0\1" + message
    prefixed = len(message).to_bytes(4, "big") + message
    unit = marked if path.suffix == ".ts" else prefixed

    def add(place, packet):
        data = bytes(packet)
        return [packet_like(unit + data, packet)] if place in places else [packet]

    return remux(path, target, change=add)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("places", [range(0, 60, 12), [0]])
def test_an_orientation_told_at_key_frames_alone_holds_for_all(tmp_path, suffix, places):
    source = write_video(tmp_path / f"source{suffix}", 60, codec_options={"bf": "0"})
    path = told_at(source, tmp_path / f"told{suffix}", set(places), 1)
    with av.open(str(path)) as container:
        turned = [frame.rotation for frame in container.decode(video=0)]
    assert len({*turned}) == 2  # the decoder itself turns some
    info = probe(path)
    assert (info.n_frames, info.rotation, info.width, info.height) == (60, 90, 48, 64)
    frames = read_frames(path, range(60), info=info)
    assert [read_number(np.rot90(frame, -1)) for frame in frames] == list(range(60))
    np.testing.assert_array_equal(read_frames(path, [41], info=info)[0], frames[41])


def test_an_orientation_that_changes_holds_from_there(tmp_path):
    source = write_video(tmp_path / "source.mkv", 60, size=(64, 48), codec_options=B_FRAMES)
    path = told_at(source, tmp_path / "told.mkv", {24}, 2)
    frames = read_frames(path, range(60))
    assert [read_number(frame) for frame in frames[:24]] == list(range(24))
    assert [read_number(np.rot90(frame, 2)) for frame in frames[24:]] == list(range(24, 60))
