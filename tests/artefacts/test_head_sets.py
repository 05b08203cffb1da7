"""A head set is one value, wherever it is kept."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given

from headhunt.artefacts import head_sets
from headhunt.errors import ArtefactError
from headhunt.records import Head, HeadSet, canonical_json
from headhunt.store import Store
from tests.hostile import mutated
from tests.soak import drawn


def test_a_head_set_is_the_same_in_a_store_and_in_a_file(learnt: Path, tmp_path: Path) -> None:
    stored = Store(learnt).artefact("heads", "rss")
    assert head_sets.of(stored) == head_sets.read_file(tmp_path / "heads.json")
    assert stored.arrays["picked_head"].tolist() == [h.head for h in head_sets.of(stored).heads]
    (tmp_path / "heads.json").write_text("[")
    with pytest.raises(ArtefactError, match="is not a head set"):
        head_sets.read_file(tmp_path / "heads.json")


SOUND = HeadSet((Head(2, 1), Head(0, 3)), (0.5, -1.25), "rss", {"seed": 0, "config": {"k": 2, "among": [0, 7]}})


@pytest.mark.parametrize(
    "change",
    [
        {"heads": [[1.9, 0], [0, 3]]},
        {"heads": [["1", 0], [0, 3]]},
        {"heads": [[True, 0], [0, 3]]},
        {"heads": [[2, 1, 0], [0, 3]]},
        {"heads": [[-1, 0], [0, 3]]},
        {"heads": [[10**400, 0], [0, 3]]},
        {"heads": {"2": 1}},
        {"scores": ["0.5", 1]},
        {"scores": [True, 1]},
        {"scores": [10**400, 1]},
        {"metric": None},
        {"provenance": []},
        {"provenance": None},
        {"version": True},
        {"version": 1.0},
        {"format": ["headhunt-heads"]},
    ],
    ids=lambda change: str(change)[:40],
)
def test_a_head_set_is_strict_in_its_types(tmp_path: Path, change: dict[str, object]) -> None:
    (tmp_path / "a.json").write_text(json.dumps(SOUND.to_json() | change))
    with pytest.raises(ArtefactError, match=r"a\.json"):
        head_sets.read_file(tmp_path / "a.json")


def test_a_later_version_may_add_keys_and_an_editor_a_byte_order_mark(tmp_path: Path) -> None:
    text = json.dumps(SOUND.to_json() | {"colour": "green"})
    (tmp_path / "a.json").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert head_sets.read_file(tmp_path / "a.json") == SOUND


@drawn()
@given(text=mutated(SOUND.to_json()))
def test_any_file_is_a_head_set_or_refused(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "a.json").write_bytes(text)
    try:
        found = head_sets.read_file(tmp_path / "a.json")
    except ArtefactError:
        return
    assert all(type(index) is int for head in found.heads for index in (head.layer, head.head))
    assert all(type(score) is float and math.isfinite(score) for score in found.scores)
    assert HeadSet.from_json(json.loads(canonical_json(found.to_json()))) == found
