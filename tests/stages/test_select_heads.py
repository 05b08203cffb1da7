"""Selecting heads: the heads that know are found, by every saliency, in the order of their rank."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts import references
from headhunt.errors import UsageError
from headhunt.records import Head
from headhunt.saliency import SALIENCIES
from headhunt.stages.labelled_rows import labelled_rows
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.stages.synthetic import KNOWING, make_store


@pytest.mark.parametrize("saliency", ["rss", *SALIENCIES])
def test_every_saliency_finds_the_heads_that_know(tmp_path: Path, saliency: str) -> None:
    make_store(tmp_path / "s")
    report = select_heads(tmp_path / "s", SelectConfig(saliency=saliency, k=2), output=tmp_path / "heads.json")
    assert set(report.head_set.heads) == set(KNOWING)
    assert (report.unit, report.rows, report.videos) == ("segment", 60, 10)
    from_file = references.heads(str(tmp_path / "heads.json"), None)
    from_store = references.heads(saliency, Store(tmp_path / "s"))
    assert from_file.head_set == from_store.head_set == report.head_set
    assert (from_file.name, from_store.name) == (None, saliency)


def test_the_stored_saliencies_are_those_of_the_features(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(metric="rss", k=2))
    found = store.artefact("heads", "rss")
    rows = labelled_rows(store)
    for p in range(2):
        for layer in range(3):
            z = store.layer(rows.table.row, layer, prompt=store.prompts[p])
            for m, metric in enumerate(found.facts["metrics"]):
                np.testing.assert_allclose(found.arrays["saliency"][m, p, layer], SALIENCIES[metric](z, rows.y))
    scaled = found.arrays["saliency"]
    low, high = scaled.min(axis=(2, 3), keepdims=True), scaled.max(axis=(2, 3), keepdims=True)
    mean = ((scaled - low) / (high - low)).mean(axis=0)
    np.testing.assert_allclose(found.arrays["score"], mean.mean(axis=0) - 0.5 * mean.std(axis=0))


def test_head_order_is_rank_order(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=12))
    found = store.artefact("heads", "rss")
    scores = found.facts["head_set"]["scores"]
    assert scores == sorted(scores, reverse=True)
    order = [Head(*pair) for pair in found.facts["head_set"]["heads"]]
    assert [float(found.arrays["score"][h.layer, h.head]) for h in order] == scores


def test_only_some_indices_of_each_layer_are_ranked_as_if_the_others_were_not_there(tmp_path: Path) -> None:
    store = make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2))
    everything = store.artefact("heads", "rss").arrays
    found = select_heads(tmp_path / "s", SelectConfig(k=3, among=(0, 1), name="some"))
    some = Store(tmp_path / "s").artefact("heads", "some").arrays
    assert {h.head for h in found.head_set.heads} <= {0, 1}
    np.testing.assert_array_equal(some["saliency"][..., :2], everything["saliency"][..., :2])
    assert np.isnan(some["saliency"][..., 2:]).all()
    assert np.isnan(some["score"][:, 2:]).all()
    part = everything["saliency"][..., :2]  # scaled among themselves, not beside the heads that know
    low, high = part.min(axis=(2, 3), keepdims=True), part.max(axis=(2, 3), keepdims=True)
    mean = ((part - low) / (high - low)).mean(axis=0)
    np.testing.assert_allclose(some["score"][:, :2], mean.mean(axis=0) - 0.5 * mean.std(axis=0))


@pytest.mark.parametrize("among", [(0, 4), (2, 1)])
def test_indices_that_no_layer_has_are_refused(tmp_path: Path, among: tuple[int, int]) -> None:
    make_store(tmp_path / "s")
    with pytest.raises(UsageError, match="range of head indices"):
        select_heads(tmp_path / "s", SelectConfig(among=among))
