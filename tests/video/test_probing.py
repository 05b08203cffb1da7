"""What a video holds is counted, not believed: times, edit lists, hidden frames, rotation, ends that are missing."""

from __future__ import annotations

import csv

import av
import numpy as np
import pytest

from headhunt.errors import VideoError
from headhunt.video import count_frames, find_videos, probe, read_frames, stream
from tests.made_videos import B_FRAMES, KINDS, assert_exact, draw_frame, numbers, read_number, write_image, write_video

N = 300


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_the_shortest_videos_read(tmp_path, n, suffix):
    path = write_video(tmp_path / f"short{suffix}", n)
    info = probe(path)
    assert (info.n_frames, info.fps) == (n, pytest.approx(25))
    assert info.duration_s == pytest.approx(n / 25)
    assert numbers(read_frames(path, range(n))) == list(range(n))


def test_frames_are_counted_in_files_and_in_folders_without_opening_images(tmp_path):
    assert count_frames(write_video(tmp_path / "a.avi", 7)) == 7
    (tmp_path / "frames").mkdir()
    for name in ("001.tif", "002.tif", "._001.tif", "notes.txt"):
        (tmp_path / "frames" / name).touch()
    assert count_frames(tmp_path / "frames") == 2
    with pytest.raises(VideoError):
        count_frames(tmp_path / "none.avi")


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_variable_frame_rate_keeps_true_times_and_exact_frames(tmp_path, suffix):
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.integers(1, 6, 100)).tolist()
    path = write_video(tmp_path / f"vfr{suffix}", 100, times=times, codec_options=B_FRAMES)
    info = probe(path)
    assert info.variable_frame_rate
    np.testing.assert_allclose(info.times_s, (np.array(times) - times[0]) / 25, atol=0.0011)
    assert info.fps == pytest.approx(99 / info.times_s[-1], rel=0.01)
    assert len(assert_exact(path, info)) == 100


def test_two_frames_at_one_time_are_two_frames(tmp_path):
    source = write_video(tmp_path / "source.mkv", 30, gop=1)
    path = tmp_path / "twice.mkv"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        out = new.add_stream_from_template(old.streams.video[0])
        for i, packet in enumerate(p for p in old.demux(video=0) if p.size):
            packet.pts = packet.dts = 40 * (10 if i == 11 else i)
            packet.stream = out
            new.mux(packet)
    info = probe(path)
    assert (info.n_frames, np.sum(np.diff(info.times_s) == 0)) == (30, 1)
    assert len(assert_exact(path, info)) == 30


def test_a_start_cut_off_by_an_edit_list_is_not_numbered(tmp_path):
    path = write_video(tmp_path / "edit.mp4", 60, container_options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    at = data.index(b"elst") + 4 + 8  # version and flags, count; then duration, media time
    start = int.from_bytes(data[at + 4 : at + 8], "big")
    data[at + 4 : at + 8] = (start + 15 * 512).to_bytes(4, "big")  # 15 frames of 512 ticks
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames == 45
    assert info.times_s[0] == 0
    assert info.warnings == ()
    assert numbers(read_frames(path, range(45), info=info)) == list(range(15, 60))


def test_hidden_vp8_references_are_not_numbered(tmp_path):
    source = write_video(tmp_path / "source.webm", 30, codec="libvpx", gop=1)
    path = tmp_path / "hidden.webm"
    with av.open(str(source)) as old, av.open(str(path), "w") as new:
        out = new.add_stream_from_template(old.streams.video[0])
        for i, packet in enumerate(p for p in old.demux(video=0) if p.size):
            data = bytearray(bytes(packet))
            data[0] &= 0xFF if i % 5 else 0xEF  # show_frame, RFC 6386 section 9.1
            copy = av.Packet(bytes(data))
            copy.pts, copy.dts, copy.time_base = packet.pts, packet.pts, packet.time_base
            copy.stream, copy.is_keyframe = out, True
            new.mux(copy)
    shown = [i for i in range(30) if i % 5]
    info = probe(path)
    assert info.n_frames == len(shown)
    assert numbers(read_frames(path, range(len(shown)), info=info)) == shown


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_rotated_videos_stand_upright(tmp_path, degrees):
    path = write_video(tmp_path / "rotated.mp4", 20, rotation=degrees)
    info = probe(path)
    assert info.rotation == degrees
    assert (info.width, info.height) == ((64, 48) if degrees == 180 else (48, 64))
    frames = read_frames(path, [3, 19], info=info)
    assert frames.shape[1:] == (info.height, info.width, 3)
    assert numbers(np.rot90(frame, -degrees // 90) for frame in frames) == [3, 19]


def test_a_quarter_turn_clockwise_in_the_track_header_is_one(tmp_path):
    path = write_video(tmp_path / "phone.mp4", 5)
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4 + 40
    one = 0x10000
    # ISO 14496-12: x' = a x + c y, y' = b x + d y, y downwards; so this turns the x axis to point down.
    matrix = [0, one, 0, -one, 0, 0, 0, 0, 0x40000000]
    data[at : at + 36] = b"".join(value.to_bytes(4, "big", signed=True) for value in matrix)
    path.write_bytes(data)
    stored = draw_frame(2)
    (upright,) = read_frames(path, [2])
    assert probe(path).rotation == 270
    np.testing.assert_allclose(upright[4, 4], np.rot90(stored, -1)[4, 4], atol=30)
    assert upright[4, 8].tolist() == pytest.approx([220, 20, 20], abs=40)  # the red of the lower left is now upper left


@pytest.mark.parametrize("share", [0.3, 0.5, 0.77, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["h264-b.mp4", "h264.mkv", "h264.ts", "mpeg4-b.avi", "vp9.webm"])
def test_a_file_that_ends_early_gives_what_is_there(tmp_path, kind, share):
    path = write_video(
        tmp_path / kind, N, container_options={"movflags": "faststart"} if "mp4" in kind else {}, **KINDS[kind]
    )
    whole = probe(path)
    data = path.read_bytes()
    first = max(0, int(whole.packets.positions[0]))
    end = first + int((len(data) - first) * share)
    path.write_bytes(data[:end])
    there = int(np.sum(whole.packets.positions < end)) if -1 not in whole.packets.positions else 0
    info = probe(path)
    # A transport stream cut between two of its small packets is whole for all that can be seen: what was shown behind
    # lost frames is kept, at its true time.
    shown = stream(path, [np.array([i]) for i in range(info.n_frames)], info=info, transform=read_number)
    sound = {i: frames[0] for i, frames in shown if not isinstance(frames, VideoError)}
    assert sound == {i: round(25 * info.times_s[i]) if path.suffix == ".ts" else i for i in sound}
    assert len(sound) >= info.n_frames - 1  # the last picture may be half there
    assert there - 8 <= info.n_frames <= N
    if kind.endswith((".mp4", ".mkv", ".webm")) and share < 0.85:
        assert "ends early" in info.warnings[0]


def test_a_short_file_names_both_counts(tmp_path):
    path = write_video(tmp_path / "cut.mp4", 240, gop=1, container_options={"movflags": "faststart"})
    ends = probe(path).packets.positions
    path.write_bytes(path.read_bytes()[: int(ends[130])])
    info = probe(path)
    assert info.n_frames == 130
    assert info.warnings == (
        "the header declares 240 frames, 130 frames were found: the file ends early or is damaged",
    )


@pytest.mark.parametrize("kind", ["mjpeg.avi", "mpeg4-b.avi"])
def test_a_packet_lost_inside_an_avi_keeps_its_number(tmp_path, kind):
    path = write_video(tmp_path / kind, 80, **{**KINDS[kind], "gop": 10})
    whole = probe(path)
    data = bytearray(path.read_bytes())
    place = 41
    data[int(whole.packets.positions[place]) - 7] ^= 0x80  # in the header of its chunk
    path.write_bytes(data)
    info = probe(path)
    assert info.n_frames == 80
    assert info.warnings == ("1 of 80 packets that the index names cannot be found",)
    lost = int(whole.packets.numbers[place])
    sound = dict(stream(path, [np.array([i]) for i in range(80)], info=info, transform=read_number))
    assert sum(isinstance(result, VideoError) for result in sound.values()) == 1
    assert all(sound[i] == [i] for i in range(80) if i not in range(lost // 10 * 10 - 2, lost // 10 * 10 + 10))
    assert numbers(read_frames(path, [79, 3], info=info)) == [79, 3]


@pytest.mark.parametrize(
    ("suffix", "pix_fmt"),
    [
        (".jpg", "yuvj420p"),
        (".JPEG", "yuvj420p"),
        (".png", "rgb24"),
        (".bmp", "bgr24"),
        (".tif", "gray"),
        (".tiff", "rgb24"),
    ],
)
def test_a_folder_of_frames_is_a_video_in_natural_order(tmp_path, suffix, pix_fmt):
    for i in range(12):
        write_image(tmp_path / f"frame_{i}{suffix}", i, pix_fmt)
    (tmp_path / f"._frame_3{suffix}").write_bytes(b"litter")
    info = probe(tmp_path)
    assert (info.n_frames, info.fps, info.width, info.height) == (12, 25.0, 64, 48)
    assert "25 fps assumed" in info.warnings[0]
    assert info.keyframes.all()
    assert numbers(read_frames(tmp_path, [11, 2, 10, 2], info=info)) == [11, 2, 10, 2]
    timed = probe(tmp_path, folder_fps=10)
    assert (timed.fps, timed.duration_s, timed.times_s[-1], timed.warnings) == (10, 1.2, pytest.approx(1.1), ())


@pytest.mark.real_data
def test_real_surveillance_videos_have_their_published_length(real_data):
    counts = [probe(path).n_frames for path in find_videos(real_data / "ped2" / "test")]
    assert (len(counts), sum(counts)) == (12, 2010)
    with (real_data / "ped2" / "manifest.csv").open(newline="") as file:
        rows = {row["video"]: row["events"] for row in csv.DictReader(file)}
    for name, events in rows.items():
        if events:
            assert int(events.split("-")[-1]) <= probe(real_data / "ped2" / name).n_frames
