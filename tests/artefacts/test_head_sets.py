"""A head set is one value, wherever it is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from headhunt.artefacts import head_sets
from headhunt.errors import ArtefactError
from headhunt.store import Store


def test_a_head_set_is_the_same_in_a_store_and_in_a_file(learnt: Path, tmp_path: Path) -> None:
    stored = Store(learnt).artefact("heads", "rss")
    assert head_sets.of(stored) == head_sets.read_file(tmp_path / "heads.json")
    assert stored.arrays["picked_head"].tolist() == [h.head for h in head_sets.of(stored).heads]
    (tmp_path / "heads.json").write_text("[")
    with pytest.raises(ArtefactError, match="is not a head set"):
        head_sets.read_file(tmp_path / "heads.json")
