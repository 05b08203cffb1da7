"""A damaged place costs its own frames and never shifts the number of another."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
import pytest

from headhunt.errors import InputError, VideoError
from headhunt.video import probe, read_frames, stream
from tests.made_videos import KINDS, draw_frame, read_number, shown_numbers, spaced, write_image, write_video


def test_a_damaged_packet_fails_its_groups_and_no_other(tmp_path):
    path = write_video(tmp_path / "hole.mp4", 120, gop=10, codec_options={"bf": "0"})
    packets = probe(path).packets
    data = bytearray(path.read_bytes())
    lost = int(packets.positions[47])
    data[lost + 4 : int(packets.positions[48])] = bytes(int(packets.positions[48]) - lost - 4)
    path.write_bytes(data)
    groups = [*spaced(120, 20), np.array([0, 47, 119])]
    results = dict(stream(path, groups, transform=read_number))
    for g in (2, 6):
        assert isinstance(results[g], VideoError)
        assert "47" in results[g].line
    assert all(results[g] == groups[g].tolist() for g in (0, 1, 3, 4, 5))
    with pytest.raises(VideoError, match="cannot be decoded"):
        read_frames(path, [47])


@pytest.mark.parametrize("kind", ["h264-b.mp4", "mjpeg.avi", "vp9.webm", "mpeg4-b.avi"])
def test_flipped_bits_in_the_pictures_never_shift_a_number(tmp_path, kind):
    options = {**KINDS[kind], "gop": 10}
    path = write_video(tmp_path / kind, 80, **options)
    whole = probe(path)
    data = path.read_bytes()
    with av.open(str(path)) as container:
        packets = [p for p in container.demux(video=0) if p.size]
        payloads = [(data.index(bytes(p), max(0, p.pos)), p.size) for p in packets]
    keys = np.append(np.flatnonzero(whole.keyframes), 80)
    rng = np.random.default_rng(5)
    for _ in range(15):
        place = int(rng.integers(80))
        damaged = bytearray(data)
        for _ in range(int(rng.integers(1, 6))):
            start, size = payloads[place]
            damaged[start + int(rng.integers(size))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        info = probe(path)
        assert info.n_frames == 80
        group = int(np.searchsorted(keys, whole.packets.numbers[place], side="right")) - 1
        hurt = range(keys[max(group - 1, 0)], keys[group + 1])  # B frames ahead of a key frame lean on it
        got = dict(stream(path, [np.array([i]) for i in range(80)], info=info, transform=read_number))
        assert len(got) == 80
        elsewhere = {i: got[i] for i in range(80) if i not in hurt}
        sound = {i: result for i, result in elsewhere.items() if not isinstance(result, VideoError)}
        assert sound == {i: [i] for i in sound}
        assert len(sound) >= len(elsewhere) - 1  # a decoder may swallow the frame behind a broken one


@pytest.mark.parametrize("kind", ["h264-b.mp4", "h264.mkv", "mpeg4-b.avi", "h264.ts"])
def test_flipped_bits_anywhere_end_in_frames_or_a_video_error(tmp_path, kind):
    path = write_video(tmp_path / kind, 60, **KINDS[kind])
    data = path.read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(40):
        damaged = bytearray(data)
        for _ in range(int(rng.integers(1, 20))):
            damaged[int(rng.integers(len(damaged)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            info = probe(path)
        except VideoError:
            continue
        groups = spaced(info.n_frames, 16)
        results = dict(stream(path, groups, info=info, transform=read_number))
        assert sorted(results) == list(range(len(groups)))
        assert info.n_frames >= 1
        assert len(info.times_s) == len(info.keyframes) == info.n_frames
        assert np.all(np.diff(info.times_s) >= 0)
        assert np.isfinite(info.fps)
        assert info.fps > 0


def test_a_damaged_image_fails_its_groups_and_no_other(tmp_path):
    for i in range(6):
        write_image(tmp_path / f"{i}.png", i)
    (tmp_path / "4.png").write_bytes(b"no image")
    results = dict(stream(tmp_path, [np.arange(4), np.arange(2, 6), np.array([5])], transform=read_number))
    assert results[0] == [0, 1, 2, 3]
    assert "frames 4" in results[1].line
    assert results[2] == [5]
    (tmp_path / "7.png").write_bytes(b"more")
    with pytest.raises(VideoError, match="changed"):
        list(
            stream(tmp_path, [np.arange(4)], info=probe(tmp_path).__class__(**{**vars(probe(tmp_path)), "n_frames": 6}))
        )
    with pytest.raises(InputError, match="frame rate"):
        probe(tmp_path, folder_fps=0)


@pytest.mark.real_data
def test_real_old_and_damaged_avi_files_read(real_data):
    info = probe(real_data / "clips" / "vtest.avi")
    assert (info.n_frames, info.fps, info.width, info.height, info.warnings) == (795, 10, 768, 576, ())
    whole, late = read_frames(info.path, [0, 700]), read_frames(info.path, [700])
    np.testing.assert_array_equal(whole[1], late[0])
    damaged = probe(real_data / "clips" / "Megamind_bugy.avi")
    assert damaged.n_frames == 270
    groups = spaced(270)
    results = dict(stream(damaged.path, groups, info=damaged, transform=lambda frame: frame.shape))
    assert sorted(results) == list(range(len(groups)))


def write_two(path, *specs):
    """A file of several video streams: codec, size and number of pictures of each."""
    with av.open(str(path), "w") as container:
        streams = []
        for codec, (width, height), _ in specs:
            stream = container.add_stream(codec, rate=25)
            stream.width, stream.height = width, height
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            streams.append(stream)
        for i in range(max(n for _, _, n in specs)):
            for stream, (_, size, n) in zip(streams, specs, strict=True):
                if i < n:
                    frame = av.VideoFrame.from_ndarray(draw_frame(i, size), "rgb24")
                    frame.pts, frame.time_base = i, Fraction(1, 25)
                    container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi", ".mov"])
@pytest.mark.parametrize(
    "other", [("small", (64, 48), 30), ("one picture", (320, 240), 1)], ids=["a small one", "a large picture"]
)
@pytest.mark.parametrize("main_first", [True, False])
def test_of_several_video_streams_the_main_one_is_read_and_the_others_are_told(tmp_path, suffix, other, main_first):
    codec = "mpeg2video" if suffix == ".ts" else "mjpeg"
    specs = [("libx264", (128, 96), 30), (codec, *other[1:])]
    path = write_two(tmp_path / f"two{suffix}", *(specs if main_first else specs[::-1]))
    info = probe(path)
    assert (info.n_frames, info.width, info.height, info.codec) == (30, 128, 96, "h264")
    width, height = other[1]
    assert f"2 video streams: only the main one is taken (128x96), not {width}x{height}" in info.warnings
    assert shown_numbers(path) == list(range(30))
