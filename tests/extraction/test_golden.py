"""Golden activations: kept beside a checkpoint, met by the same weights, missed by others."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from safetensors.torch import load_file, save_file

from headhunt import models
from headhunt.errors import ArtefactError
from headhunt.extraction import golden
from headhunt.stages.doctor import doctor
from tests.hostile import mutated
from tests.soak import drawn


@pytest.fixture
def kept(tiny: Path, tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(tiny, tmp_path / "model"))
    golden.save(golden.measure(models.load(str(folder))), folder)
    return folder


def test_the_same_weights_say_the_same(kept: Path) -> None:
    known = golden.read(kept)
    assert known is not None
    assert known.length.shape == (4, 8)
    assert (known.length > 0).all()
    assert (np.abs(known.along) <= known.length + 1e-6).all()
    assert known.error(golden.measure(models.load(str(kept)))) < 1e-5
    assert known.error(golden.measure(models.load(str(kept), dtype="bfloat16"))) < 5e-2
    model = next(check for check in doctor(model=str(kept)) if check.name == "model")
    assert model.ok
    assert "golden activations met" in model.detail


def test_other_weights_are_found_by_the_doctor(kept: Path) -> None:
    weights = load_file(kept / "model.safetensors")
    name = next(n for n in sorted(weights) if n.endswith("v_proj.weight"))
    save_file(weights | {name: weights[name] * 1.05}, kept / "model.safetensors", metadata={"format": "pt"})
    model = next(check for check in doctor(model=str(kept)) if check.name == "model")
    assert not model.ok
    assert "do not say what they said" in model.detail


def test_a_checkpoint_without_them_is_not_judged_by_them(tiny: Path) -> None:
    assert golden.read(tiny) is None
    model = next(check for check in doctor(model=str(tiny)) if check.name == "model")
    assert model.ok
    assert "golden" not in model.detail


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "{}", '{"format": "headhunt-golden", "version": 2, "length": [[1]], "along": [[1]]}',
        '{"format": "headhunt-golden", "version": 1, "length": [[1]], "along": [[1, 2]]}',
        '{"format": "headhunt-golden", "version": 1, "length": [[NaN]], "along": [[1]]}',
        '{"format": "headhunt-golden", "version": 1, "length": "x", "along": [[1]]}',
    ],
)  # fmt: skip
def test_damaged_files_are_said_to_be(tmp_path: Path, text: str) -> None:
    (tmp_path / golden.FILE).write_text(text)
    with pytest.raises(ArtefactError, match=r"damaged|of another"):
        golden.read(tmp_path)


def test_other_shapes_never_agree() -> None:
    one, two = (golden.Golden(np.ones((2, n)), np.ones((2, n))) for n in (3, 4))
    assert one.error(two) == float("inf")
    nothing = golden.Golden(np.zeros((1, 1)), np.zeros((1, 1)))
    assert nothing.error(nothing) == float("inf")


GOLDEN = {"format": golden.FORMAT, "version": 1, "length": [[1.5, 2.0], [3.0, 1e-6]], "along": [[0, -1.0], [0.5, 2]]}


@drawn()
@given(text=mutated(GOLDEN))
def test_any_file_is_golden_or_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / golden.FILE).write_bytes(text)
    try:
        found = golden.read(tmp_path)
    except ArtefactError:
        return
    assert found is not None
    assert found.length.shape == found.along.shape
    assert np.isfinite([found.length, found.along]).all()
