"""Artefacts come back, and know when what they were made from has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import InputError, StaleError
from headhunt.store import Store
from tests.stores import make


def test_artefacts_come_back_and_know_when_they_are_stale(tmp_path: Path) -> None:
    store = make(tmp_path / "s")

    def write(kind: str, name: str, value: float, inputs: dict[str, str]):
        return store.write_artefact(
            kind,
            name,
            stage="x",
            config={"k": 1},
            seed=3,
            inputs=inputs,
            facts={"ü": [1, None]},
            arrays={
                "a": (np.array([value]), ("n",)),
                "t": (np.array(["é", ""]), ("m",)),
                "none": (np.empty(0), ("z",)),
            },
        )

    heads = write("heads", "rss", 1.0, {})
    scorer = write("scorers", "one", 2.0, {"heads/rss": heads.digest})
    found = Store(tmp_path / "s").artefact("scorers")
    assert (found.name, found.digest, found.facts) == ("one", scorer.digest, {"ü": [1, None]})
    assert found.arrays["t"].tolist() == ["é", ""]
    assert found.arrays["none"].shape == (0,)
    store.check_fresh(found)
    assert write("heads", "rss", 1.0, {}).digest == heads.digest  # the same again is not a change
    store.check_fresh(found)
    write("heads", "rss", 9.0, {})
    with pytest.raises(StaleError, match="heads/rss"):
        store.check_fresh(found)
    for name in ("", "a/b", "..", ".hidden", "a b"):
        with pytest.raises(InputError):
            write("heads", name, 1.0, {})


def test_an_unfinished_artefact_does_not_count(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    with pytest.raises(StaleError, match="select-heads"):
        store.artefact("heads")
    store.root.require_group("heads").create_group("rss").attrs["made_by"] = {}
    assert store.names("heads") == ()
    with pytest.raises(StaleError):
        store.artefact("heads", "rss")
