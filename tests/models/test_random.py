"""Models of random weights: equal on every machine."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from headhunt.models import random as embedded


def test_the_embedded_model_is_the_same_everywhere(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        torch.rand(3)  # a global random state must not matter
        embedded.build(tmp_path / name, layers=2, heads=4, hidden=32)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("a", "b"))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[k], b[k]) for k in a)
