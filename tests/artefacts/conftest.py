"""A store with heads, a scorer and scores of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.stages.fit import fit
from headhunt.stages.score import score
from headhunt.stages.select_heads import SelectConfig, select_heads
from tests.stages.synthetic import make_store


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2), output=tmp_path / "heads.json")
    fit(tmp_path / "s")
    score(tmp_path / "s")
    return tmp_path / "s"
