"""A sound recording is not called damaged for what its header says; one that is cut short is."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.video import probe
from tests.made_videos import B_FRAMES, remux, shown_numbers, write_video

N = 40


def is_sound(path, n, fps, duration_s):
    info = probe(path)
    assert (info.n_frames, info.damage) == (n, "")
    assert info.fps == pytest.approx(fps, rel=0.001)
    assert info.duration_s == pytest.approx(duration_s, abs=0.003)
    return info


@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4", ".mov", ".flv"])
def test_a_last_frame_that_lasts_a_second_is_no_damage(tmp_path, suffix):
    path = write_video(tmp_path / f"slow{suffix}", 20, fps=1, codec_options=B_FRAMES)
    assert is_sound(path, 20, 1, 20).warnings == ()


@pytest.mark.parametrize("start_s", [3, 1000])
@pytest.mark.parametrize("suffix", [".mkv", ".ts", ".mp4", ".flv"])
def test_a_recording_that_does_not_start_at_0_is_no_damage(tmp_path, suffix, start_s):
    times = list(range(25 * start_s, 25 * start_s + N))
    path = write_video(tmp_path / f"late{suffix}", N, times=times, codec_options=B_FRAMES)
    info = is_sound(path, N, 25, N / 25)
    assert info.times_s[0] == 0
    assert shown_numbers(path) == list(range(N))


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_a_last_frame_that_stands_long_is_no_damage(tmp_path, suffix):
    codec = "libvpx" if suffix == ".webm" else "libx264"
    path = write_video(tmp_path / f"still{suffix}", 5, codec=codec, times=[0, 1, 2, 3, 100], codec_options={})
    assert probe(path).damage == ""


@pytest.mark.parametrize("codec", ["mjpeg", "libx264", "mpeg4"])
def test_frames_that_a_recorder_dropped_are_no_damage(tmp_path, codec):
    times = [i for i in range(50) if i not in range(10, 25) and i != 40]
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    options = {"bf": "0"} if codec == "libx264" else {}
    path = write_video(
        tmp_path / "gap.avi", len(times), codec=codec, pix_fmt=pix_fmt, times=times, codec_options=options
    )
    info = is_sound(path, len(times), (len(times) - 1) / (49 / 25), 2)
    np.testing.assert_allclose(info.times_s, np.array(times) / 25, atol=1e-9)
    assert shown_numbers(path) == list(range(len(times)))


def test_a_header_that_declares_one_more_is_no_damage_while_the_index_is_whole(tmp_path):
    path = write_video(tmp_path / "more.avi", N, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    for place in (data.index(b"avih") + 8 + 16, data.index(b"strh") + 8 + 32):
        assert int.from_bytes(data[place : place + 4], "little") == N
        data[place : place + 4] = (N + 1).to_bytes(4, "little")
    path.write_bytes(data)
    assert is_sound(path, N, 25, N / 25).warnings == (f"the header declares {N + 1} frames, {N} were found",)
    path.write_bytes(data[: len(data) - 200])  # its index is cut
    assert "ends early" in probe(path).damage


def test_nothing_is_cut_off_at_a_gap_when_nothing_is_damaged(tmp_path):
    source = write_video(tmp_path / "source.mp4", 53 + 7, gop=60, codec_options=B_FRAMES)
    path = remux(source, tmp_path / "cut.mp4", keep=lambda place: place < 51)
    whole = probe(source).packets.numbers
    info = probe(path)
    assert (info.n_frames, info.damage) == (51, "")
    assert shown_numbers(path) == sorted(whole[:51].tolist())
    np.testing.assert_allclose(info.times_s, np.sort(whole[:51]) / 25, atol=1e-6)
    assert info.n_frames < max(whole[:51]) + 1  # there is a gap


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".avi", ".flv"])
def test_a_file_that_is_cut_short_is_damaged(tmp_path, suffix):
    path = write_video(
        tmp_path / f"cut{suffix}", 200, container_options={"movflags": "faststart"} if "4" in suffix else {}
    )
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 7 // 10])
    info = probe(path)
    assert info.n_frames < 200
    assert "ends early or is damaged" in info.damage


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("raw.h264", "libx264", B_FRAMES),
        ("raw.hevc", "libx265", {"x265-params": "log-level=none"}),
        ("raw.mjpg", "mjpeg", {}),
        ("raw.mjpeg", "mjpeg", {}),
        ("raw.m2v", "mpeg2video", {"bf": "2"}),
    ],
)
def test_a_stream_without_times_says_that_a_rate_was_assumed(tmp_path, name, codec, options):
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    path = write_video(tmp_path / name, 20, codec=codec, pix_fmt=pix_fmt, codec_options=options)
    info = is_sound(path, 20, 25, 0.8)
    assert info.warnings == ("the file stores no times: 25 fps assumed",)
    assert shown_numbers(path) == list(range(20))


def test_packets_that_declare_less_than_there_is_are_told(tmp_path):
    path = write_video(tmp_path / "less.avi", N, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 8 + 32
    data[place : place + 4] = (N - 5).to_bytes(4, "little")
    path.write_bytes(data)
    assert is_sound(path, N, 25, N / 25).warnings == (f"the header declares {N - 5} frames, {N} were found",)


def test_an_index_that_does_not_fit_its_file_proves_nothing(tmp_path):
    path = write_video(tmp_path / "index.avi", N, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    index = data.index(b"idx1")
    entries = [index + 8 + 16 * i for i in range(N)]
    for place in (data.index(b"00dc"), entries[0]):
        data[place + 1] ^= 1  # a picture and its entry, of no stream any more
    data[entries[20] + 12] ^= 4  # the length of another
    path.write_bytes(data)
    info = probe(path)
    assert info.damage.startswith(f"the header declares {N} frames, ")


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_times_that_hide_frames_behind_an_edit_list_are_damage(tmp_path, suffix):
    path = write_video(tmp_path / f"times{suffix}", N)
    data = bytearray(path.read_bytes())
    place = data.index(b"stts") + 4 + 12  # the ticks of each frame
    data[place] ^= 1
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames < N
    assert info.damage.startswith(f"the header declares {N} frames in 1.6 s, {info.n_frames} frames")


def test_a_rate_that_no_recorder_has_is_told(tmp_path):
    path = write_video(tmp_path / "rate.avi", N, codec="mjpeg", pix_fmt="yuvj420p")
    data = bytearray(path.read_bytes())
    place = data.index(b"strh") + 8 + 20
    data[place : place + 4] = (0x7FFFFFFF).to_bytes(4, "little")
    path.write_bytes(data)
    assert "their times can hardly be right" in probe(path).warnings[0]
