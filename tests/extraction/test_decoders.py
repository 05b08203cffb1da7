"""Decoder processes: the same frames in the same order as without them; a hang or a crash costs one video."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import fields, replace
from multiprocessing.connection import Pipe
from pathlib import Path

import numpy as np
import pytest

from headhunt.extraction import decode_worker, decoders
from headhunt.extraction.decoders import Decoders, Task
from headhunt.models.preprocess import Preprocess
from headhunt.prefetch import prefetch
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import Store, VideoStatus
from tests.made_videos import draw_frame, write_video

PIXELS = Preprocess(24, 32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic")


def task(path: Path, frames: int, first_row: int, groups: int = 4) -> Task:
    size = frames // groups
    chosen = tuple(tuple(range(k * size, (k + 1) * size, 3)) for k in range(groups))
    return Task(path, frames, tuple(range(first_row, first_row + groups)), chosen)


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> list[Task]:
    folder = tmp_path_factory.mktemp("v")
    made = []
    for i in range(5):
        write_video(folder / f"{i}.mp4", 60 + 12 * i)
        made.append(task(folder / f"{i}.mp4", 60 + 12 * i, 10 * i))
    return made


def run(tasks: list[Task], **options: object) -> list:
    given = {"processes": 1, "timeout_s": 60.0, "ahead": 2} | options
    with Decoders(given["processes"], given["timeout_s"]) as decoders:
        return list(decoders.frames(tasks, PIXELS, ahead=given["ahead"]))


def probed(paths: list[Path], processes: int) -> list:
    with Decoders(processes, 60.0, resize=False) as decoders:
        return list(decoders.probe(paths))


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_processes_give_what_a_thread_gives_in_the_same_order(tasks: list[Task], processes: int) -> None:
    expected = run(tasks, processes=0)
    found = run(tasks, processes=processes)
    assert [row for row, _ in found] == [row for row, _ in expected] == [row for t in tasks for row in t.rows]
    for (_, a), (_, b) in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)
    shown = PIXELS.resize(draw_frame(tasks[1].groups[2][1]))
    assert np.abs(found[6][1][1].astype(int) - shown).mean() < 12  # the frame asked for, apart from encoding loss


@pytest.mark.parametrize("processes", [0, 1])
def test_a_bad_video_fails_its_rows_and_the_next_goes_on(tasks: list[Task], tmp_path: Path, processes: int) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    missing = replace(tasks[3], path=tmp_path / "gone.mp4", rows=(90, 91, 92, 93))
    changed = replace(tasks[3], frames=7, rows=(80, 81, 82, 83))
    found = dict(run([replace(tasks[0], path=tmp_path / "bad.mp4"), missing, changed, tasks[1]], processes=processes))
    assert "not a video" in found[0]
    assert "no video" in found[90]
    assert "changed" in found[80]
    assert all(isinstance(found[row], str) for row in (*tasks[0].rows, *missing.rows, *changed.rows))
    assert all(isinstance(found[row], np.ndarray) for row in tasks[1].rows)


def test_a_decoder_that_hangs_is_killed_and_its_video_failed(tasks: list[Task], tmp_path: Path) -> None:
    pipe = tmp_path / "slow.mp4"
    os.mkfifo(pipe)  # never read, since it is no regular file; so the time-out below is too short for any process
    assert isinstance(dict(run([replace(tasks[0], path=pipe)]))[0], str)
    begin = time.monotonic()
    found = dict(run([tasks[0], tasks[1]], timeout_s=0.01))
    assert all("gave nothing for 0.01 s and was killed" in found[row] for row in (*tasks[0].rows, *tasks[1].rows))
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize("reads_its_task", [False, True])
def test_a_decoder_that_stops_halfway_through_a_message_is_killed(tasks: list[Task], reads_its_task: bool) -> None:
    large = replace(PIXELS, height=448, width=448)  # a row of this size exceeds the socket's buffer
    long = replace(tasks[0], groups=tuple(tuple(range(60)) * 500 for _ in range(4)))  # as does this task
    before = set(_children())
    with Decoders(1, 60.0) as decoders:
        assert all(isinstance(pixels, np.ndarray) for _, pixels in decoders.frames(tasks[:1], large, ahead=1))
        (child,) = set(_children()) - before
        if reads_its_task:
            decoded = decoders.frames(tasks[:1], large, ahead=1)
            next(decoded)
            time.sleep(2)  # one row is now in the queue, one held by the thread, and the last one partly sent
        else:
            decoded = decoders.frames([long], large, ahead=1)
        os.kill(child, signal.SIGSTOP)
        decoders._processes[0]._timeout_s = 0.5
        *_, (row, reason) = decoded
    assert row == tasks[0].rows[-1]
    assert "gave nothing for 0.5 s and was killed" in reason


def test_a_decoder_that_dies_fails_one_video_and_a_new_one_goes_on(tasks: list[Task], monkeypatch) -> None:
    original = decoders._Process.alive
    started: list[int] = []

    def alive(self):
        process = original(self)
        if process.pid not in started:
            started.append(process.pid)
            if len(started) == 1:
                threading.Timer(0.05, lambda: os.kill(process.pid, signal.SIGSEGV)).start()
        return process

    monkeypatch.setattr(decoders._Process, "alive", alive)
    found = dict(run(tasks[:3]))
    assert all("exit status -11" in found[row] for row in tasks[0].rows)
    assert all(isinstance(found[row], np.ndarray) for t in tasks[1:3] for row in t.rows)
    assert len(started) == 2


@pytest.mark.parametrize("processes", [1, 2, 9])
def test_probing_in_processes_tells_what_probing_here_tells(tasks: list[Task], tmp_path: Path, processes: int) -> None:
    (tmp_path / "bad.mp4").write_text("no video")
    paths = [tasks[0].path, tmp_path / "bad.mp4", *(t.path for t in tasks[1:]), tmp_path / "gone.mp4"]
    expected = probed(paths, 0)
    found = probed(paths, processes)
    assert [isinstance(f, str) for f in found] == [False, True, False, False, False, False, True]
    for a, b in zip(found, expected, strict=True):
        if isinstance(a, str) or isinstance(b, str):
            assert a == b
            continue
        for field in fields(a):
            if field.name != "packets":
                np.testing.assert_array_equal(getattr(a, field.name), getattr(b, field.name), strict=True)
    assert probed([], processes) == []


def test_a_video_whose_probing_hangs_is_failed_and_taken_at_the_next_run(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    for name in "ab":
        write_video(tmp_path / "v" / f"{name}.mp4", 30)
    config = ExtractConfig(
        model=str(tiny), n_frames=4, decoders=1, decode_timeout_s=1e-6
    )  # no process answers that fast
    report = extract([tmp_path / "v"], tmp_path / "s.zarr", config)
    assert [name for name, _ in report.failed] == ["a.mp4", "b.mp4"]
    assert all("gave nothing for 1e-06 s and was killed" in reason for _, reason in report.failed)
    assert Store(tmp_path / "s.zarr").videos().status.tolist() == [VideoStatus.FAILED] * 2
    report = extract([tmp_path / "v"], tmp_path / "s.zarr", replace(config, decode_timeout_s=60.0))
    assert (report.rows_done, report.failed) == (4, [])


def test_what_the_child_said_last_is_told(tasks: list[Task], monkeypatch) -> None:
    monkeypatch.setattr(decoders.sys, "path", ["/nowhere"])
    found = dict(run(tasks[:1]))
    assert "Error" in found[0]


def test_closing_early_leaves_no_process_and_no_thread(tasks: list[Task]) -> None:
    before = set(_children())
    with Decoders(2, 60.0) as decoders:
        decoded = decoders.frames(tasks, PIXELS, ahead=1)
        next(decoded)
        children = set(_children()) - before
        decoded.close()
        assert not [t for t in threading.enumerate() if t.name.startswith("vadkit")]
    assert children
    assert not children & set(_children())


def test_the_processes_stay_from_one_piece_of_work_to_the_next(tasks: list[Task]) -> None:
    before = set(_children())
    with Decoders(2, 60.0) as decoders:
        decoders.start()
        children = set(_children()) - before
        assert len(children) == 2
        infos = list(decoders.probe([t.path for t in tasks]))
        assert [info.n_frames for info in infos] == [t.frames for t in tasks]
        first = list(decoders.frames(tasks, PIXELS, ahead=2))
        again = list(decoders.frames(tasks[1:2], PIXELS, ahead=2))
        assert set(_children()) - before == children
    assert [row for row, _ in first] == [row for t in tasks for row in t.rows]
    for (row, a), (_, b) in zip(first[4:8], again, strict=True):
        np.testing.assert_array_equal(a, b, err_msg=str(row))
    assert not children & set(_children())


def test_work_goes_on_after_work_that_was_broken_off(tasks: list[Task]) -> None:
    with Decoders(1, 60.0) as decoders:
        decoded = decoders.frames(tasks, PIXELS, ahead=1)
        next(decoded)
        decoded.close()
        assert all(isinstance(found, np.ndarray) for _, found in decoders.frames(tasks[:1], PIXELS, ahead=1))


def _children() -> list[int]:
    """Process ids of this process's children."""
    return [int(pid) for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]


def test_nothing_to_do_gives_nothing() -> None:
    assert run([], processes=2) == run([], processes=0) == []


def test_features_do_not_depend_on_the_decoders(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "v").mkdir()
    for name in "abc":
        write_video(tmp_path / "v" / f"{name}.mp4", 100)
    stored = []
    for processes in (0, 2):
        store = tmp_path / f"{processes}.zarr"
        extract([tmp_path / "v"], store, ExtractConfig(model=str(tiny), n_frames=4, batch_size=2, decoders=processes))
        stored.append(Store(store).root["features/heads"][...].tobytes())
    assert stored[0] == stored[1]


def test_the_child_answers_in_json_and_pixels(tasks: list[Task]) -> None:
    message = {"path": str(tasks[0].path), "groups": tasks[0].groups, "frames": 60, "preprocess": PIXELS.to_json()}
    ours, theirs = Pipe()
    with ours, theirs:
        decode_worker._serve(message, theirs)
        theirs.close()
        found = [ours.recv_bytes() for _ in range(4 * (1 + 5) + 1)]
        with pytest.raises(EOFError):
            ours.recv_bytes()
    expected = dict(run(tasks[:1], processes=0))
    for group, row in enumerate(tasks[0].rows):
        head, *frames = found[6 * group : 6 * (group + 1)]
        assert head == b'{"group": %d, "shape": [5, 3, 24, 32]}' % group
        assert frames == [bytes(frame) for frame in expected[row]]
    assert found[-1] == b'{"done": true}'


def test_prefetch_is_bounded_ordered_and_closes_its_source() -> None:
    made: list[int] = []
    closed = threading.Event()

    def source() -> Iterator[int]:
        try:
            for i in range(100):
                made.append(i)
                yield i
        finally:
            closed.set()

    items = prefetch(source(), ahead=3)
    assert [next(items), next(items)] == [0, 1]
    time.sleep(0.2)
    assert len(made) <= 2 + 3 + 1
    items.close()
    assert closed.wait(5)
    assert list(prefetch(iter(range(5)), ahead=2)) == list(range(5))

    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("told")

    items = prefetch(broken(), ahead=2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="told"):
        next(items)
