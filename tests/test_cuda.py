"""What only a CUDA device can show: the same numbers as the CPU's, and passes that do not fit into its memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt.demo.training import phases
from headhunt.demo.training.config import TrainConfig
from headhunt.demo.training.samples import pooled, segments_of, shots_of, told_of
from headhunt.demo.training.trainer import Trainer
from headhunt.stages.doctor import doctor
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import RowStatus, Store
from tests.made_videos import write_video

pytestmark = [
    pytest.mark.cuda,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device"),
]
CPU = ExtractConfig(model="tiny", device="cpu", dtype="float32", decoders=0)
CUDA = replace(CPU, device="cuda")


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for i in range(3):
        write_video(folder / f"{i}.mp4", 100 + 48 * i)
    return folder


@pytest.fixture(scope="module")
def known(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> np.ndarray:
    """Heads of all rows, computed on the CPU."""
    return heads_of(videos, tmp_path_factory.mktemp("cpu") / "s.zarr", CPU)


@pytest.fixture
def little_memory() -> Iterator[None]:
    """So little memory that only small passes fit."""
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    torch.cuda.set_per_process_memory_fraction(0.25 * 2**30 / total)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)


def heads_of(videos: Path, store: Path, config: ExtractConfig) -> np.ndarray:
    extract([videos], store, config)
    opened = Store(store)
    table = opened.segments()
    assert set(table.status.tolist()) == {int(RowStatus.DONE)}
    rows = np.arange(len(table))
    layers = range(opened.spec.layers)
    found = [
        opened.layer(rows, layer, prompt=opened.prompts[p]) for layer in layers for p in range(len(opened.prompts))
    ]
    return np.concatenate([part.ravel() for part in found])


def alike(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


def test_float32_on_the_device_gives_the_cpus_numbers(videos: Path, known: np.ndarray, tmp_path: Path) -> None:
    found = heads_of(videos, tmp_path / "s.zarr", CUDA)
    np.testing.assert_allclose(found, known, atol=5e-3, rtol=5e-3)
    assert alike(found, known) > 0.99999


def test_decoders_in_other_processes_and_batches_that_are_found(
    videos: Path, known: np.ndarray, tmp_path: Path
) -> None:
    found = heads_of(videos, tmp_path / "s.zarr", replace(CUDA, decoders=2, batch_size="auto"))
    assert alike(found, known) > 0.99999


def test_bfloat16_is_close(videos: Path, known: np.ndarray, tmp_path: Path) -> None:
    found = heads_of(videos, tmp_path / "s.zarr", replace(CUDA, dtype="bfloat16"))
    assert 0.99 < alike(found, known) < 1.0


@pytest.mark.usefixtures("little_memory")
def test_passes_that_do_not_fit_are_halved(videos: Path, known: np.ndarray, tmp_path: Path) -> None:
    found = heads_of(videos, tmp_path / "s.zarr", replace(CUDA, batch_size=64))
    assert alike(found, known) > 0.99999


def test_doctor_finds_nothing_wrong() -> None:
    for dtype in ("float32", "bfloat16"):
        assert not [check for check in doctor(device="cuda", dtype=dtype) if not check.ok]


def test_a_training_step_of_every_phase_learns() -> None:
    trainer = Trainer(TrainConfig(questions=3), torch.device("cuda"))
    for phase, make in enumerate((told_of, shots_of, segments_of)):
        trainer.phase = phase
        samples = make(7, split="train", n=2)
        samples = phases.look(trainer, samples if phase == 1 else pooled(samples))
        seen = [trainer.learn(phases.losses(trainer, samples), 1e-3) for _ in range(12)]
        assert np.isfinite(seen).all()
        assert seen[-1] < seen[0]
