"""`import headhunt as hh`: what it offers, what it loads, and the whole way with defaults."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import headhunt as hh
from headhunt.errors import HeadhuntError
from tests.stages.synthetic import make_store

HEAVY = {"torch", "transformers", "zarr", "numpy", "scipy", "sklearn", "av"}


def test_importing_it_loads_nothing_heavy() -> None:
    code = f"import sys, headhunt as hh; dir(hh); hh.FitConfig(); print(sorted({HEAVY!r} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    for name in hh.__all__:
        found = getattr(hh, name)
        assert name in dir(hh)
        if callable(found):
            assert found.__doc__, name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hh.nothing  # noqa: B018


def test_saliency_and_the_other_rooms_are_reached_through_it() -> None:
    z, y = np.random.default_rng(0).normal(size=(20, 3, 4)), np.arange(20) % 2 == 0
    assert hh.saliency.SALIENCIES["rsa"](z, y).shape == (3,)
    assert hh.errors.HeadhuntError is HeadhuntError


def test_the_six_stages_run_with_default_configurations_on_strings(tmp_path: Path) -> None:
    path = str(tmp_path / "s.zarr")
    make_store(tmp_path / "s.zarr")
    selected = hh.select_heads(path, hh.SelectConfig(k=2), output=str(tmp_path / "heads.json"))
    fitted = hh.fit(path, output=str(tmp_path / "scorer"))
    scored = hh.score(path)
    found = hh.localize(path, output=str(tmp_path / "events.csv"))
    measured = hh.evaluate(path, hh.EvaluateConfig(n_bootstrap=0))
    assert hh.load_heads(tmp_path / "heads.json") == selected.head_set
    assert hh.load_scorer(str(tmp_path / "scorer")).heads == fitted.heads
    assert measured.frame_auc == measured["frame"]["continuous"]["frame_auc"]
    for report, words in (
        (selected, ("heads/rss", "60 segment rows", "next: fit")),
        (fitted, ("scorers/logistic", "2 heads", "next: score")),
        (scored, ("scores/logistic", "120 segments", "next: localize")),
        (found, ("events/logistic", "20 videos", "next: evaluate")),
        (measured, ("Metrics of events/logistic", "frame AUC")),
        (hh.Store(path), ("20 videos", "140 of 140 rows", "prompts p1, coarse", "scorers/logistic")),
    ):
        text = repr(report)
        assert len(text) < 300
        assert "\n" not in text
        for word in words:
            assert word in text


def test_scores_and_events_are_tables(tmp_path: Path) -> None:
    make_store(tmp_path / "s")
    hh.select_heads(tmp_path / "s", hh.SelectConfig(k=2))
    hh.fit(tmp_path / "s")
    hh.score(tmp_path / "s")
    plain = hh.scores_table(tmp_path / "s")
    assert "smoothed" not in plain
    report = hh.localize(tmp_path / "s", hh.LocalizeConfig(calibrate=True))
    scores, events = hh.scores_table(tmp_path / "s"), hh.events_table(tmp_path / "s")
    assert (scores.n_rows, events.n_rows) == (120, len(report.events))
    np.testing.assert_array_equal(scores["score"], plain["score"])
    assert [e.video for e in report.events] == events["video"].tolist()
    assert [e.peak_score for e in report.events] == events["peak_score"].tolist()
    inside = [
        any(e.video == v and e.start_frame < b and e.end_frame > a for e in report.events)
        for v, a, b in zip(scores["video"], scores["start_frame"], scores["end_frame"], strict=True)
    ]
    assert scores["event"].tolist() == inside
    assert "120 rows" in repr(scores)
    frame = pytest.importorskip("pandas") and scores.to_pandas()
    assert list(frame.columns) == list(scores)
    assert len(frame) == 120


def test_features_open_as_xarray_with_prompts_by_name(tmp_path: Path) -> None:
    pytest.importorskip("xarray")
    store = make_store(tmp_path / "s")
    data = store.to_xarray()
    assert dict(data.sizes) == {"segment": 140, "prompt": 2, "layer": 3, "head": 4, "channel": 6, "hidden": 10}
    table = store.segments()
    assert data["video"].values[0] == "00.mp4"
    np.testing.assert_array_equal(data["start_frame"], table.start_frame)
    np.testing.assert_array_equal(
        data.heads.sel(prompt="coarse").isel(layer=1, segment=slice(0, 9)).values.astype(np.float32),
        store.layer(table.row[:9], 1, prompt="coarse"),
    )


def test_vadkit_says_where_the_library_is() -> None:
    import vadkit

    assert "headhunt" in str(vadkit.__doc__)
    with pytest.raises(AttributeError, match="import headhunt as hh"):
        vadkit.extract_everything  # noqa: B018
