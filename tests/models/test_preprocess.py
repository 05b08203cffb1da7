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
from headhunt.models.preprocess import Preprocess, fitted, from_json, padded_tile, read_settings, square_tile
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


FITTED = {key: value for key, value in SETTINGS.items() if key != "size"} | {"min_pixels": 3136, "max_pixels": 602112}


@pytest.mark.parametrize(
    "bounds",
    [
        {"min_pixels": 3136, "max_pixels": 602112},
        {"size": {"shortest_edge": 3136, "longest_edge": 602112}},
        {"size": {"min_pixels": 3136, "max_pixels": 602112}},
        {"size": {"shortest_edge": 1, "longest_edge": 2}, "min_pixels": 3136, "max_pixels": 602112},
    ],
)
def test_bounds_on_pixels_are_read_in_every_form_they_are_published_in(bounds: dict, tmp_path: Path) -> None:
    settings = {key: value for key, value in FITTED.items() if "pixels" not in key} | bounds
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings))
    made = fitted(read_settings(tmp_path), factor=28)
    assert (made.factor, made.least, made.most) == (28, 3136, 602112)
    tile = made.of(1080, 1920, 1)
    assert (tile.height, tile.width, tile.mean) == (560, 1008, made.mean)
    assert tile.of(2, 3, 1) is tile
    assert from_json(json.loads(json.dumps(made.to_json()))) == made


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"min_pixels": None}, "does not bound"),
        ({"max_pixels": 100}, "makes no sense"),
        ({"cap_pixels_per_frame": True}, "not supported"),
        ({"max_pixels": "many"}, "lacks a setting"),
    ],
)
def test_bounds_that_make_no_sense_are_refused(change: dict, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        fitted(FITTED | change, factor=28)


@drawn()
@given(text=mutated(FITTED))
def test_any_bounds_give_pixels_or_are_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "preprocessor_config.json").write_bytes(text)
    try:
        made = fitted(read_settings(tmp_path, "image"), factor=28)
    except ModelError:
        return
    assert from_json(made.to_json()) == made
    assert made.of(240, 320, 1).height % 28 == 0


def test_a_frame_becomes_square_in_the_mean_colour() -> None:
    tile = padded_tile(SETTINGS | {"size": {"height": 4, "width": 4}, "image_mean": [0.1, 0.5, 0.9]})
    assert tile.background == (25, 127, 229)
    found = tile.resize(np.zeros((2, 4, 3), np.uint8)[:, :, :])
    assert found[:, 0, 0].tolist() == [25, 127, 229] == found[:, 3, 3].tolist()
    assert found[:, 1:3].max() == 0
    tall = tile.resize(np.zeros((4, 1, 3), np.uint8))
    assert tall[0].tolist() == [[25, 0, 25, 25]] * 4
    assert from_json(json.loads(json.dumps(tile.to_json()))) == tile
    assert "background" not in square_tile(SETTINGS).to_json()


def test_images_are_read_by_the_image_processors_settings(tmp_path: Path) -> None:
    for name, side in (("video_processor", 8), ("image_processor", 16)):
        data = json.loads((tmp_path / "p.json").read_text()) if (tmp_path / "p.json").is_file() else {}
        (tmp_path / "p.json").write_text(
            json.dumps(data | {name: SETTINGS | {"size": {"height": side, "width": side}}})
        )
    (tmp_path / "p.json").rename(tmp_path / "processor_config.json")
    assert square_tile(read_settings(tmp_path)).height == 8
    assert square_tile(read_settings(tmp_path, "image")).height == 16
