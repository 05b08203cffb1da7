"""Frames that several segments show: through the vision tower once, kept no longer than needed, the same values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt import segments
from headhunt.extraction.decoders import Task
from headhunt.extraction.shared_frames import SharedFrames
from headhunt.models.families.internvl import InternVL
from headhunt.records import Interval
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig, extract, prepare
from headhunt.store import Store
from tests.made_videos import write_video


def task_of(n: int, *, length: int, stride: int, samples: int, first_row: int = 0, whole: bool = False) -> Task:
    cut = segments.plan_segments(n, length=length, stride=stride) + [Interval(0, n)] * whole
    groups = tuple(tuple(segments.sample_frames(interval, samples).tolist()) for interval in cut)
    return Task(Path("v.mp4"), n, tuple(range(first_row, first_row + len(groups))), groups)


def picture(number: int) -> np.ndarray:
    return np.full((3, 2, 2), number % 251, np.uint8)


class Tower:
    """Answers with the mean of each frame, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[int] = []

    def __call__(self, frames: np.ndarray) -> torch.Tensor:
        self.seen += frames[:, 0, 0, 0].tolist()
        return torch.as_tensor(frames).float().mean((1, 2, 3)).view(-1, 1, 1)


@pytest.mark.parametrize("batch", [1, 3, 4])
@pytest.mark.parametrize("stride", [3, 12, 24, 48])
@pytest.mark.parametrize("whole", [False, True])
def test_each_frame_is_seen_once_and_kept_no_longer_than_a_segment_is_open(
    batch: int, stride: int, whole: bool
) -> None:
    task = task_of(240, length=48, stride=stride, samples=16, whole=whole)
    tower = Tower()
    frames = SharedFrames([task], tower)
    rows = list(zip(task.rows, task.groups, strict=True))
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        pixels = [(row, np.stack([picture(n) for n in group])) for row, group in part]
        tokens = frames.tokens(pixels)
        assert tokens.flatten(1).tolist() == [list(map(float, group)) for _, group in part]
        for row, _ in part:
            frames.release(row)
        later = {number for _, group in rows[start + batch :] for number in group}
        before = {number for _, group in rows[: start + batch] for number in group}
        assert len(frames) == len(later & before)
        assert len(frames) <= (-(-48 // stride) + 1) * 16
    assert len(tower.seen) == len({n for group in task.groups for n in group})
    assert len(frames) == 0


def test_frames_that_repeat_within_a_segment_are_seen_once() -> None:
    tower = Tower()
    frames = SharedFrames([Task(Path("v.mp4"), 2, (0,), ((0, 0, 1, 1),))], tower)
    tokens = frames.tokens([(0, np.stack([picture(n) for n in (0, 0, 1, 1)]))])
    assert tokens.flatten().tolist() == [0.0, 0.0, 1.0, 1.0]
    assert tower.seen == [0, 1]
    assert len(frames) == 0


def test_frames_of_two_videos_are_not_mixed_up() -> None:
    tasks = [Task(Path("a.mp4"), 1, (0,), ((0,),)), Task(Path("b.mp4"), 1, (1,), ((0,),))]
    frames = SharedFrames(tasks, Tower())
    assert frames.tokens([(0, picture(5)[None]), (1, picture(7)[None])]).flatten().tolist() == [5.0, 7.0]


def test_a_row_that_will_never_be_computed_holds_nothing_back() -> None:
    frames = SharedFrames([Task(Path("a.mp4"), 9, (0, 1), ((0, 3), (3, 6)))], Tower())
    frames.tokens([(0, np.stack([picture(0), picture(3)]))])
    frames.release(0)
    assert len(frames) == 1
    frames.release(1)
    assert len(frames) == 0


def test_a_batch_that_failed_can_be_asked_for_again_in_parts() -> None:
    task = task_of(96, length=48, stride=24, samples=4)
    tower = Tower()
    frames = SharedFrames([task], tower)
    batch = [(r, np.stack([picture(n) for n in g])) for r, g in zip(task.rows, task.groups, strict=True)]
    whole = frames.tokens(batch)
    parts = torch.cat([frames.tokens([one]) for one in batch])
    torch.testing.assert_close(whole, parts)


class Pairs(Tower):
    """Two frames at a time; the tokens of a unit are both their numbers."""

    def __call__(self, frames: np.ndarray) -> torch.Tensor:
        numbers = frames[:, 0, 0, 0].tolist()
        self.seen += list(zip(numbers[::2], numbers[1::2], strict=True))
        return torch.as_tensor(frames).float().mean((1, 2, 3)).view(-1, 1, 2)


@pytest.mark.parametrize("samples", [4, 5])
@pytest.mark.parametrize("stride", [12, 48])
def test_pairs_of_frames_are_seen_once_and_an_odd_one_out_twice(samples: int, stride: int) -> None:
    task = task_of(240, length=48, stride=stride, samples=samples, whole=True)
    tower = Pairs()
    frames = SharedFrames([task], tower, per_unit=2)
    units = {}
    for row, group in zip(task.rows, task.groups, strict=True):
        even = [*group, *group[-1:]] if samples % 2 else [*group]
        units[row] = list(zip(even[::2], even[1::2], strict=True))
        tokens = frames.tokens([(row, np.stack([picture(n) for n in group]))])
        assert tokens.shape == (1, -(-samples // 2), 1, 2)
        assert tokens[0, :, 0].tolist() == [[float(a), float(b)] for a, b in units[row]]
        frames.release(row)
    assert len(tower.seen) == len({*tower.seen}) == len({unit for shown in units.values() for unit in shown})
    assert len(frames) == 0


def test_a_stand_in_makes_another_pair() -> None:
    tower = Pairs()
    frames = SharedFrames([Task(Path("v.mp4"), 9, (0, 1), ((0, 3, 6, 8), (6, 8, 8, 8)))], tower, per_unit=2)
    assert frames.stand_in(0, [0, 0, 6, 8]) == 1
    tokens = frames.tokens([(0, np.stack([picture(n) for n in (0, 0, 6, 8)]))])
    assert tokens[0, :, 0].tolist() == [[0.0, 0.0], [6.0, 8.0]]
    frames.release(0)
    assert len(frames) == 1  # the second row shows 6 and 8 too
    frames.tokens([(1, np.stack([picture(n) for n in (6, 8, 8, 8)]))])
    frames.release(1)
    assert tower.seen == [(0, 0), (6, 8), (8, 8)]
    assert len(frames) == 0


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 120), ("b", 100)):
        write_video(folder / f"{name}.mp4", frames)
    return folder


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    counts: list[int] = []
    original = InternVL.encode_frames
    monkeypatch.setattr(
        InternVL, "encode_frames", lambda self, pixels: (counts.append(len(pixels)), original(self, pixels))[1]
    )
    return counts


def test_overlapping_segments_cost_each_frame_once_and_give_the_same_features(
    videos: Path, tiny: Path, tmp_path: Path, counted: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExtractConfig(model=str(tiny), n_frames=4, stride=12, batch_size=3, decoders=0, units="segment")
    extract([videos], tmp_path / "shared.zarr", config)
    cut = [segments.plan_segments(n, length=48, stride=12) for n in (120, 100)]
    shown = [[n for s in part for n in segments.sample_frames(s, 4).tolist()] for part in cut]
    assert sum(counted) == sum(len(set(part)) for part in shown) < sum(len(part) for part in shown)
    apart = lambda self, batch: self._encode(np.concatenate([p for _, p in batch])).unflatten(0, (len(batch), -1))  # noqa: E731
    monkeypatch.setattr(SharedFrames, "tokens", apart)
    counted.clear()
    extract([videos], tmp_path / "apart.zarr", config)
    assert sum(counted) == sum(len(part) for part in shown)
    shared, alone = (Store(tmp_path / f"{name}.zarr").root["features"] for name in ("shared", "apart"))
    for name in ("heads", "context"):
        np.testing.assert_allclose(shared[name][:], alone[name][:], rtol=2e-3, atol=1e-5)  # float16 in the store


def test_tokens_kept_from_another_batch_give_the_same_vectors(tiny: Path) -> None:
    run = prepare(ExtractConfig(model=str(tiny), n_frames=4))
    task = task_of(120, length=48, stride=12, samples=4)
    generator = np.random.default_rng(0)
    size = (3, run.backbone.preprocess.height, run.backbone.preprocess.width)
    shown = {n: generator.integers(0, 256, size, dtype=np.uint8) for g in task.groups for n in g}
    frames = SharedFrames([task], run.extractor.encode)
    for row, group in zip(task.rows, task.groups, strict=True):
        pixels = np.stack([shown[n] for n in group])
        got = run.extractor.read(frames.tokens([(row, pixels)]), run.extractor.questions.grid)
        expected = run.extractor(pixels[None])
        np.testing.assert_allclose(got.heads, expected.heads, atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(got.context, expected.context, atol=1e-5, rtol=1e-5)
        frames.release(row)


def test_interrupted_between_segments_that_overlap_it_goes_on(videos: Path, tiny: Path, tmp_path: Path) -> None:
    config = ExtractConfig(model=str(tiny), n_frames=4, stride=12, batch_size=2, decoders=0)
    extract([videos], tmp_path / "whole.zarr", config)

    def stop(what: str, count: int, _total: int) -> None:
        if what == "segments" and count >= 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract([videos], tmp_path / "s.zarr", config, progress=stop)
    assert extract([videos], tmp_path / "s.zarr", config).rows_kept == 4
    whole, resumed = (Store(tmp_path / f"{name}.zarr").root["features/heads"][:] for name in ("whole", "s"))
    np.testing.assert_allclose(resumed, whole, rtol=2e-3, atol=1e-5)


def test_segments_that_do_not_overlap_go_through_the_tower_batch_by_batch(
    videos: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = ExtractConfig(model=str(tiny), n_frames=4, batch_size=2, decoders=0, units="segment", tail="drop")
    asked: list[int] = []
    run = prepare(config)
    original = run.extractor.encode
    run.extractor.encode = lambda frames: (asked.append(len(frames)), original(frames))[1]
    monkeypatch.setattr(stage, "prepare", lambda _config: run)
    extract([videos], tmp_path / "s.zarr", config)
    assert asked == [8, 8]
