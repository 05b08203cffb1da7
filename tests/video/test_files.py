"""Videos are found with their names untouched, and what cannot be read says why."""

from __future__ import annotations

import os

import av
import numpy as np
import pytest

from headhunt.errors import InputError, VideoError
from headhunt.video import find_videos, probe, read_frames, stream
from tests.made_videos import numbers, write_video


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
def test_real_names_with_dots_and_hashes_read(real_data):
    videos = find_videos(real_data / "excerpts")
    assert [probe(path).n_frames for path in videos] == [256, 271]
    assert all(read_frames(path, [255]).any() for path in videos)
