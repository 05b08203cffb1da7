"""Loading a checkpoint: what is accepted, what is refused and why, and what the fingerprint depends on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from headhunt import models
from headhunt.errors import ModelError
from headhunt.models import random as embedded
from headhunt.models.backbone import sample_grid


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "copy"))


def edit(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text())
    data.update(changes)
    path.write_text(json.dumps(data))


def test_sizes_are_read_from_the_model(tiny: Path) -> None:
    one = models.load(str(tiny))
    assert (one.spec.layers, one.spec.heads, one.spec.head_dim, one.spec.hidden) == (4, 8, 8, 64)
    assert one.head_error < 1e-5
    assert not any(p.requires_grad for p in one.model.parameters())
    assert not one.model.training


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_precision_is_as_asked_for(tiny: Path, dtype: str) -> None:
    one = models.load(str(tiny), dtype=dtype)
    assert one.dtype == getattr(torch, dtype)
    assert one.fingerprint["dtype"] == dtype


def test_the_fingerprint_follows_weights_and_configuration_not_the_folder(tiny: Path, copy: Path) -> None:
    original = models.load(str(tiny)).fingerprint
    assert models.load(str(copy)).fingerprint == original
    edit(copy / "config.json", image_token_id=json.loads((copy / "config.json").read_text())["image_token_id"])
    assert models.load(str(copy)).fingerprint == original
    weights = load_file(copy / "model.safetensors")
    name = sorted(weights)[0]
    weights[name].view(-1)[0] += 1
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    changed = models.load(str(copy)).fingerprint
    assert {k for k in original if original[k] != changed[k]} == {"weights"}


def test_a_model_of_random_weights_says_so_and_the_alias_means_the_embedded_one(tiny: Path) -> None:
    assert any("RANDOM" in note for note in models.load(str(tiny)).notes)
    assert models.resolve("tiny") == str(embedded.EMBEDDED)
    assert models.resolve("internvl3") == "OpenGVLab/InternVL3-8B-hf"


def break_weights(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    del weights[next(name for name in sorted(weights) if "o_proj" in name)]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda d: (d / "config.json").unlink(), "not a checkpoint folder"),
        (lambda d: (d / "config.json").write_text("{"), "cannot load"),
        (lambda d: edit(d / "config.json", model_type="qwen2"), "not supported|cannot load"),
        (lambda d: (d / "model.safetensors").write_bytes(b"x" * 100), "cannot load"),
        (lambda d: (d / "model.safetensors").unlink(), "cannot load"),
        (break_weights, "lacks weights"),
        (
            lambda d: [(d / n).unlink() for n in ("preprocessor_config.json", "video_preprocessor_config.json")],
            "processor",
        ),
        (lambda d: edit(d / "video_preprocessor_config.json", size={"height": 28, "width": 28}), "disagrees"),
        (lambda d: edit(d / "video_preprocessor_config.json", rescale_factor=1.0), "not supported"),
        (lambda d: edit(d / "video_preprocessor_config.json", image_std=[0, 0, 0]), "makes no sense"),
        (lambda d: edit(d / "video_preprocessor_config.json", resample=99), "lacks a setting"),
        (lambda d: (d / "video_preprocessor_config.json").write_text("nope"), "not JSON"),
        (lambda d: (d / "chat_template.jinja").unlink(), "no chat template"),
        (lambda d: (d / "chat_template.jinja").write_text("nothing of the messages"), "lost frames"),
        (lambda d: [f.unlink() for f in d.glob("tokenizer*")], "cannot load|not one token"),
    ],
)
def test_a_damaged_checkpoint_is_refused_in_one_clear_error(copy: Path, damage, says: str) -> None:
    damage(copy)

    def ask() -> None:
        one = models.load(str(copy))
        one.token_ids("x", grid=sample_grid(one, 2), frame_text="<image>", system=None)

    with pytest.raises(ModelError, match=says):
        ask()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"dtype": "float16"}, "unknown dtype"),
        ({"attn": "flash"}, "unknown attention"),
        ({"device": "cuda:99"}, "cannot be used here"),
        ({"device": "quantum"}, "cannot be used here"),
        ({"revision": "main"}, "no revisions"),
    ],
)
def test_options_that_cannot_be_had_are_refused(tiny: Path, options: dict, says: str) -> None:
    with pytest.raises(ModelError, match=says):
        models.load(str(tiny), **options)


def test_a_hub_model_that_is_not_on_disk_is_told_offline() -> None:
    with pytest.raises(ModelError, match="cannot load OpenGVLab/InternVL3-8B-hf"):
        models.load("internvl3", offline=True)


@pytest.mark.parametrize("name", ["", "a/b/c", "./nowhere", "/nowhere", "~nobody/x"])
def test_names_that_are_nothing_are_told(name: str) -> None:
    with pytest.raises(ModelError, match="no model"):
        models.load(name)


def test_a_hub_snapshot_is_known_by_its_commit(tiny: Path, tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    folder = Path(shutil.copytree(tiny, tmp_path / "snapshots" / commit))
    assert models.load(str(folder)).fingerprint["weights"] == f"commit:{commit}"
