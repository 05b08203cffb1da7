"""Benchmarks that need another machine run on this one with tiny shapes."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks import gpu
from headhunt.extraction import activations
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.passes import Passes
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig


def test_the_gpu_benchmark_runs_on_a_cpu_and_its_shares_are_the_whole(tmp_path: Path) -> None:
    before = activations._prefill, activations.SHARINGS["packed"], Decoders.frames, Passes._keep, stage.plan
    config = ExtractConfig(model="random weights", device="cpu", units="segment", batch_size=2, decoders=0)
    found = gpu.measure(gpu.SMALL, torch.device("cpu"), tmp_path, config, 6, "96x72")
    assert (found.segments, found.tokens > 16 * 4) == (12, True)  # a video is ten seconds long at least
    assert sum(found.shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in found.shares.values()), found.shares
    assert found.flops > 0
    assert found.ceiling > 0
    after = activations._prefill, activations.SHARINGS["packed"], Decoders.frames, Passes._keep, stage.plan
    assert after == before
