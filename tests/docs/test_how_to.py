"""The how-tos: the file each one shows is written, imported, made known with its one line, and used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import headhunt as hh
from tests.docs.pages import DOCS, PAGES, ROOT, blocks
from tests.made_videos import write_video

HOW_TO = DOCS / "how-to"
MADE = ROOT / "tests" / "data" / "first_edition"
REGISTRIES: dict[str, MutableMapping[str, Any]] = {
    name: getattr(hh, name) for name in ("SALIENCIES", "METHODS", "READERS", "SINKS", "FAMILIES")
}


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to work in, from which modules are imported; what is made known there is forgotten afterwards."""
    modules, known = set(sys.modules), {name: set(registry) for name, registry in REGISTRIES.items()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name, registry in REGISTRIES.items():
        for added in set(registry) - known[name]:
            del registry[added]
    for name in set(sys.modules) - modules:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def follow(page: Path, place: Path, **stand_ins: str) -> dict[str, Any]:
    """Write the files that a page shows, run the rest of its Python, and give what it defined.

    Args:
        page: The page.
        place: The folder it is followed in.
        **stand_ins: Text in the page -> what stands for it here.
    """
    names: dict[str, Any] = {"__name__": page.stem}
    for block in blocks(page, "python", "text"):
        text = block.text
        for word, other in stand_ins.items():
            text = text.replace(word, other)
        if block.title:
            (place / block.title).write_text(text, encoding="utf-8")
        elif block.language == "python":
            exec(compile("\n" * (block.line - 1) + text, str(page), "exec"), names)
    return names


def test_a_saliency_is_one_file(place: Path) -> None:
    shutil.copytree(MADE / "full.zarr", "cal.zarr")
    found = follow(HOW_TO / "add-a-saliency.md", place)["found"]
    assert found.name == "gap"
    store, rows = hh.Store("cal.zarr"), 6 * 4
    assert len(found.head_set.heads) == 3
    assert store.artefact("heads").facts["head_set"]["metric"] == "gap"
    z = np.random.default_rng(0).normal(size=(rows, 5, 3))
    y = np.arange(rows) % 3 == 0
    expected = np.linalg.norm(z[y].mean(axis=0) - z[~y].mean(axis=0), axis=1)
    np.testing.assert_allclose(hh.SALIENCIES["gap"](z, y), expected, rtol=1e-12)


def test_a_scorer_is_one_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(MADE / "full.zarr", "cal.zarr")
    follow(HOW_TO / "add-a-scorer.md", place)
    scores = hh.scores_table("cal.zarr")["score"]
    assert np.isfinite(scores).sum() > 20
    assert "scores/centroid" in capsys.readouterr().out
    artefact = hh.Store("cal.zarr").artefact("scorers")
    assert artefact.made_by["config"]["options"] == {"sharpness": 2.0}
    loaded = hh.load_scorer("centroid.json")
    np.testing.assert_array_equal(loaded.arrays["normal"], artefact.arrays["normal"])
    with pytest.raises(hh.errors.UsageError, match="does not belong to centroid"):
        hh.fit("cal.zarr", hh.FitConfig(method="centroid", c=1.0))


def test_a_reader_is_one_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "videos").mkdir()
    for name in ("gate-01.mp4", "gate-02.mp4", "other.mp4"):
        (place / "videos" / name).touch()
    page = HOW_TO / "add-a-data-set.md"
    listing = next(block for block in blocks(page, "text") if block.title == "labels.txt")
    (place / "videos" / "labels.txt").write_text(listing.text + "gate-03.mp4 normal\n", encoding="utf-8")
    follow(page, place)
    assert capsys.readouterr().out.startswith("2 videos, 1 listed but not there\n")
    rows = hh.read_manifest("videos/manifest.csv")
    assert rows[1] == hh.ManifestRow("gate-02.mp4", "train", "fight", (hh.Interval(96, 150),), "fight")
    (place / "videos" / "labels.txt").write_text("gate-01.mp4 fight 12\n", encoding="utf-8")
    with pytest.raises(hh.errors.ManifestError, match=r"labels.txt, line 1: malformed frames"):
        hh.make_manifest("gates", "videos")


def test_a_sink_is_one_file(place: Path) -> None:
    shutil.copytree(MADE / "lean.zarr", "lean.zarr")
    follow(HOW_TO / "add-an-output-format.md", place, **{"tau=0.5": "tau=0.1"})
    events = hh.events_table("lean.zarr")
    text = (place / "events.srt").read_text()
    assert text.count(" --> ") == events.n_rows > 0
    assert text.startswith("1\n00:00:0")
    with pytest.raises(hh.errors.UsageError, match=r"cannot be written") as told:
        hh.localize("lean.zarr", output="events.xyz")
    assert ".srt" in str(told.value.expected)


def make_llava(folder: Path) -> None:
    """A LLaVA-1.5 with random weights: 2 layers x 4 heads, tiles of 28 x 28 pixels."""
    import torch
    import transformers

    from headhunt.models import quiet, random

    tokenizer = random.make_tokenizer()
    text = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=2048,
    )  # fmt: skip
    vision = transformers.CLIPVisionConfig(
        hidden_size=32, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
    )
    image_token = tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>")
    config = transformers.LlavaConfig(text_config=text, vision_config=vision, image_token_index=image_token)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(0)
        transformers.LlavaForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    settings = {"size": {"shortest_edge": 28}, "image_mean": [0.5, 0.5, 0.5], "image_std": [0.3, 0.3, 0.3]}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))


def test_a_family_is_one_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_llava(place / "checkpoint")
    (place / "videos").mkdir()
    write_video(place / "videos" / "a.mp4", 100)
    model = follow(HOW_TO / "add-a-family.md", place)["model"]
    assert "layers=2, heads=4, head_dim=16, hidden=64" in capsys.readouterr().out
    assert model.head_error < 1e-5
    store = hh.Store("llava.zarr")
    rows = store.segments().done()
    assert (len(rows), store.prompts) == (3, ("p1", "p2", "p3", "coarse", "detailed"))
    prompts = hh.prompts.load("headhunt5")
    pixels = np.random.default_rng(0).integers(0, 256, (2, 2, 3, 28, 28), dtype=np.uint8)
    packed, full = (
        hh.Extractor.of(model, prompts, n_frames=2, sharing=sharing)(pixels).heads for sharing in ("packed", "full")
    )
    np.testing.assert_allclose(packed, full, atol=1e-5)
    planned = hh.dry_run("videos", "none.zarr", hh.ExtractConfig(model="checkpoint", n_frames=4))
    assert planned.operations is not None
    assert min(planned.operations.vision, planned.operations.prefix, planned.operations.suffixes) > 0


LIBRARY = HOW_TO / "use-as-a-library.md"


def test_the_library_is_used_as_shown(place: Path) -> None:
    """On the first edition's model with random weights and its ten short videos."""
    shutil.copytree(MADE / "videos", "videos")
    shutil.copytree(MADE / "model", "model")
    names = follow(LIBRARY, place, internvl3="model")
    assert isinstance(names["metrics"].frame_auc, float)
    assert set(hh.scores_table("test.zarr")) >= {"video", "score", "smoothed", "event"}


def test_code_on_pages_is_clean(tmp_path: Path) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for page in PAGES:
        shown = blocks(page, "python")
        together = "\n".join(block.text for block in shown if not block.title)
        for name, text in ({block.title: block.text for block in shown} | {"used.py": together}).items():
            if name and text:
                (tmp_path / page.stem).mkdir(exist_ok=True)
                (tmp_path / page.stem / name).write_text(text, encoding="utf-8")
    ignored = "D,E402,I001,S101,T201"  # three lines of use have no docstring; a file next door is not a package
    for words in (["check", "--ignore", ignored], ["format", "--check"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "--no-cache", "."],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
