"""Frames to the model's tile: which file's settings hold, and the resizing kernel."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given

from headhunt.errors import ModelError
from headhunt.models.preprocess import Preprocess, from_json, read_settings, square_tile
from tests.hostile import mutated
from tests.soak import drawn


@pytest.mark.parametrize("shape", [(37, 61), (448, 448), (1, 1), (500, 20)])
def test_resizing_is_the_antialiased_uint8_kernel(shape: tuple[int, int]) -> None:
    settings = Preprocess(56, 42, (0.5, 0.5, 0.5), (0.2, 0.3, 0.4), "bicubic")
    frame = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    pixels = torch.from_numpy(frame).permute(2, 0, 1)[None]
    expected = F.interpolate(pixels, size=(56, 42), mode="bicubic", antialias=True)[0].numpy()
    assert settings.resize(frame).dtype == np.uint8
    np.testing.assert_array_equal(settings.resize(frame), expected)
    normal = settings.normalize(torch.from_numpy(settings.resize(frame)))
    by_hand = (expected / 255 - np.array(settings.mean)[:, None, None]) / np.array(settings.std)[:, None, None]
    np.testing.assert_allclose(normal.numpy(), by_hand, atol=1e-5)


def test_the_video_processor_has_the_first_word(tmp_path: Path) -> None:
    pixels = {"size": {"height": 8, "width": 8}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(pixels))
    assert square_tile(read_settings(tmp_path)).height == 8
    larger = pixels | {"size": {"height": 16, "width": 16}}
    (tmp_path / "video_preprocessor_config.json").write_text(json.dumps(larger))
    assert square_tile(read_settings(tmp_path)).height == 16
    largest = pixels | {"size": {"height": 32, "width": 32}}
    (tmp_path / "processor_config.json").write_text(json.dumps({"video_processor": largest}))
    assert square_tile(read_settings(tmp_path)).height == 32


SETTINGS = {
    "size": {"height": 28, "width": 28},
    "image_mean": [0.5, 0.5, 0.5],
    "image_std": [0.5, 0.5, 0.5],
    "resample": 3,
    "rescale_factor": 1 / 255,
    "do_center_crop": None,
}


@drawn()
@given(text=mutated({"video_processor": SETTINGS, "processor_class": "X"}))
def test_any_processor_configuration_gives_pixels_or_is_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "processor_config.json").write_bytes(text)
    try:
        made = square_tile(read_settings(tmp_path))
    except ModelError:
        return
    assert 1 <= made.height <= 1 << 14
    assert from_json(made.to_json()) == made
