"""Artefacts come back, and know when what they were made from has changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts import freshness
from headhunt.errors import InputError, StaleError, StoreError
from headhunt.store import Store
from tests.made_stores import make


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
    assert freshness.check(store, found) == ()
    assert write("heads", "rss", 1.0, {}).digest == heads.digest  # the same again is not a change
    assert freshness.check(store, found) == ()
    write("heads", "rss", 9.0, {})
    with pytest.raises(StaleError, match=r"scorers/one of .* was made from heads/rss"):
        freshness.check(store, found)
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


def put(store: Store, value: float) -> None:
    store.write_artefact(
        "heads",
        "rss",
        stage="x",
        config={},
        seed=None,
        inputs={},
        facts={"value": value},
        arrays={"a": (np.full(3, value), ("n",)), "b": (np.full(3, -value), ("n",))},
    )


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in sorted(folder.rglob("*")) if f.is_file()}


@pytest.mark.parametrize("call", ["write_bytes", "rename"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_disk_that_refuses_leaves_the_artefact_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, after: int
) -> None:
    store = make(tmp_path / "s")
    put(store, 1.0)
    before, plainly, calls = files_of(store.path), getattr(Path, call), []

    def refuse(*args: object) -> object:
        calls.append(args)
        if len(calls) == after + 1:
            raise OSError(28, "No space left on device")
        return plainly(*args)

    monkeypatch.setattr(Path, call, refuse)
    with pytest.raises(StoreError, match=r"cannot write .*heads/rss[\s\S]*No space left"):
        put(store, 2.0)
    monkeypatch.undo()
    assert len(calls) > after
    assert files_of(store.path) == before
    assert Store(store.path).artefact("heads").facts == {"value": 1.0}
    put(store, 2.0)
    assert Store(store.path).artefact("heads").arrays["b"].tolist() == [-2.0] * 3


def test_what_a_killed_stage_left_is_no_artefact(tmp_path: Path) -> None:
    store = make(tmp_path / "s")
    put(store, 1.0)
    shutil.copytree(store.path / "heads" / "rss", store.path / "heads" / ".0123456789abcdef.new")
    again = Store(store.path)
    assert again.names("heads") == ("rss",)
    assert again.artefact("heads").name == "rss"
