"""A frame is what the decoder gives: of fields, parameter sets, pictures not coded and a start that is cut off."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from headhunt.video import probe, read_frames, stream
from headhunt.video.bits import mpeg4_time_bits
from headhunt.video.decode import open_video
from tests.made_videos import B_FRAMES, packet_like, remux, shown_numbers, write_video

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
