"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real videos and annotations, or a skip that says how to get it."""
    folder = Path(os.environ.get("HEADHUNT_REAL_DATA", ROOT / ".." / "shared" / "data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no real data: set HEADHUNT_REAL_DATA to the folder (looked in {folder})")
    return folder


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint folder of a small InternVL with random weights: 4 layers x 8 heads, 2 key-value heads."""
    from headhunt.models import random

    folder = tmp_path_factory.mktemp("models") / "tiny"
    folder.mkdir()
    random.build(folder, layers=4, heads=8, hidden=64)
    return folder


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A checkpoint folder of each family, small and with random weights, by the model_type."""
    from tests.made_models import MAKERS

    folder = tmp_path_factory.mktemp("families")
    for name, make in MAKERS.items():
        (folder / name).mkdir()
        make(folder / name)
    return {name: folder / name for name in MAKERS}
