"""A run with a fitted scorer: what it extracts follows from the scorer; it finds what the stages find one by one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

import headhunt as hh
from headhunt.artefacts import scorers
from headhunt.chains.run import config_for, run
from headhunt.configs.extract import DECIDED
from headhunt.errors import ArtefactError, UsageError

MADE = Path(__file__).parents[1] / "data" / "first_edition"


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shutil.copytree(MADE, tmp_path / "made"))
    return tmp_path / "made"


def test_the_scorer_decides_what_is_extracted_and_the_rest_is_the_users() -> None:
    scorer = scorers.load(MADE / "steer.json")
    base = hh.ExtractConfig(batch_size=7, decoders=0, length=9, heads="all", units="video")
    made = config_for(scorer, base=base)
    assert (made.subset, made.with_context, made.units) == (scorer.heads, True, "segment")
    assert (made.length, made.stride, made.n_frames) == (48, 48, 4)
    assert [prompt.id for prompt in made.prompts.prompts] == ["coarse"]
    assert (made.model, made.dtype, made.batch_size, made.decoders) == ("model", "float32", 7, 0)
    assert config_for(scorer, base=hh.ExtractConfig(model="elsewhere")).model == "elsewhere"
    assert set(DECIDED) <= set(vars(base))


def test_a_run_gives_the_scores_that_the_stages_gave_and_writes_events(made: Path) -> None:
    report = run(
        ["videos"],
        "new.zarr",
        scorer="logistic.json",
        extraction=hh.ExtractConfig(decoders=0, batch_size=2, split="test"),
        localization=hh.LocalizeConfig(sigma=1.0, tau=0.17215),
        output="found.csv",
    )
    assert (report.extracted.videos, report.extracted.failed, report.scored.unscored) == (4, [], 0)
    then = hh.Store(made / "lean.zarr").artefact("scores", "logistic").arrays["score"]
    now = hh.scores_table(made / "new.zarr")["score"]
    np.testing.assert_allclose(now, then, atol=2e-4)
    lines = (made / "found.csv").read_text().splitlines()
    assert len(lines) == 1 + len(report.localized.events)


def test_smoothing_and_threshold_come_from_the_store_that_gives_the_scorer(made: Path) -> None:
    hh.fit("full.zarr", hh.FitConfig(heads="rss"))
    hh.score("full.zarr", hh.ScoreConfig(scorer="logistic"))
    tuned = hh.localize("full.zarr", hh.LocalizeConfig(calibrate=True, split="train", min_frames=3))
    report = run("videos", "new.zarr", origin="full.zarr", extraction=hh.ExtractConfig(decoders=0, limit=1))
    assert (report.localized.sigma, report.localized.tau) == (tuned.sigma, tuned.tau)


def test_exactly_one_scorer_is_named(made: Path) -> None:
    for given in ({}, {"scorer": "logistic.json", "origin": "full.zarr"}):
        with pytest.raises(UsageError, match="a scorer is needed"):
            run("videos", "new.zarr", **given)
    assert not (made / "new.zarr").exists()


def test_a_scorer_that_says_nothing_of_its_features_is_refused() -> None:
    scorer = scorers.load(MADE / "logistic.json")
    empty = hh.Scorer(scorer.method, scorer.heads, scorer.head_dim, scorer.hidden, scorer.arrays, {})
    with pytest.raises(ArtefactError, match="does not say what features"):
        config_for(empty, base=hh.ExtractConfig())
