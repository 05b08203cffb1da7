"""A run with a fitted scorer: what it extracts follows from the scorer; it finds what the stages find one by one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest

import headhunt as hh
from headhunt.artefacts import scorers
from headhunt.chains.run import config_for, run
from headhunt.configs.extract import DECIDED
from headhunt.errors import ArtefactError, FingerprintError, HeadhuntError, StoreError, UsageError

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
    assert (base.packing, made.packing) == ("auto", "image")
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


@pytest.fixture
def no_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """The expensive pass must not be begun."""

    def begun(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("the expensive pass was begun")

    monkeypatch.setattr("headhunt.chains.run.extract_on_devices", begun)


@pytest.fixture
def no_video(monkeypatch: pytest.MonkeyPatch) -> None:
    """No video must be opened."""

    def opened(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("a video was opened")

    for name in ("probe", "frames"):
        monkeypatch.setattr(f"headhunt.extraction.decoders.Decoders.{name}", opened)


def copied(made: Path, name: str) -> Path:
    """The fitted scorer under another name."""
    for ending in ("safetensors", "json"):
        shutil.copy(made / f"logistic.{ending}", made / f"{name}.{ending}")
    return made / f"{name}.json"


@pytest.mark.usefixtures("no_pass")
@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"output": "found.txt"}, "cannot be written in this format"),
        ({"output": "none/found.csv"}, "No such file"),
        ({"output": "logistic.json/found.csv"}, "Not a directory"),
        ({"output": "videos.csv"}, "not a file"),
        ({"output": "x" * 300 + ".csv"}, "too long"),
        ({"output": "a\0.csv"}, "null"),
        ({"scorer": "none.json"}, "a scorer cannot be read"),
        ({"scorer": "damaged.json"}, "damaged"),
        ({"scorer": "a name.json"}, "no result can have this name"),
        ({"store_path": "file"}, "in the way"),
        ({"store_path": "folder"}, "in the way"),
        ({"store_path": "file/store"}, "cannot write"),
        ({"store_path": "a\0"}, "no store can be called"),
        ({"localization": hh.LocalizeConfig(name="../x")}, "no result can have this name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_be_refused_is_refused_before_the_pass(made: Path, options: dict[str, object], says: str) -> None:
    (made / "file").write_text("x")
    (made / "folder").mkdir()
    (made / "folder" / "x").write_text("x")
    (made / "videos.csv").mkdir()
    copied(made, "a name")
    copied(made, "damaged").write_text("{")
    before = sorted(made.rglob("*"))
    with pytest.raises(HeadhuntError, match=says):
        run(**({"videos": "videos", "store_path": "new.zarr", "scorer": "logistic.json"} | options))
    assert sorted(made.rglob("*")) == before


@pytest.mark.usefixtures("no_pass")
def test_a_store_that_has_no_sound_scorer_is_refused_before_the_pass(made: Path) -> None:
    hh.fit("full.zarr", hh.FitConfig(heads="rss"))
    file = made / "full.zarr" / "scorers" / "logistic" / "zarr.json"
    data = json.loads(file.read_text())
    data["attributes"]["facts"]["heads"] = [[0.5, 1]]
    file.write_text(json.dumps(data))
    for origin in ("full.zarr", "none.zarr"):
        with pytest.raises(StoreError) as caught:
            run("videos", "new.zarr", origin=origin)
        assert caught.value.exit_code == 4


@pytest.mark.usefixtures("no_video")
@pytest.mark.parametrize("key", ["weights", "config", "architecture", "preprocess"])
def test_a_scorer_of_another_model_is_refused_before_a_video_is_opened(made: Path, key: str) -> None:
    scorer = copied(made, "other")
    data = json.loads(scorer.read_text())
    data["facts"]["fingerprint"][key] = {"height": 8} if key == "preprocess" else "another"
    scorer.write_text(json.dumps(data))
    with pytest.raises(FingerprintError, match=f"the scorer was fitted on other features.*\n.*{key}"):
        run("videos", "new.zarr", scorer=scorer, extraction=hh.ExtractConfig(decoders=0))
    assert not (made / "new.zarr").exists()


@pytest.mark.usefixtures("no_video")
def test_a_scorer_of_heads_that_the_model_lacks_is_refused_before_a_video_is_opened(made: Path) -> None:
    scorer = copied(made, "other")
    data = json.loads(scorer.read_text())
    data["heads"][0] = [99, 0]
    scorer.write_text(json.dumps(data))
    with pytest.raises(HeadhuntError, match=r"\(99, 0\)"):
        run("videos", "new.zarr", scorer=scorer, extraction=hh.ExtractConfig(decoders=0))
    assert not (made / "new.zarr").exists()
