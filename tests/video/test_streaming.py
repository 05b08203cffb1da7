"""Groups and single frames are the ones asked for, and no more of them is held than needed."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
import pytest

from headhunt.errors import InputError, VideoError
from headhunt.video import probe, read_frames, stream
from tests.made_videos import KINDS, assert_exact, numbers, read_number, spaced, write_video

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


def test_a_file_that_changed_since_it_was_probed_is_refused(tmp_path):
    path = write_video(tmp_path / "a.mp4", 10)
    info = probe(path)
    write_video(path, 20)
    with pytest.raises(VideoError, match="changed"):
        list(stream(path, [np.array([0])], info=info))
