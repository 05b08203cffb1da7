"""A transport stream of which a piece is lost is told from recordings that were joined."""

from __future__ import annotations

import numpy as np
import pytest

from headhunt.video import probe
from tests.made_videos import B_FRAMES, shown_numbers, write_video

N = 60
SIZES = {".ts": 188, ".m2ts": 192}


def recording(path, **more):
    options = {"mpegts_m2ts_mode": "1"} if path.suffix == ".m2ts" else {}
    return write_video(path, N, codec_options=B_FRAMES, container_options=options, **more)


@pytest.mark.parametrize("suffix", SIZES)
@pytest.mark.parametrize("lost", ["odd bytes", "small packets", "zeros", "random"])
def test_a_lost_piece_is_damage_and_all_else_keeps_its_time(tmp_path, suffix, lost):
    path = recording(tmp_path / f"whole{suffix}")
    data, positions, size = path.read_bytes(), probe(path).packets.positions, SIZES[suffix]
    start, end = int(positions[26]), int(positions[31])
    if lost == "odd bytes":
        data = data[: start + 57] + data[end:]
    elif lost == "small packets":
        data = data[:start] + data[start + (end - start) // size * size :]
    else:
        filling = bytes(end - start) if lost == "zeros" else np.random.default_rng(1).bytes(end - start)
        data = data[:start] + filling + data[end:]
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames < N
    assert info.damage == f"parts of the file are lost or damaged, {info.n_frames} frames were found"
    found, shown = np.rint(info.times_s * 25).astype(int).tolist(), shown_numbers(path)
    assert found[:24] == shown[:24] == list(range(24))
    assert found[-24:] == shown[-24:] == list(range(36, N))


@pytest.mark.parametrize("suffix", SIZES)
def test_a_start_that_lacks_a_piece_is_damage(tmp_path, suffix):
    path = recording(tmp_path / f"whole{suffix}")
    data, positions = path.read_bytes(), probe(path).packets.positions
    path.write_bytes(data[: SIZES[suffix] + 70] + data[int(positions[2]) :])
    info = probe(path)
    assert info.damage == f"parts of the file are lost or damaged, {info.n_frames} frames were found"


@pytest.mark.parametrize("suffix", SIZES)
@pytest.mark.parametrize("start", [0, N + 25, 10 * N])
def test_joined_recordings_lack_nothing(tmp_path, suffix, start):
    first = recording(tmp_path / f"first{suffix}")
    second = recording(tmp_path / f"second{suffix}", first_number=N, times=list(range(start, start + N)))
    path = tmp_path / f"joined{suffix}"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    info = probe(path)
    assert (info.n_frames, info.damage) == (2 * N, "")
    assert shown_numbers(path) == list(range(2 * N))


@pytest.mark.parametrize("suffix", SIZES)
def test_what_stands_around_a_stream_is_no_damage(tmp_path, suffix):
    path = recording(tmp_path / f"whole{suffix}")
    path.write_bytes(b"\x55" * 57 + path.read_bytes())
    info = probe(path)
    assert (info.n_frames, info.damage, info.warnings) == (N, "", ())


@pytest.mark.parametrize("suffix", SIZES)
def test_an_end_inside_a_small_packet_is_told(tmp_path, suffix):
    path = recording(tmp_path / f"whole{suffix}")
    path.write_bytes(path.read_bytes()[:-40])
    info = probe(path)
    assert "the file ends inside a packet of its stream: more of it may be lost" in info.warnings or info.damage
