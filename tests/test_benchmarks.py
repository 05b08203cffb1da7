"""Benchmarks that need another machine run on this one with tiny shapes."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import torch

from benchmarks import gpu, gpu_clock
from headhunt.extraction import sharing
from headhunt.extraction.decoders import Decoders
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig

ALL = sorted(file.stem for file in Path(gpu.__file__).parent.glob("*.py") if file.stem != "__init__")


@pytest.mark.parametrize("name", ALL)
def test_every_benchmark_finds_what_it_imports(name: str) -> None:
    """What a rename in the package breaks is found here, not on the day somebody wants a figure again."""
    importlib.import_module(f"benchmarks.{name}")


def test_the_gpu_benchmark_runs_on_a_cpu_and_its_shares_are_the_whole(tmp_path: Path) -> None:
    before = sharing._prefill, sharing.SHARINGS["packed"], Decoders.frames, stage.ShardWriter, stage.plan
    config = ExtractConfig(model="random weights", device="cpu", units="segment", batch_size=2, decoders=0)
    found = gpu.measure(gpu.SMALL, torch.device("cpu"), tmp_path, config, 6, "96x72")
    assert (found.segments, found.tokens > 16 * 4) == (6, True)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in found.shares.values()), found.shares
    assert found.flops > 0
    assert found.ceiling > 0
    after = sharing._prefill, sharing.SHARINGS["packed"], Decoders.frames, stage.ShardWriter, stage.plan
    assert after == before


def test_what_the_host_does_while_the_device_works_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter(range(100))
    monkeypatch.setattr(gpu_clock.time, "perf_counter", lambda: float(next(seconds)))
    clock = gpu_clock.Clock(torch.device("cpu"))
    clock.start()  # 0, and 1 for the device
    clock._work += [("prefix", 3.0, 5.0), ("suffix", 3.0, 6.0), ("vision", 10.0, 12.0)]
    clock._host += [("decode", 1.0, 4.0), ("write", 5.5, 8.0), ("write", 11.0, 11.5), ("decode", 12.0, 14.0)]
    clock._begin_s = 0.0
    seconds = iter([20])
    assert clock.stop() == {"vision": 2, "prefix": 2, "suffix": 1, "decode": 2 + 2, "write": 2, "other": 20 - 11}
