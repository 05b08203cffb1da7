"""Times go on where recordings were joined, and one packet without a time costs no other its own."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.video import probe
from headhunt.video.times import seconds, spread
from tests.made_videos import B_FRAMES, remux, shown_numbers, write_video

X265 = {"x265-params": "log-level=none"}


def joined(tmp_path, suffix, starts, **options):
    """Recordings of 30 frames each, one file behind the other, their numbers going on."""
    pieces = []
    for i, start in enumerate(starts):
        times = list(range(start, start + 30))
        piece = write_video(tmp_path / f"{i}{suffix}", 30, times=times, first_number=30 * i, **options)
        pieces.append(piece.read_bytes())
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(b"".join(pieces))
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".ts", "libx264", B_FRAMES),
        (".ts", "libx264", {"bf": "3", "x264-params": "open-gop=1"}),
        (".ts", "libx265", X265),
        (".ts", "mpeg2video", {"bf": "2"}),
        (".mpg", "mpeg2video", {"bf": "2"}),
    ],
)
def test_joined_recordings_follow_each_other(tmp_path, suffix, codec, options):
    path = joined(tmp_path, suffix, [0, 0, 0], codec=codec, codec_options=options)
    info = probe(path)
    assert (info.n_frames, info.fps, info.damage) == (90, 25, "")
    assert info.duration_s == pytest.approx(90 / 25)
    np.testing.assert_allclose(info.times_s, np.arange(90) / 25, atol=1e-6)
    assert shown_numbers(path) == list(range(90))


@pytest.mark.parametrize("starts", [[2500, 0], [0, 10], [10**6, 0], [0, 29]])
def test_a_recording_may_begin_anew_at_any_time(tmp_path, starts):
    path = joined(tmp_path, ".ts", starts, codec_options=B_FRAMES)
    info = probe(path)
    assert (info.n_frames, info.fps) == (60, 25)
    np.testing.assert_allclose(info.times_s, np.arange(60) / 25, atol=1e-6)
    assert shown_numbers(path) == list(range(60))


def test_a_second_recording_that_starts_inside_a_group_of_pictures_begins_with_its_first_whole_one(tmp_path):
    path = joined(tmp_path, ".ts", [0, 0], codec_options=B_FRAMES)
    first, second = tmp_path / "0.ts", remux(tmp_path / "1.ts", tmp_path / "cut.ts", keep=lambda place: place >= 7)
    path.write_bytes(first.read_bytes() + second.read_bytes())
    assert shown_numbers(path) == [*range(30), *range(42, 60)]
    assert "starts inside a group of pictures" in probe(path).warnings[0]


def test_a_break_in_recording_is_a_break(tmp_path):
    info = probe(joined(tmp_path, ".ts", [0, 250], codec_options=B_FRAMES))
    assert info.variable_frame_rate
    np.testing.assert_allclose(info.times_s[[29, 30]], [29 / 25, 10], atol=0.1)


@pytest.mark.parametrize("bf", ["0", "3"])
@pytest.mark.parametrize("without", [{0}, {5}, {29}, {3, 4, 5, 6}])
def test_a_packet_without_a_time_costs_no_other_its_own(tmp_path, bf, without):
    times = sorted({*range(30)} | {40}) if bf == "0" else list(range(31))
    path = write_video(tmp_path / "source.ts", 31, times=times, codec_options={"bf": bf})
    data, count = bytearray(path.read_bytes()), -1
    for at in range(0, len(data), 188):
        if not data[at + 1] & 0x40:
            continue
        start = at + 4 + (data[at + 4] + 1 if data[at + 3] & 0x20 else 0)
        if data[start : start + 4] == b"\0\0\1\xe0":
            count += 1
            if count in without:
                data[start + 7] &= 0x3F  # no time in the header of this packet
    path.write_bytes(data)
    info = probe(path)
    assert (info.n_frames, info.damage) == (31, "")
    np.testing.assert_allclose(info.times_s, np.array(times) / 25, atol=0.21 if 29 in without and bf == "0" else 1e-6)
    assert shown_numbers(path) == list(range(31))


def test_a_program_stream_keeps_its_rate(tmp_path):
    info = probe(write_video(tmp_path / "plain.mpg", 60, codec="mpeg2video", codec_options={"bf": "2"}))
    assert (info.fps, info.variable_frame_rate, info.warnings) == (25, False, ())
    np.testing.assert_allclose(info.times_s, np.arange(60) / 25, atol=1e-9)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_times_are_times(n):
    stamps = [10 * i for i in range(n)]
    times, starts = seconds(stamps, stamps, np.ones(n, np.bool_), 0.1, 1)
    np.testing.assert_allclose(times, np.arange(n))
    assert starts == []


def test_one_wrong_time_is_no_new_recording():
    stamps = [0, 1, 2, 3, 4, 1, 6, 7, 8, 9]
    _, starts = seconds(stamps, list(range(10)), np.ones(10, np.bool_), 1, 1)
    assert starts == []


@pytest.mark.parametrize("at", [0, 1, 20, 80])
@pytest.mark.parametrize("wrong", [-(10**6), 10**6])
def test_a_time_that_strays_is_none(at, wrong):
    stamps = np.arange(100)
    stamps[at] = wrong
    times, starts = seconds(stamps.tolist(), stamps.tolist(), np.arange(100) % 12 == 0, 0.04, 25)
    if at == 0 and wrong < 0:  # the first may be long before the second
        assert not np.any(np.isnan(times))
        return
    assert np.flatnonzero(np.isnan(times)).tolist() == [at]
    assert starts == []
    first = int(at == 0)
    np.testing.assert_allclose(np.delete(times, at), 0.04 * (np.delete(np.arange(100), at) - first), atol=1e-9)


@pytest.mark.parametrize("bf", ["0", "3"])
@pytest.mark.parametrize("byte", [9, 10, 11, 12])
def test_a_flipped_bit_in_a_time_leaves_the_others_theirs(tmp_path, bf, byte):
    path = write_video(tmp_path / "whole.ts", 90, codec_options={"bf": bf})
    data, count = bytearray(path.read_bytes()), -1
    for at in range(0, len(data), 188):
        if data[at + 1] & 0x40:
            start = at + 4 + (data[at + 4] + 1 if data[at + 3] & 0x20 else 0)
            count += data[start : start + 4] == b"\0\0\1\xe0"
            if count == 17 and data[start : start + 4] == b"\0\0\1\xe0":
                data[start + byte] ^= 8
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames == 90
    assert info.duration_s == pytest.approx(90 / 25, abs=0.5)
    shown = shown_numbers(path)
    assert shown[:12] == list(range(12))
    assert shown[-48:] == list(range(42, 90))


def test_times_that_are_not_known_lie_between_their_neighbours():
    nan = np.nan
    np.testing.assert_allclose(spread(np.array([nan, 1, nan, 2, 10, nan]), 2), [0.5, 1, 1.5, 2, 10, 10.5])
    np.testing.assert_allclose(spread(np.full(3, nan), 10), [0, 0.1, 0.2])
    assert spread(np.full(0, nan), 10).shape == (0,)
