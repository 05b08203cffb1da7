"""Names and files that cannot be are refused by every stage before it reads a feature."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import headhunt as hh
from headhunt.errors import HeadhuntError, StoreError
from tests.stages.synthetic import chain, make_store

STAGES: dict[str, tuple[Callable[..., Any], Any, bool]] = {
    "select-heads": (hh.select_heads, hh.SelectConfig, True),
    "fit": (hh.fit, hh.FitConfig, True),
    "score": (hh.score, hh.ScoreConfig, False),
    "localize": (hh.localize, hh.LocalizeConfig, True),
    "evaluate": (hh.evaluate, hh.EvaluateConfig, False),
}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in which every stage could run, but that must not be read further."""

    def read(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("the work was begun")

    make_store(tmp_path / "s")
    chain(tmp_path / "s")
    for name in ("heads", "layers", "context", "segments", "videos"):
        monkeypatch.setattr(f"headhunt.store.Store.{name}", read)
    return tmp_path / "s"


@pytest.mark.parametrize("stage", STAGES)
def test_a_name_that_no_result_can_have(store: Path, stage: str) -> None:
    run, config, _ = STAGES[stage]
    for name in ("../x", "a b", "", "x" * 300):
        with pytest.raises(HeadhuntError, match="no result can have this name"):
            run(store, config(name=name))


@pytest.mark.parametrize("stage", [stage for stage, (_, _, writes) in STAGES.items() if writes])
def test_a_file_that_cannot_be_written(store: Path, tmp_path: Path, stage: str) -> None:
    (tmp_path / "folder.json").mkdir()
    for name in ("none/x.json", "folder.json", "s/zarr.json/x.json"):
        with pytest.raises(HeadhuntError, match="cannot be written"):
            STAGES[stage][0](store, output=tmp_path / name)


@pytest.mark.parametrize("stage", STAGES)
def test_a_store_that_may_not_be_written_to(store: Path, monkeypatch: pytest.MonkeyPatch, stage: str) -> None:
    monkeypatch.setattr("headhunt.store.opening.os.access", lambda *_arguments: False)
    with pytest.raises(StoreError, match="may not be written to"):
        STAGES[stage][0](store)
