"""A frame is what the decoder gives: of fields, parameter sets, pictures not coded and a start that is cut off."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from headhunt.video import probe, read_frames, stream
from headhunt.video.bits import mpeg4_time_bits
from headhunt.video.decode import open_video
from tests.made_videos import B_FRAMES, packet_like, read_number, remux, shown_numbers, write_video

FIELDS = Path(__file__).parents[1] / "data" / "video" / "field_pictures.mp4"  # 20 frames of H.264, each of two packets
X265 = {"x265-params": "log-level=none"}
VPX = {"deadline": "realtime", "cpu-used": "8"}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".ts", ".avi"])
def test_two_fields_are_one_frame(tmp_path, suffix):
    convert = "h264_mp4toannexb" if suffix == ".avi" else ""
    path = FIELDS if suffix == ".mp4" else remux(FIELDS, tmp_path / f"fields{suffix}", convert=convert)
    info = probe(path)
    assert (info.n_frames, info.fps, info.duration_s, info.damage) == (20, 25, pytest.approx(0.8), "")
    assert not info.variable_frame_rate
    assert "20 of 40 packets hold no frame of their own" in info.warnings[0]
    ((_, passed),) = stream(path, [np.arange(20)], info=info)
    for i in range(20):
        np.testing.assert_array_equal(read_frames(path, [i], info=info)[0], passed[i])
    assert len({frame.tobytes() for frame in passed}) == 20


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"bf": "2", "x264-params": "interlaced=1"}),
        ("mpeg2video", {"bf": "2", "flags": "+ildct+ilme"}),
    ],
)
def test_interlaced_pictures_that_are_whole_frames_are_counted_once(tmp_path, suffix, codec, options):
    path = write_video(tmp_path / f"interlaced{suffix}", 40, size=(128, 96), codec=codec, codec_options=options)
    info = probe(path)
    assert (info.n_frames, info.fps, info.duration_s, info.warnings) == (40, 25, pytest.approx(1.6), ())
    assert shown_numbers(path) == list(range(40))


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4"])
def test_packets_of_parameter_sets_alone_are_no_frames(tmp_path, suffix):
    source = write_video(tmp_path / "source.h264", 60, codec_options={"bf": "0"})

    def apart(place, packet):
        data = bytes(packet)
        picture = re.search(rb"\x00?\x00\x00\x01[\x65\x41\x61\x01]", data).start()
        for part in (data[:picture], data[picture:]) if packet.is_keyframe else (data,):
            at = len(written)
            written.append(part)
            yield packet_like(part, packet, pts=at, dts=at)

    written: list[bytes] = []
    path = remux(source, tmp_path / f"apart{suffix}", change=apart)
    info = probe(path)
    assert (info.n_frames, info.damage) == (60, "")
    assert "5 of 65 packets hold no frame" in info.warnings[0]
    assert shown_numbers(path) == list(range(60))
    if suffix == ".avi":  # where a packet has no time but its place, those without a picture take none
        np.testing.assert_allclose(np.diff(info.times_s), info.times_s[1])


@pytest.mark.parametrize("suffix", [".avi", ".mkv", ".mp4"])
def test_a_picture_that_is_not_coded_takes_time_and_is_no_frame(tmp_path, suffix):
    source = write_video(tmp_path / "source.mkv", 40, codec="mpeg4")
    container, video = open_video(source)
    with container:
        bits = f"01 0 1 {'0' * mpeg4_time_bits(video.codec_context.extradata)} 1 0 0".replace(" ", "")
    bits += "1" * (-len(bits) % 8)
    not_coded = b"\0\0\1\xb6" + int(bits, 2).to_bytes(len(bits) // 8, "big")
    skipped = {5, 6, 20}
    path = remux(
        source,
        tmp_path / f"skipped{suffix}",
        change=lambda place, packet: [packet_like(not_coded, packet) if place in skipped else packet],
    )
    info = probe(path)
    assert (info.n_frames, info.duration_s, info.damage) == (37, pytest.approx(1.6, abs=0.002), "")
    assert "3 of 40 packets hold no frame" in info.warnings[0]
    kept = [i for i in range(40) if i not in skipped]
    np.testing.assert_allclose(info.times_s, np.array(kept) / 25, atol=0.0011)
    shown = shown_numbers(path)
    assert shown[:5] == kept[:5]
    assert shown[kept.index(24) :] == kept[kept.index(24) :]  # from a key frame on


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_ordinary_video_is_not_decoded_to_be_planned(tmp_path, monkeypatch, suffix, codec):
    import headhunt.video.trial as trial

    path = write_video(tmp_path / f"plain{suffix}", 40, codec=codec, codec_options=X265 if codec == "libx265" else {})
    given = []
    decode = trial.decode
    monkeypatch.setattr(trial, "decode", lambda *args: (given.append(one) or one for one in decode(*args)))
    assert probe(path).n_frames == 40
    assert len(given) == 1


@pytest.mark.parametrize(
    ("kind", "codec", "options"),
    [
        (".mp4", "libx264", B_FRAMES),
        (".mkv", "libx264", B_FRAMES),
        (".ts", "libx264", B_FRAMES),
        (".avi", "libx264", B_FRAMES),
        (".ts", "libx264", {"bf": "3", "x264-params": "open-gop=1"}),
        (".ts", "libx265", X265),
        (".mkv", "libx265", X265),
        (".mkv", "mpeg4", {"bf": "2"}),
        (".avi", "mpeg4", {"bf": "2"}),
        (".ts", "mpeg2video", {"bf": "2"}),
        (".webm", "libvpx-vp9", VPX),
        (".flv", "flv", {}),
        (".wmv", "wmv2", {}),
    ],
)
@pytest.mark.parametrize("skip", ["in between", "at a key frame"])
def test_a_recording_that_starts_inside_a_group_of_pictures_begins_with_its_first_whole_one(
    tmp_path, kind, codec, options, skip
):
    source = write_video(tmp_path / f"source{kind}", 60, codec=codec, codec_options=options)
    whole = probe(source)
    key = int(np.flatnonzero(whole.packets.numbers == np.flatnonzero(whole.keyframes)[1])[0])
    path = remux(source, tmp_path / f"cut{kind}", keep=lambda place: place >= (7 if skip == "in between" else key))
    info = probe(path)
    first = int(np.flatnonzero(whole.keyframes)[1])
    assert shown_numbers(path) == list(range(first, 60))
    assert info.damage == ""
    assert info.times_s[0] == 0
    told = any("starts inside a group of pictures" in warning for warning in info.warnings)
    assert told == (skip == "in between" or first > whole.packets.numbers[key:].min())


def test_a_start_that_refreshes_little_by_little_begins_when_it_is_whole(tmp_path):
    options = {"bf": "0", "x264-params": "intra-refresh=1"}
    source = write_video(tmp_path / "source.ts", 60, codec_options=options)
    path = remux(source, tmp_path / "cut.ts", keep=lambda place: place >= 7)
    shown = shown_numbers(path)
    assert shown == list(range(shown[0], 60))
    assert "starts inside" in probe(path).warnings[0]


@pytest.mark.parametrize("filling", ["zeros", "random", "one bit"])
@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".mp4", "libx264", B_FRAMES),
        (".mov", "libx264", B_FRAMES),
        (".mkv", "libx264", B_FRAMES),
        (".mkv", "libx265", X265),
        (".avi", "mpeg4", {"bf": "2"}),
    ],
)
def test_a_key_frame_that_is_damaged_is_no_start_that_is_cut_off(tmp_path, suffix, codec, options, filling):
    path = write_video(tmp_path / f"whole{suffix}", 60, codec=codec, codec_options=options)
    whole = probe(path)
    start, end = (int(place) for place in whole.packets.positions[:2])
    data = bytearray(path.read_bytes())
    if filling == "one bit":
        picture = re.search(rb"\x00\x00(\x00|\x01|.)?.?[\x65\x26\x28\x2a\xb6]", data[start:end])
        data[start + picture.end() - 1] ^= 4
    else:
        n = end - start - 32
        data[start + 16 : start + 16 + n] = bytes(n) if filling == "zeros" else np.random.default_rng(2).bytes(n)
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames == 60
    np.testing.assert_allclose(info.times_s, whole.times_s, atol=1e-6)
    second = int(np.flatnonzero(whole.keyframes)[1])
    rest = list(range(second, 60))
    ((_, frames),) = stream(path, [np.array(rest)], info=info, transform=read_number)
    assert frames == rest


@pytest.mark.parametrize("n", [2048, 4096])
def test_a_raw_stream_that_begins_with_a_hole_is_damaged(tmp_path, n):
    path = write_video(tmp_path / "raw.h264", 120, size=(128, 96), codec_options={"bf": "0"})
    data = path.read_bytes()
    path.write_bytes(bytes(n) + data[n:])
    info = probe(path)
    assert re.fullmatch(r"the first \d+ frames cannot be decoded: the file is damaged where it begins", info.damage)
    shown = shown_numbers(path)
    first = next(i for i, number in enumerate(shown) if number is not None)
    assert int(info.damage.split()[2]) == first
    assert shown[first:] == list(range(shown[first], 120))


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".ts", ".avi"])
def test_fields_that_are_damaged_are_a_frame_that_is_lost(tmp_path, suffix):
    convert = "h264_mp4toannexb" if suffix == ".avi" else ""

    def damage(place, packet):
        data = bytearray(bytes(packet))
        if place in {8, 9, 20}:
            data[-len(data) // 2 :] = bytes(len(data) // 2 + len(data) % 2)
            at = re.search(rb"\x00\x00.?.?[\x41\x61\x01\x21]", data).end() if place < 20 else 0
            data[at : at + 40 if at else 0] = b"\xff" * 40 if at else b""
        return [packet_like(bytes(data), packet)]

    info = probe(remux(FIELDS, tmp_path / f"fields{suffix}", change=damage, convert=convert))
    assert info.n_frames == 20
    assert info.fps == pytest.approx(25)
