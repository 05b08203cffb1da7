"""Loading a checkpoint: what is accepted, what is refused and why, and what the fingerprint depends on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from headhunt import models
from headhunt.errors import ModelError
from headhunt.models import random as embedded
from headhunt.models.backbone import find_decoder, prove_heads
from headhunt.models.families import internvl
from headhunt.models.preprocess import Preprocess, read_settings, square_tile


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


def test_many_frames_go_through_the_vision_tower_in_passes_that_change_nothing(
    tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = models.load(str(tiny), device="cpu", dtype="float32")
    sizes: list[int] = []
    one.vision_layers[0].register_forward_pre_hook(lambda _m, args: sizes.append(len(args[0])))
    shape = (7, 3, one.preprocess.height, one.preprocess.width)
    frames = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = one.encode_frames(frames)
        assert sizes == [7]
        monkeypatch.setattr(internvl, "LARGEST_ON_CPU", 1)  # a pass has one frame at least
        torch.testing.assert_close(one.encode_frames(frames), whole, atol=1e-5, rtol=1e-4)
        assert sizes[1:] == [1] * 7
        sizes.clear()
        vision = one.model.config.vision_config
        a_token = max(3 * vision.hidden_size, vision.intermediate_size) * 4
        tokens = 1 + shape[2] * shape[3] // (vision.patch_size[0] * vision.patch_size[1])
        monkeypatch.setattr(internvl, "LARGEST_ON_CPU", 4 * tokens * a_token)
        torch.testing.assert_close(one.encode_frames(frames), whole, atol=1e-5, rtol=1e-4)
        assert sizes == [4, 3]


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


def test_the_last_position_is_the_generation_prompt(tiny: Path) -> None:
    one = models.load(str(tiny))
    ids = one.token_ids("Is it?", n_frames=2, frame_text="Frame{i}: <image>\n", system="Look.")
    text = AutoTokenizer.from_pretrained(tiny).decode(ids)
    tile = "<img>" + "<IMG_CONTEXT>" * 4 + "</img>"
    assert text == (
        "<|im_start|>system\nLook.<|im_end|>\n<|im_start|>user\n"
        f"Frame1: {tile}\nFrame2: {tile}\nIs it?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_a_prompt_cannot_smuggle_in_frames(tiny: Path) -> None:
    one = models.load(str(tiny))
    with pytest.raises(ModelError, match="image token"):
        one.token_ids("<IMG_CONTEXT>", n_frames=1, frame_text="<image>", system=None)


def test_the_embedded_model_is_the_same_everywhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        torch.rand(3)  # a global random state must not matter
        embedded.build(tmp_path / name, layers=2, heads=4, hidden=32)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)


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
    with pytest.raises(ModelError, match=says):
        models.load(str(copy)).token_ids("x", n_frames=2, frame_text="<image>", system=None)


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


def test_heads_that_do_not_add_up_are_found(tiny: Path) -> None:
    one = models.load(str(tiny))
    handle = one.decoder.layers[1].self_attn.o_proj.register_forward_hook(lambda _m, _a, out: out * 1.5)
    try:
        with pytest.raises(ModelError, match="do not add up"):
            prove_heads(one.decoder, one.spec, device=one.device, tolerance=1e-4)
    finally:
        handle.remove()


def test_a_model_without_a_text_decoder_is_refused() -> None:
    with pytest.raises(ModelError, match="no single text decoder"):
        find_decoder(torch.nn.Sequential(torch.nn.Linear(2, 2)))


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
