"""Segments in which nothing moves take the features of the last one that was computed, and say so."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import FingerprintError
from headhunt.extraction.activations import Extractor
from headhunt.extraction.still_segments import StillSegments
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.inspect import inspect
from headhunt.store import RowStatus, SegmentTable, ShardWriter, Store
from tests.made_videos import write_video

SCENES = {"a": [1, 1, 1, 2, 2, 1, 3, 3, 3, 3], "b": [3, 3, 5, 5, 6, 6, 6]}
SOURCES = [
    -1,
    0,
    0,
    -1,
    3,
    -1,
    -1,
    6,
    6,
    6,
    -1,
    -1,
    11,
    -1,
    13,
    -1,
    15,
    15,
    -1,
]  # the last row of each is the whole video


def table_of(status: list[int], source: list[int] | None = None, video: list[int] | None = None) -> SegmentTable:
    n = len(status)
    ramp = np.arange(n, dtype=np.int64)
    return SegmentTable(
        row=ramp,
        video=np.array([0] * n if video is None else video, np.int64),
        start_frame=ramp,
        end_frame=ramp + 1,
        start_s=ramp.astype(float),
        end_s=ramp + 1.0,
        unit=np.zeros(n, np.uint8),
        status=np.array(status, np.uint8),
        reason=("",) * n,
        source=np.array([-1] * n if source is None else source, np.int64),
        missing=np.zeros(n, np.int64),
    )


def grey(level: int) -> np.ndarray:
    return np.full((2, 3, 8, 8), level, np.uint8)


def test_a_segment_is_compared_with_the_last_computed_one_so_that_slow_changes_are_noticed() -> None:
    still = StillSegments(3.0, table_of([1] * 6), range(6))
    assert [still.source(row, grey(2 * row)) for row in range(6)] == [None, 0, None, 2, None, 4]


def test_another_video_is_another_scene() -> None:
    still = StillSegments(3.0, table_of([1] * 3, video=[0, 0, 1]), range(3))
    assert [still.source(row, grey(7)) for row in range(3)] == [None, 0, None]


def test_without_a_bound_everything_is_computed() -> None:
    still = StillSegments(None, table_of([1] * 3), range(3))
    assert [still.source(row, grey(7)) for row in range(3)] == [None] * 3


@pytest.mark.parametrize(
    ("status", "source", "references"),
    [
        ([2, 2, 1, 1], [-1, 0, -1, -1], {0}),
        ([2, 2, 1, 1], [-1, -1, -1, -1], {1}),
        ([1, 1, 1, 1], [-1, -1, -1, -1], set()),
        ([2, 3, 2, 1], [-1, -1, -1, -1], {0, 2}),  # a failed row is to be had again
        ([2, 3, 2, 1], [-1, -1, 0, -1], {0}),
    ],
)
def test_what_was_computed_before_is_looked_at_again(status: list[int], source: list[int], references: set) -> None:
    pending = [i for i, s in enumerate(status) if s in {RowStatus.PLANNED, RowStatus.FAILED}]
    assert StillSegments(3.0, table_of(status, source), pending).references == references


def test_a_row_that_cannot_be_looked_at_again_is_compared_with_nothing() -> None:
    still = StillSegments(3.0, table_of([2, 1]), [1])
    still.refer(0, "the file is damaged there")
    assert still.source(1, grey(0)) is None


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, scenes in SCENES.items():
        write_video(folder / f"{name}.mp4", 12 * len(scenes), shown=[s for s in scenes for _ in range(12)])
    return folder


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), length=12, n_frames=2, batch_size=2, decoders=0, flush_s=0.0, skip_still=3.0)


@pytest.fixture(scope="module")
def done(videos: Path, config: ExtractConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "done.zarr"
    report = extract([videos], path, config)
    assert (report.rows_done, report.rows_reused) == (19, 10)
    return path


def same(a: Path, b: Path) -> bool:
    one, two = Store(a), Store(b)
    equal = [
        one.root[f"features/{k}"][:].tobytes() == two.root[f"features/{k}"][:].tobytes() for k in ("heads", "context")
    ]
    return all(equal) and one.segments().source.tolist() == two.segments().source.tolist()


def test_still_segments_take_the_features_of_the_last_computed_one(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(done)
    table = store.segments()
    assert table.source.tolist() == SOURCES
    assert set(table.status) == {RowStatus.DONE}
    heads = store.layer(table.row, 2, prompt=store.prompts[1])
    for row, source in enumerate(SOURCES):
        if source >= 0:
            np.testing.assert_array_equal(heads[row], heads[source])
    assert inspect(done)["reused"] == 10
    passed: list[int] = []
    original = Extractor.read
    monkeypatch.setattr(Extractor, "read", lambda self, v, g: (passed.append(len(v)), original(self, v, g))[1])
    extract([videos], tmp_path / "all.zarr", replace(config, skip_still=None))
    assert sum(passed) == 19
    passed.clear()
    extract([videos], tmp_path / "s.zarr", config)
    assert sum(passed) == 9
    every = Store(tmp_path / "all.zarr")
    assert every.segments().source.tolist() == [-1] * 19
    own = np.flatnonzero(np.array(SOURCES) < 0)
    np.testing.assert_allclose(heads[own], every.layer(own, 2, prompt=every.prompts[1]), atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("written", range(1, 14, 2))
def test_killed_after_any_write_it_resumes_byte_for_byte(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: int
) -> None:
    count = 0
    original = ShardWriter._write

    def write(self: ShardWriter, *args) -> None:
        nonlocal count
        count += 1
        if count > written:
            raise KeyboardInterrupt
        original(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(ShardWriter, "_write", write)
        with pytest.raises(KeyboardInterrupt):
            extract([videos], tmp_path / "s.zarr", config)
    kept = len(Store(tmp_path / "s.zarr").segments().done())
    assert 0 < kept < 19
    report = extract([videos], tmp_path / "s.zarr", config)
    assert (report.rows_kept, report.rows_done) == (kept, 19 - kept)
    assert same(done, tmp_path / "s.zarr")


@pytest.mark.parametrize("bound", [None, 2.0])
def test_another_bound_is_refused(done: Path, videos: Path, config: ExtractConfig, bound: float | None) -> None:
    with pytest.raises(FingerprintError, match=r"skip_still: store 3\.0, now"):
        extract([videos], done, replace(config, skip_still=bound))


def test_what_would_reuse_a_row_that_failed_fails_with_it_and_is_had_at_the_next_run(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Extractor.read

    def overflow(self, visual, grid):
        out = original(self, visual, grid)
        out.heads[0, 0, 0, 0, 0] = np.inf
        return out

    with monkeypatch.context() as patch:
        patch.setattr(Extractor, "read", overflow)
        extract([videos / "a.mp4"], tmp_path / "s.zarr", config)
    table = Store(tmp_path / "s.zarr").segments()
    assert table.status[:3].tolist() == [RowStatus.FAILED] * 3
    assert "float16" in table.reason[0]
    assert all("it shows what row 0 shows, which failed" in table.reason[row] for row in (1, 2))
    extract([videos / "a.mp4"], tmp_path / "s.zarr", config)
    assert Store(tmp_path / "s.zarr").segments().source.tolist() == SOURCES[:11]


def test_shards_do_not_depend_on_each_other(config: ExtractConfig, tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", 600, shown=[1] * 600)
    lean = replace(config, length=2, n_frames=1, units="segment", prompt_ids=("p1",), flush_s=30.0)
    second = extract([tmp_path / "v.mp4"], tmp_path / "s.zarr", replace(lean, shard=(1, 2)))
    first = extract([tmp_path / "v.mp4"], tmp_path / "s.zarr", replace(lean, shard=(0, 2)))
    assert (first.rows_done, first.rows_reused, second.rows_done, second.rows_reused) == (256, 255, 44, 43)
    assert Store(tmp_path / "s.zarr").segments().source.tolist() == [-1, *[0] * 255, -1, *[256] * 43]


def test_frames_kept_for_overlapping_segments_and_still_ones_go_together(
    videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    overlapping = replace(config, stride=6, length=12, n_frames=4, batch_size=3)
    extract([videos], tmp_path / "s.zarr", overlapping)
    extract([videos], tmp_path / "all.zarr", replace(overlapping, skip_still=None))
    some, every = Store(tmp_path / "s.zarr"), Store(tmp_path / "all.zarr")
    table = some.segments()
    assert 5 < (table.source >= 0).sum() < len(table) - 5
    own = table.row[table.source < 0]
    np.testing.assert_allclose(
        some.layer(own, 3, prompt=some.prompts[0]), every.layer(own, 3, prompt=every.prompts[0]), atol=2e-3, rtol=2e-3
    )
    shutil.rmtree(tmp_path / "all.zarr")
