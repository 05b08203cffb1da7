"""What counts as no picture is sound: no bit that flips in a picture makes it pass for one."""

from __future__ import annotations

from collections import Counter

import pytest

from headhunt.video import pictures, probe, read_frames
from headhunt.video.bits import mpeg4_is_coded
from headhunt.video.decode import open_video, read_packets
from headhunt.video.units import are_whole
from tests.made_videos import B_FRAMES, numbers, packet_like, write_video

X265 = {"x265-params": "log-level=none"}
N = 40


@pytest.mark.parametrize(
    ("suffix", "codec", "options"),
    [
        (".mp4", "libx264", B_FRAMES),
        (".ts", "libx264", B_FRAMES),
        (".h264", "libx264", {}),
        (".mp4", "libx265", X265),
        (".ts", "libx265", X265),
        (".mp4", "mpeg4", {"bf": "2"}),
        (".avi", "mpeg4", {}),
        (".ts", "mpeg2video", {"bf": "2"}),
    ],
)
def test_no_flipped_bit_makes_a_picture_pass_for_none(tmp_path, suffix, codec, options):
    path = write_video(tmp_path / f"plain{suffix}", N, codec=codec, codec_options=options)
    container, video = open_video(path)
    found: Counter[int] = Counter()
    with container:
        judge = pictures.judge(video)
        for packet in read_packets(container, video):
            data = bytes(packet)
            for bit in range(8 * min(len(data), 64)):
                flipped = bytearray(data)
                flipped[bit // 8] ^= 1 << bit % 8
                found[judge(packet_like(bytes(flipped), packet)) & ~pictures.TURNED] += 1
            judge(packet)
    assert not found[pictures.EMPTY]
    assert not found[pictures.UNSURE]


@pytest.mark.parametrize(("suffix", "codec", "options"), [(".mp4", "libx264", B_FRAMES), (".mp4", "libx265", X265)])
@pytest.mark.parametrize("bit", range(8))
def test_a_picture_of_another_kind_keeps_its_number(tmp_path, suffix, codec, options, bit):
    path = write_video(tmp_path / f"plain{suffix}", N, codec=codec, codec_options=options)
    info = probe(path)
    data = bytearray(path.read_bytes())
    for number in (17, 20, 33):
        place = int((info.packets.numbers == number).argmax())
        data[info.packets.positions[place] + 4] ^= 1 << bit  # the first byte of its unit, behind the length
    path.write_bytes(data)
    damaged = probe(path)
    assert damaged.n_frames == N
    elsewhere = [*range(13), 24, *range(36, N)]  # what leans on the damaged ones may be wrong
    assert numbers(read_frames(path, elsewhere, info=damaged)) == elsewhere


def test_units_have_to_fill_their_packet(tmp_path):
    unit = b"\x09\xf0"
    lone = len(unit).to_bytes(4, "big") + unit
    assert are_whole("h264", lone, 4)
    assert are_whole("h264", b"\0\0\0\1" + unit + b"\0", 0)
    assert not are_whole("h264", lone + b"\x55", 4)
    assert not are_whole("h264", lone[:-1], 4)
    assert not are_whole("h264", lone + lone, 4)  # two delimiters and no picture between them
    assert not are_whole("h264", b"\x55\0\0\1" + unit, 0)
    assert not are_whole("h264", b"\0\0\1\x41\x9a\0\0\0\x9a", 0)  # which no unit holds
    assert not are_whole("h264", b"", 4)
    message = b"\0\0\1\x06\x05\x02ab"  # which lacks its last bits, as some cameras write them
    assert not are_whole("h264", message, 0)
    assert are_whole("h264", message, 0, strict=False)
    assert are_whole("h264", message + b"\x80", 0)


def test_behind_a_picture_that_is_not_coded_nothing_follows():
    not_coded = b"\x55\x4f"  # 01, 0, 1, 01010, 1, 0, and 01111 to fill the byte
    assert not mpeg4_is_coded(not_coded, 5)
    assert not mpeg4_is_coded(not_coded + b"\0\0\1\xb2text", 5)
    assert mpeg4_is_coded(not_coded + b"\x5a", 5)
    assert mpeg4_is_coded(b"\x55\x43", 5)
    assert mpeg4_is_coded(b"\x55\x6f", 5)
    assert mpeg4_is_coded(not_coded, 0)  # a length that is not known tells nothing
