"""Frames are exact by number in every container, also where the file is damaged."""

from __future__ import annotations

import csv
import gc
import os
import weakref
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from headhunt.errors import InputError, VideoError
from headhunt.video import find_videos, probe, read_frames, stream
from tests.videos import draw_frame, read_number, write_video

B_FRAMES = {"bf": "3"}
KINDS = {
    "h264-b.mp4": {"codec_options": B_FRAMES},
    "h264-open-gop.mp4": {"codec_options": {"bf": "3", "x264-params": "open-gop=1"}},
    "h264-intra-refresh.mp4": {"codec_options": {"bf": "0", "x264-params": "intra-refresh=1"}},
    "h264.mkv": {"codec_options": B_FRAMES},
    "h264.ts": {"codec_options": B_FRAMES},
    "h264.avi": {"codec_options": B_FRAMES},
    "raw.h264": {"codec_options": B_FRAMES},
    "mpeg4.avi": {"codec": "mpeg4"},
    "mpeg4-b.avi": {"codec": "mpeg4", "codec_options": {"bf": "2"}},
    "mpeg2.mpg": {"codec": "mpeg2video", "codec_options": {"bf": "2"}},
    "mjpeg.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "vp8.webm": {"codec": "libvpx", "codec_options": {"deadline": "realtime", "cpu-used": "8"}},
    "vp9.webm": {"codec": "libvpx-vp9", "codec_options": {"deadline": "realtime", "cpu-used": "8"}},
}
N = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("videos")


@pytest.fixture(params=KINDS)
def video(request, folder):
    path = folder / request.param
    if not path.exists():
        if KINDS[request.param].get("codec", "libx264") not in av.codecs_available:
            pytest.skip("this build of PyAV has no such encoder")
        write_video(path, N, **KINDS[request.param])
    return path


def numbers(frames):
    return [read_number(frame) for frame in frames]


def spaced(n, length=48):
    return [np.arange(start, min(start + length, n)) for start in range(0, n, length)]


def assert_exact(path, info):
    """Every frame that is delivered shows its number; returns the numbers of those that are."""
    groups = [np.array([i]) for i in range(info.n_frames)]
    got = {int(groups[g][0]): r for g, r in stream(path, groups, info=info, transform=read_number)}
    assert sorted(got) == list(range(info.n_frames))
    sound = {i: r[0] for i, r in got.items() if not isinstance(r, VideoError)}
    assert sound == {i: i for i in sound}
    return sound


def test_every_frame_is_the_one_asked_for(video):
    info = probe(video)
    assert (info.n_frames, info.width, info.height, info.rotation) == (N, 64, 48, 0)
    assert info.fps == pytest.approx(25)
    assert info.duration_s == pytest.approx(N / 25, abs=0.02)
    # A program stream stores times for some frames only: the rest are worked out, and may be two frames off.
    assert not info.variable_frame_rate or video.suffix == ".mpg"
    np.testing.assert_allclose(info.times_s, np.arange(N) / 25, atol=0.081 if video.suffix == ".mpg" else 0.0011)
    assert info.keyframes[0]
    assert info.warnings == (("the file stores no times: 25 fps assumed",) if video.suffix == ".h264" else ())
    assert len(assert_exact(video, info)) == N


def test_random_access_is_exact_in_any_order_and_with_repeats(video):
    info = probe(video)
    for wanted in ([N - 1, 0, 7, 7, 150], [N - 1], [131, 130], list(range(95, 110))):
        assert numbers(read_frames(video, wanted, info=info)) == wanted
    assert read_frames(video, [], info=info).shape == (0, 48, 64, 3)
    with pytest.raises(InputError, match=f"no frame {N}"):
        read_frames(video, [0, N], info=info)
    with pytest.raises(InputError, match="no frame -1"):
        read_frames(video, [-1], info=info)


def test_random_access_gives_the_pixels_of_a_sequential_pass(video):
    info = probe(video)
    ((_, frames),) = stream(video, [np.arange(N)], info=info)
    for i in (0, 100, 143, 144, 145, 250, 299):
        np.testing.assert_array_equal(read_frames(video, [i], info=info)[0], frames[i])


def test_groups_come_as_soon_as_they_are_complete(video):
    groups = [*spaced(N), np.arange(0, N, 40), np.array([], dtype=np.int64), np.array([5, 5, 60])]
    results = list(stream(video, groups, transform=read_number))
    assert [g for g, _ in results] == [8, 0, 9, 1, 2, 3, 4, 7, 5, 6]
    assert all(frames == groups[g].tolist() for g, frames in results)


def test_only_frames_of_open_groups_are_held(folder):
    class Held:
        alive: ClassVar[weakref.WeakSet] = weakref.WeakSet()
        most = 0

        def __init__(self, frame):
            self.number = read_number(frame)
            Held.alive.add(self)
            Held.most = max(Held.most, len(Held.alive))

    path = write_video(folder / "held.mp4", N)
    groups = [*spaced(N), np.linspace(9, N - 1, 16).astype(int)]
    calls = 0
    for g, frames in stream(path, groups, transform=Held):
        assert [f.number for f in frames] == groups[g].tolist()
        calls += len(frames)
        del frames
    assert Held.most <= 48 + 16
    assert calls == N + 16
    assert not Held.alive


def test_the_transform_is_applied_once_to_each_needed_frame(folder):
    path = write_video(folder / "once.mp4", 30)
    seen = []
    groups = [np.array([1, 4]), np.array([1, 4, 4, 9]), np.array([9, 20])]
    list(stream(path, groups, transform=lambda frame: seen.append(read_number(frame))))
    assert seen == [1, 4, 9, 20]


def test_a_stream_closed_early_leaves_no_file_open(folder):
    path = write_video(folder / "early.mp4", 60)
    frames = stream(path, spaced(60, 10))
    next(frames)

    def is_open():
        return any(link.resolve() == path for link in Path("/proc/self/fd").iterdir())

    assert is_open()
    frames.close()
    gc.collect()
    assert not is_open()


@pytest.mark.parametrize("bad", [np.array([3, 2]), np.array([0, 60]), np.array([-1]), np.array([[0, 1]])])
def test_groups_out_of_order_or_range_are_refused_at_once(folder, bad):
    path = write_video(folder / "range.mp4", 60)
    with pytest.raises(InputError):
        stream(path, [bad])


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi"])
def test_the_shortest_videos_read(tmp_path, n, suffix):
    path = write_video(tmp_path / f"short{suffix}", n)
    info = probe(path)
    assert (info.n_frames, info.fps) == (n, pytest.approx(25))
    assert info.duration_s == pytest.approx(n / 25)
    assert numbers(read_frames(path, range(n))) == list(range(n))


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
    sound = assert_exact(path, info)
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


def unreadable(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("this is a text file\n" * 100)
    (tmp_path / "list.mp4").write_text(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n#EXTINF:4,\nhttp://127.0.0.1:1/a.ts\n#EXT-X-ENDLIST\n"
    )
    whole = write_video(tmp_path / "whole.mp4", 30)
    (tmp_path / "nomoov.mp4").write_bytes(whole.read_bytes()[:1500])
    (tmp_path / "folder.mp4").mkdir()
    with av.open(str(tmp_path / "sound.mp4"), "w") as container:
        sound = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), "fltp", "mono")
        frame.sample_rate, frame.pts = 16000, 0
        container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with av.open(str(tmp_path / "none.avi"), "w") as container:
        video = container.add_stream("mpeg4", rate=25)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        container.start_encoding()
    os.mkfifo(tmp_path / "pipe.mp4")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("missing.mp4", "no video at"),
        ("empty.mp4", "is empty"),
        ("text.mp4", "not a video"),
        ("list.mp4", "VideoError"),
        ("nomoov.mp4", "moov"),
        ("folder.mp4", "folder without frames"),
        ("sound.mp4", "only audio"),
        ("none.avi", "no frames"),
        ("pipe.mp4", "no regular file"),
        ("null\0.mp4", "cannot be opened"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path, name, reason):
    unreadable(tmp_path)
    with pytest.raises(VideoError) as caught:
        probe(tmp_path / name)
    assert reason in f"VideoError {caught.value}"
    with pytest.raises(VideoError):
        read_frames(tmp_path / name, [0])


def test_no_permission_is_a_video_error(tmp_path):
    path = write_video(tmp_path / "locked.mp4", 3)
    info = probe(path)
    path.chmod(0)
    user = os.geteuid()
    try:
        if user == 0:  # to whom nothing is forbidden
            os.seteuid(65534)
        with pytest.raises(VideoError, match="no permission to read"):
            probe(path)
        with pytest.raises(VideoError, match="no permission to read"):
            list(stream(path, [np.array([0])], info=info))
    finally:
        os.seteuid(user)


def test_a_file_that_changed_since_it_was_probed_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", 10)
    info = probe(path)
    write_video(path, 20)
    with pytest.raises(VideoError, match="changed"):
        list(stream(path, [np.array([0])], info=info))


def write_image(path, number, pix_fmt="rgb24"):
    codec = {".jpg": "mjpeg", ".jpeg": "mjpeg", ".png": "png", ".bmp": "bmp", ".tif": "tiff", ".tiff": "tiff"}
    encoder = av.CodecContext.create(codec[path.suffix.lower()], "w")
    frame = av.VideoFrame.from_ndarray(draw_frame(number), "rgb24").reformat(format=pix_fmt)
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 64, 48, pix_fmt, Fraction(1, 25)
    path.write_bytes(b"".join(bytes(p) for p in [*encoder.encode(frame), *encoder.encode()]))


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


def test_videos_are_found_in_order_with_their_names_untouched(tmp_path):
    names = [
        "b/v=x__#1.label_A.mp4",
        "a.MKV",
        "b/Z.avi",
        "é.webm",
        "frames/t2/1.tif",
        "frames/t2/2.tif",
        "frames/t2/in/v.mp4",
    ]
    names += [
        ".hidden.mp4",
        ".cache/v.mp4",
        "note.txt",
        "one/1.jpg",
        "mix/1.jpg",
        "mix/2.jpg",
        "mix/v.mp4",
        "x.mp4/readme",
    ]
    names += ["logos/a.png", "logos/b.png", "set.mp4/v.avi"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    found = [path.relative_to(tmp_path).as_posix() for path in find_videos(tmp_path)]
    expected = [
        "a.MKV",
        "b/Z.avi",
        "b/v=x__#1.label_A.mp4",
        "frames/t2",
        "mix/v.mp4",
        "set.mp4/v.avi",
        "x.mp4",
        "é.webm",
    ]
    assert found == expected
    assert find_videos(tmp_path / "frames" / "t2") == [tmp_path / "frames" / "t2"]
    assert find_videos(tmp_path / "logos") == []
    with pytest.raises(InputError, match="no folder"):
        find_videos(tmp_path / "a.MKV")


def test_names_are_taken_literally(tmp_path):
    for name in ("a#b.c d%03d.mp4", "http:x.mp4", "ü 视频.mp4", "concat:a|b.mp4"):
        path = write_video(tmp_path / "v.mp4", 3).rename(tmp_path / name)
        assert numbers(read_frames(path, [2])) == [2]


@pytest.mark.real_data
def test_real_surveillance_videos_have_their_published_length(real_data):
    counts = [probe(path).n_frames for path in find_videos(real_data / "ped2" / "test")]
    assert (len(counts), sum(counts)) == (12, 2010)
    with (real_data / "ped2" / "manifest.csv").open(newline="") as file:
        rows = {row["video"]: row["events"] for row in csv.DictReader(file)}
    for name, events in rows.items():
        if events:
            assert int(events.split("-")[-1]) <= probe(real_data / "ped2" / name).n_frames


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


@pytest.mark.real_data
def test_real_names_with_dots_and_hashes_read(real_data):
    videos = find_videos(real_data / "excerpts")
    assert [probe(path).n_frames for path in videos] == [256, 271]
    assert all(read_frames(path, [255]).any() for path in videos)
