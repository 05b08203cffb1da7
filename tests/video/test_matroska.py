"""A Matroska file of which a part is lost is told from one whose recorder left frames out."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.video import matroska, probe
from tests.made_videos import B_FRAMES, packet_like, remux, shown_numbers, write_video

N = 100


def video(tmp_path):
    path = write_video(
        tmp_path / "whole.mkv", N, codec_options={"bf": "0"}, container_options={"cluster_time_limit": "960"}
    )  # clusters of two groups of pictures
    return path, bytearray(path.read_bytes()), probe(path).packets.positions


@pytest.mark.parametrize("filling", ["zeros", "random"])
def test_a_part_that_is_overwritten_is_damage_and_all_else_keeps_its_time(tmp_path, filling):
    path, data, positions = video(tmp_path)
    start, end = int(positions[30]), int(positions[42])
    data[start:end] = bytes(end - start) if filling == "zeros" else np.random.default_rng(0).bytes(end - start)
    path.write_bytes(data)
    info = probe(path)
    assert info.damage == f"parts of the file are lost or damaged, {info.n_frames} frames were found"
    found = np.rint(info.times_s * 25).astype(int).tolist()
    assert found[:30] == list(range(30))
    assert found[-40:] == list(range(60, N))
    assert info.n_frames < N
    shown = shown_numbers(path)
    assert shown[:30] == list(range(30))
    assert shown[-40:] == list(range(60, N))


def test_a_lost_start_is_no_recording_that_begins_late(tmp_path):
    path, data, positions = video(tmp_path)
    start, end = int(positions[0]), int(positions[40])
    data[start:end] = bytes(end - start)
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames < N
    assert info.damage == f"parts of the file are lost or damaged, {info.n_frames} frames were found"


@pytest.mark.parametrize("suffix", [".mkv", ".webm"])
def test_gaps_that_a_recorder_left_are_no_damage(tmp_path, suffix):
    times = [*range(100, 120), *range(150, 170), 400]
    codec, options = ("libx264", B_FRAMES) if suffix == ".mkv" else ("libvpx", {})
    path = write_video(tmp_path / f"gaps{suffix}", len(times), codec=codec, times=times, codec_options=options)
    info = probe(path)
    assert (info.n_frames, info.damage) == (len(times), "")
    np.testing.assert_allclose(info.times_s, (np.array(times) - 100) / 25, atol=0.0011)
    assert matroska.is_whole(path)


def test_a_live_recording_says_no_sizes_and_is_whole(tmp_path):
    path = write_video(tmp_path / "live.mkv", 30, times=[*range(20), *range(60, 70)], container_options={"live": "1"})
    assert matroska.is_whole(path)
    assert (probe(path).n_frames, probe(path).damage) == (30, "")
    path.write_bytes(path.read_bytes()[:-1])  # it is still being written
    assert matroska.is_whole(path)


def test_a_block_of_no_track_is_damage(tmp_path):
    path, data, positions = video(tmp_path)
    assert matroska.is_whole(path)
    block = data.index(b"\x81", int(positions[30]), int(positions[30]) + 16)  # track 1
    data[block] = 0x91
    path.write_bytes(data)
    assert not matroska.is_whole(path)
    info = probe(path)
    assert info.n_frames < N
    assert info.damage == f"parts of the file are lost or damaged, {info.n_frames} frames were found"


def test_frames_that_are_said_to_last_far_longer_than_to_the_next_end_as_others_do(tmp_path):
    source = write_video(tmp_path / "source.mp4", N)

    def long(_place, packet):
        made = packet_like(bytes(packet), packet)
        made.duration = 48_000 * packet.duration
        return [made]

    info = probe(remux(source, tmp_path / "long.mkv", change=long))
    assert (info.n_frames, info.damage, info.duration_s) == (N, "", pytest.approx(N / 25, abs=0.002))
    assert "said to last far longer" in info.warnings[0]
