"""How many segments a pass takes, and that none is lost or computed twice when memory runs out."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.errors import ComputeError
from headhunt.extraction.activations import Extractor
from headhunt.extraction.batch_size import LARGEST, BatchSize, is_out_of_memory
from headhunt.models.families.internvl import InternVL
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import RowStatus, Store
from tests.made_videos import write_video


def grow(size: BatchSize, seconds: Callable[[int], float], passes: int = 40, room: int = 10**6) -> list[int]:
    """The sizes of so many passes on a machine that takes `seconds` for a pass and has room for so many segments."""
    sizes = []
    for _ in range(passes):
        sizes.append(size.now)
        if size.now > room:
            size.ran_out(size.now)
        else:
            size.passed(size.now, seconds(size.now))
    return sizes


def test_auto_doubles_as_long_as_that_pays() -> None:
    size = BatchSize("auto")
    sizes = grow(size, lambda n: 1.0 if n <= 8 else n / 8)  # eight at a time are free
    assert sizes[:10] == [1, 1, 2, 2, 4, 4, 8, 8, 16, 16]
    assert set(sizes[10:]) == {8}
    assert size.notes == ["--batch-size auto went on with 8 segments a pass"]


def test_auto_stays_at_one_where_a_batch_gains_nothing() -> None:
    size = BatchSize("auto")
    assert set(grow(size, lambda n: 0.5 * n)[4:]) == {1}


def test_auto_stops_at_memory_and_keeps_half() -> None:
    size = BatchSize("auto")
    sizes = grow(size, lambda _: 1.0, room=11)
    assert max(sizes) == 16
    assert set(sizes[9:]) == {8}


def test_auto_ends_at_the_largest() -> None:
    size = BatchSize("auto")
    assert max(grow(size, lambda _: 1.0)) == size.now == LARGEST


def test_the_first_pass_of_a_size_may_be_slow() -> None:
    size = BatchSize("auto")
    slow = iter([9.0, 1.0, 9.0, 1.0])
    for _ in range(4):
        size.passed(size.now, next(slow))
    assert size.now == 4


def test_smaller_passes_say_nothing_of_the_size() -> None:
    size = BatchSize("auto")
    size.passed(1, 1.0)
    size.passed(1, 1.0)
    for _ in range(9):
        size.passed(1, 1.0)
    assert size.now == 2


def test_a_fixed_size_stays_until_it_does_not_fit() -> None:
    size = BatchSize(6)
    assert set(grow(size, lambda _: 1.0)) == {6}
    size.ran_out(6)
    assert (size.now, len(size.notes)) == (3, 1)
    assert "6 segments a pass do not fit into memory: went on with 3" in size.notes[0]


def test_one_segment_that_does_not_fit_is_an_error_with_a_way_out() -> None:
    with pytest.raises(ComputeError, match="one segment does not fit") as caught:
        BatchSize(4).ran_out(1)
    assert "--frames" in str(caught.value)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 10 bytes."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1 GB)"), True),
        (np._core._exceptions._ArrayMemoryError((1,), np.dtype(float)), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_errors_of_memory_are_told_from_others(error: Exception, expected: bool) -> None:
    assert is_out_of_memory(error) is expected


def test_what_this_machine_says_when_it_has_no_more_memory_is_known() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**62, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for name, frames in (("a", 120), ("b", 72)):
        write_video(folder / f"{name}.mp4", frames)
    return folder


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), length=12, n_frames=2, batch_size=4, decoders=0)


@pytest.fixture(scope="module")
def done(videos: Path, config: ExtractConfig, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "done.zarr"
    extract([videos], path, config)
    return path


class Room:
    """A model that has room for so many segments a pass, and remembers the passes that went well."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, segments: int, error: Exception, where: str) -> None:
        self.passes: list[int] = []
        self.held: list[weakref.ref] = []
        read, encode = Extractor.read, InternVL.encode_frames

        def check(n: int) -> None:
            if n > segments:
                big = torch.empty(1000)
                self.held.append(weakref.ref(big))
                raise type(error)(*error.args)  # a new one: the old one's traceback would hold memory

        def read_with_room(extractor: Extractor, visual: torch.Tensor, grid: models.Grid):
            assert not [ref for ref in self.held if ref() is not None]  # the failed pass holds no memory any more
            if where == "decoder":
                check(len(visual))
            self.passes.append(len(visual))
            return read(extractor, visual, grid)

        def encode_with_room(backbone: InternVL, pixels: torch.Tensor):
            if where == "tower":
                check(len(pixels) // 2)
            return encode(backbone, pixels)

        monkeypatch.setattr(Extractor, "read", read_with_room)
        monkeypatch.setattr(InternVL, "encode_frames", encode_with_room)


@pytest.mark.parametrize("where", ["decoder", "tower"])
@pytest.mark.parametrize("room", [1, 2, 3])
def test_a_batch_that_does_not_fit_is_halved_and_nothing_is_lost_or_twice(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch, where: str, room: int
) -> None:
    machine = Room(monkeypatch, room, torch.OutOfMemoryError("CUDA out of memory"), where)
    gc.disable()  # memory must be free at once, not when the collector comes by
    try:
        report = extract([videos], tmp_path / "s.zarr", config)
    finally:
        gc.enable()
    halved = {1: 1, 2: 2, 3: 2}[room]
    assert (report.rows_done, report.rows_failed) == (18, 0)
    assert machine.passes == [halved] * (18 // halved)
    assert any(f"went on with {halved}" in note for note in report.notes)
    expected, got = Store(done), Store(tmp_path / "s.zarr")
    rows = got.segments().row
    assert set(got.segments().status) == {RowStatus.DONE}
    np.testing.assert_allclose(
        got.layer(rows, 3, prompt="detailed"),
        expected.layer(rows, 3, prompt="detailed"),
        atol=1e-3,
        rtol=2e-3,
    )


def test_one_segment_without_room_ends_the_run_and_keeps_what_was_done(
    videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extract([videos / "a.mp4"], tmp_path / "s.zarr", config)
    with monkeypatch.context() as patch:
        Room(patch, 0, RuntimeError("DefaultCPUAllocator: can't allocate memory"), "decoder")
        with pytest.raises(ComputeError, match="one segment does not fit"):
            extract([videos], tmp_path / "s.zarr", config)
    assert len(Store(tmp_path / "s.zarr").segments().done()) == 11
    assert extract([videos], tmp_path / "s.zarr", config).rows_done == 7


def test_other_errors_are_not_tried_again(
    videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Room(monkeypatch, 0, RuntimeError("shapes do not fit"), "decoder")
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        extract([videos], tmp_path / "s.zarr", config)
    assert machine.passes == []


def test_auto_finds_a_size_says_it_and_gives_the_same_features(
    done: Path, videos: Path, config: ExtractConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Room(monkeypatch, 2, torch.OutOfMemoryError("CUDA out of memory"), "decoder")
    monkeypatch.setattr("headhunt.extraction.batch_size.GAIN", 0.0)  # only memory decides
    report = extract([videos], tmp_path / "s.zarr", replace(config, batch_size="auto"))
    assert machine.passes == [1, 1, *[2] * 8]
    assert "--batch-size auto went on with 2 segments a pass" in report.notes
    expected, got = Store(done), Store(tmp_path / "s.zarr")
    rows = got.segments().row
    np.testing.assert_allclose(
        got.layer(rows, 1, prompt="p1"),
        expected.layer(rows, 1, prompt="p1"),
        atol=1e-3,
        rtol=2e-3,
    )
