"""What a name, a file or another store means, for heads, scorers and a lean extraction."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from headhunt.artefacts import references
from headhunt.artefacts.references import look_up
from headhunt.configs import ExtractConfig
from headhunt.errors import ArtefactError, FingerprintError, StaleError, UsageError
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import make_store


@pytest.fixture
def learnt(tmp_path: Path) -> Path:
    make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2), output=tmp_path / "heads.json")
    fit(tmp_path / "s", FitConfig(), output=tmp_path / "scorer")
    return tmp_path / "s"


def test_heads_by_name_file_store_or_none_are_the_same(learnt: Path, tmp_path: Path) -> None:
    store = Store(learnt)
    found = [references.heads(which, store) for which in (None, "rss", str(tmp_path / "heads.json"), str(learnt))]
    assert len({one.head_set.heads for one in found}) == 1
    assert [one.name for one in found] == ["rss", "rss", None, None]
    assert found[0].digest == store.artefact("heads", "rss").digest


def test_heads_of_another_model_are_refused(learnt: Path, tmp_path: Path) -> None:
    make_store(tmp_path / "other", weights="sha256:another")
    for which in (str(tmp_path / "heads.json"), str(learnt)):
        with pytest.raises(FingerprintError, match=r"weights: found in sha256:0, now sha256:another"):
            references.heads(which, Store(tmp_path / "other"))


def test_heads_that_are_not_there_are_told(learnt: Path, tmp_path: Path) -> None:
    with pytest.raises(StaleError):
        references.heads("lda", Store(learnt))
    with pytest.raises(ArtefactError, match="does not exist"):
        references.heads(str(tmp_path / "none.json"), Store(learnt))
    with pytest.raises(UsageError, match="needs a store"):
        references.heads("random:2", None)


def test_a_scorer_by_name_and_by_file_is_the_same(learnt: Path, tmp_path: Path) -> None:
    store = Store(learnt)
    by_name = references.scorer(None, store, None)
    by_file = references.scorer(str(tmp_path / "scorer.json"), store, None)
    assert (by_name.name, by_file.name) == ("logistic", "scorer")
    assert list(by_name.inputs) == ["scorers/logistic"]
    assert list(by_file.inputs) == ["file:scorer.json"]
    assert by_name.scorer.arrays["coef"].tobytes() == by_file.scorer.arrays["coef"].tobytes()
    assert list(references.scorer(None, store, Store(learnt)).inputs) == ["from:scorers/logistic"]


def test_what_a_lean_extraction_keeps_follows_from_the_store_it_names(learnt: Path, tmp_path: Path) -> None:
    config = look_up(ExtractConfig(heads=str(learnt)), tmp_path / "new.zarr")
    scorer = references.scorer(None, Store(learnt), None).scorer
    assert (config.subset, config.prompt_ids, config.with_context) == (scorer.heads, ("coarse",), False)
    assert config.like == learnt
    own = look_up(ExtractConfig(heads=str(learnt), context=True, prompt_ids=("p1",)), None)
    assert (own.with_context, own.prompt_ids) == (True, ("p1",))
    fit(learnt, FitConfig(method="steer", epochs=1))
    assert look_up(ExtractConfig(heads=str(learnt)), None).with_context is True


def test_all_heads_and_heads_in_hand_are_left_alone(tmp_path: Path) -> None:
    for config in (ExtractConfig(), ExtractConfig(heads=None)):
        assert look_up(config, tmp_path / "none") is config
    with pytest.raises(UsageError, match="names no head set file and no store"):
        look_up(ExtractConfig(heads="rss"), tmp_path / "none")


def test_features_of_another_kind_are_refused_before_the_expensive_pass(learnt: Path) -> None:
    store = Store(learnt)
    references.check_like(store, store.fingerprint)
    with pytest.raises(FingerprintError, match="weights: fitted on sha256:0, now other"):
        references.check_like(store, replace(store.fingerprint, weights="other"))
