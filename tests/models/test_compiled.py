"""`--compile`: the compiled layers give what the others give, and a machine without a compiler is told so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.errors import ModelError
from headhunt.extraction.activations import Extractor
from headhunt.models.compiled import compile_layers
from headhunt.prompts import PromptSet
from headhunt.records import Prompt


def extractor(backbone: models.Backbone) -> Extractor:
    asked = PromptSet("two", (Prompt("a", "What is going on?"), Prompt("b", "Is anybody running?")), scoring="a")
    return Extractor.of(backbone, asked, n_frames=2)


def pixels(backbone: models.Backbone, rows: int) -> np.ndarray:
    shape = (rows, 2, 3, backbone.preprocess.height, backbone.preprocess.width)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torch's own, on its way to its compiler
def test_compiled_layers_give_the_same_features(tiny: Path) -> None:
    plain, compiled = models.load(str(tiny)), models.load(str(tiny))
    assert compile_layers(compiled) <= 1e-4
    assert all(part._compiled_call_impl is not None for part in compiled.vision_layers)
    one, two = extractor(plain), extractor(compiled)
    for rows in (1, 3):
        want, got = one(pixels(plain, rows)), two(pixels(plain, rows))
        assert want.context is not None
        assert got.context is not None
        np.testing.assert_allclose(got.heads, want.heads, atol=1e-4)
        np.testing.assert_allclose(got.context, want.context, atol=1e-4)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("family", ["qwen2_5_vl", "qwen3_vl", "llava_onevision"])
def test_every_family_can_be_compiled(checkpoints: dict[str, Path], family: str) -> None:
    assert compile_layers(models.load(str(checkpoints[family]))) <= 1e-4


def test_without_a_compiler_it_says_so(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = models.load(str(tiny))

    def broken(self: torch.nn.Module, **_: object) -> None:
        def call(*_args: object, **_kwargs: object) -> None:
            raise RuntimeError("InvalidCxxCompiler: no working C++ compiler found")

        self._compiled_call_impl = call

    monkeypatch.setattr(torch.nn.Module, "compile", broken)
    with pytest.raises(ModelError, match="cannot compile") as raised:
        compile_layers(backbone)
    assert "--compile" in str(raised.value.hint)


def test_layers_that_give_something_else_are_refused(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backbone = models.load(str(tiny))

    def wrong(self: torch.nn.Module, **_: object) -> None:
        plain = self._call_impl
        self._compiled_call_impl = lambda *args, **kwargs: plain(*args, **kwargs) * 1.01

    monkeypatch.setattr(torch.nn.Module, "compile", wrong)
    with pytest.raises(ModelError, match="something else"):
        compile_layers(backbone)
