"""`vadkit demo` as a user sees it: one table for one seed, mean and spread for several."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headhunt.chains import ablation
from headhunt.demo import example
from headhunt.demo.world.plan import WorldConfig
from vadkit import demo

Call = Callable[..., Any]


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "QUICK", {"n_calibration": 4, "n_val": 2, "n_test": 4, "duration_s": 10.0})
    monkeypatch.setattr(example, "rows_of", lambda _model, *, full: ablation.ROWS[:2])


def test_one_seed_then_several_each_with_a_table(vadkit: Call, tmp_path: Path) -> None:
    answer = vadkit("demo", "--quick", "--out", tmp_path / "one", "--workers", "1", "--json")
    assert answer.code == 0
    assert [result["name"] for result in answer.json["results"]] == [row.name for row in ablation.ROWS[:2]]
    assert set(answer.json["results"][0]["figures"]) == set(ablation.FIGURES)
    assert answer.json["store"] == str(tmp_path / "one" / "store.zarr")
    assert "judges nothing" in answer.err.lower()
    assert "heads by RSS: (" in answer.err
    assert "look-alikes" in answer.err

    answer = vadkit("demo", "--quick", "--out", tmp_path / "two", "--seeds", "2", "--workers", "1", "--json")
    assert answer.code == 0
    assert answer.json["seeds"] == [0, 1]
    assert [row["row"] for row in answer.json["rows"]] == [row.name.strip() for row in ablation.ROWS[:2]]
    assert all(len(row["auc"]["values"]) == 2 for row in answer.json["rows"])
    assert answer.json["rows"][0]["auc"]["values"][0] is not None
    assert 0 <= answer.json["overlap"]["rss"] <= 1
    assert "deviation over 2 seeds" in answer.err
    assert "heads of two seeds overlap by" in answer.err
    assert (tmp_path / "two" / "seed-1" / "store.zarr").is_dir()


def test_several_data_sets_are_not_rendered_at_once(vadkit: Call, tmp_path: Path) -> None:
    answer = vadkit("demo", "--videos", tmp_path / "v", "--seeds", "2")
    assert answer.code == 2
    assert "--videos renders one data set" in answer.err
    assert not (tmp_path / "v").exists()


def test_videos_left_on_disk_are_those_of_the_example() -> None:
    usual = inspect.signature(example.run).parameters
    assert {name: usual[name].default for name in demo.FULL} == demo.FULL
    assert round(demo.FULL["duration_s"] * WorldConfig().fps) % 48 == 0  # whole segments
