"""Stores and files of version 0.1.0 open, resume, score, localize and evaluate to the figures they had then."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headhunt.artefacts import references, scorers
from headhunt.artefacts.references import wanted
from headhunt.records import Head
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.extract import ExtractConfig, extract, prepare
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.inspect import inspect
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import RowStatus, Store

MADE = Path(__file__).parent / "data" / "first_edition"
TAU = {"logistic": 0.17215, "steer": 0.48655}
PLACES = {"logistic": 12, "steer": 6}  # decimal places to which scores are the same on any machine


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy to work in; the model and the videos are named as they were then, relative to it."""
    monkeypatch.chdir(shutil.copytree(MADE, tmp_path / "made"))
    return tmp_path / "made"


def config() -> ExtractConfig:
    return ExtractConfig(model="model", n_frames=4, batch_size=2, decoders=0, prompt_ids=("p1", "coarse"))


def of_these_versions(store: Path, config: ExtractConfig) -> None:
    """Say that a store was made with the packages that are installed now: others are refused, and rightly."""
    path = store / "zarr.json"
    data = json.loads(path.read_text())
    now = prepare(config).fingerprint.to_json()
    data["attributes"]["fingerprint"] |= {key: now[key] for key in ("transformers", "decoder")}
    path.write_text(json.dumps(data))


def finished_rows(store: Path) -> dict[tuple[str, int, int, int], dict[str, bytes]]:
    opened = Store(store)
    paths, table = opened.videos().path, opened.segments().done()
    arrays = {name: array[...] for name, array in opened.root["features"].arrays()}
    return {
        (paths[int(v)], int(a), int(b), int(u)): {name: values[row].tobytes() for name, values in arrays.items()}
        for row, v, a, b, u in zip(table.row, table.video, table.start_frame, table.end_frame, table.unit, strict=True)
    }


def close(now: Any, then: Any, places: int, at: str = "") -> None:
    """What was measured then is measured now; what has come since may stand beside it."""
    if isinstance(then, dict):
        for key, value in then.items():
            close(now[key], value, places, f"{at}/{key}")
    elif isinstance(then, list):
        assert len(now) == len(then), at
        for i, (a, b) in enumerate(zip(now, then, strict=True)):
            close(a, b, places, f"{at}/{i}")
    elif isinstance(then, float):
        assert now == pytest.approx(then, abs=10.0**-places), at
    else:
        assert now == then, at


def test_a_half_extracted_store_goes_on_where_it_stopped(made: Path) -> None:
    of_these_versions(made / "full.zarr", config())
    before = finished_rows(made / "full.zarr")
    assert len(before) == 40
    report = extract([Path("videos")], Path("full.zarr"), config())
    assert (report.rows_kept, report.rows_done, report.rows_failed, report.failed) == (40, 10, 0, [])
    after = finished_rows(made / "full.zarr")
    assert {key: after[key] for key in before} == before
    assert len(after) == 50
    again = extract([Path("videos")], Path("full.zarr"), config())
    assert (again.rows_kept, again.rows_done) == (50, 0)
    assert all(digest.startswith("sha256:") for digest in Store(made / "full.zarr").videos().digest)
    assert inspect(made / "full.zarr", verify=True)["damaged"] == []


def test_new_rows_are_of_the_kind_of_the_old_ones(made: Path) -> None:
    """Extracted anew, the finished rows come out as they are stored, up to rounding on another machine."""
    extract([Path("videos")], Path("new.zarr"), config())
    old, new = finished_rows(made / "full.zarr"), finished_rows(made / "new.zarr")
    for key, arrays in old.items():
        for name, stored in arrays.items():
            a, b = (np.frombuffer(x, np.float16).astype(np.float32) for x in (stored, new[key][name]))
            assert np.abs(a - b).max() <= 2e-3 * np.abs(a).max()


def test_a_store_with_all_heads_still_selects_and_fits(made: Path) -> None:
    stored = Store(made / "full.zarr")
    then = {name: stored.artefact("heads", name) for name in ("rss", "rsa")}
    assert stored.names("heads") == ("rsa", "rss")
    for name, k in (("rss", 3), ("rsa", 2)):
        found = select_heads(Path("full.zarr"), SelectConfig(metric=name, k=k))
        close(found.head_set.to_json()["heads"], then[name].facts["head_set"]["heads"], 9)
        np.testing.assert_allclose(
            Store(made / "full.zarr").artefact("heads", name).arrays["score"], then[name].arrays["score"], rtol=1e-6
        )
    arrays = {name: stored.artefact("scorers", name).arrays for name in ("logistic", "steer")}
    fit(Path("full.zarr"), FitConfig(heads="rss"))
    now = Store(made / "full.zarr").artefact("scorers", "logistic").arrays
    for name, values in arrays["logistic"].items():
        np.testing.assert_allclose(now[name], values, rtol=1e-6, atol=1e-9)


def test_files_of_heads_and_scorers_are_read(made: Path) -> None:
    heads = references.heads("heads.json", None).head_set
    assert heads.heads == (Head(2, 0), Head(2, 1), Head(0, 3))
    assert heads.saliency == "rss"
    logistic, steer = (scorers.load(f"{name}.json") for name in ("logistic", "steer"))
    assert (logistic.method, logistic.heads, logistic.hidden) == ("logistic", heads.heads, None)
    assert (steer.method, len(steer.heads), steer.hidden) == ("steer", 2, 16)
    named = wanted("full.zarr", Path("new.zarr"))
    assert set(named.heads or ()) == {*logistic.heads, *steer.heads}
    assert named.context is True


@pytest.mark.parametrize("method", ["logistic", "steer"])
@pytest.mark.parametrize("kept_as", ["store", "file"])
def test_scores_events_and_metrics_come_out_as_they_were(made: Path, method: str, kept_as: str) -> None:
    then = Store(made / "lean.zarr")
    scores, events = then.artefact("scores", method), then.artefact("events", method)
    named = (
        ScoreConfig(scorer=method, origin="full.zarr") if kept_as == "store" else ScoreConfig(scorer=f"{method}.json")
    )
    report = score(Path("lean.zarr"), replace(named, name=method))
    assert (report.segments, report.unscored) == (18, 0)
    now = Store(made / "lean.zarr").artefact("scores", method)
    np.testing.assert_array_equal(now.arrays["row"], scores.arrays["row"])
    np.testing.assert_allclose(now.arrays["score"], scores.arrays["score"], atol=10.0 ** -PLACES[method])
    output = Path("found.json")
    found = localize(
        Path("lean.zarr"),
        LocalizeConfig(tau=TAU[method], sigma=1.0, min_frames=2, merge_gap_frames=10),
        output=output,
    )
    assert found.name == method
    close(json.loads(output.read_text()), json.loads(Path(f"events-{method}.json").read_text()), PLACES[method])
    arrays = Store(made / "lean.zarr").artefact("events", method).arrays
    np.testing.assert_allclose(arrays["smoothed"], events.arrays["smoothed"], atol=10.0 ** -PLACES[method])
    result = evaluate(Path("lean.zarr"), EvaluateConfig(n_bootstrap=50))
    close(json.loads(json.dumps(result)), json.loads(Path("metrics.json").read_text())[method], PLACES[method])


def test_events_and_metrics_made_then_are_still_fresh(made: Path) -> None:
    """What was written then is evaluated as it stands, with nothing made anew."""
    result = evaluate(Path("lean.zarr"), EvaluateConfig(events="logistic", n_bootstrap=50))
    close(json.loads(json.dumps(result)), json.loads(Path("metrics.json").read_text())["logistic"], 9)
    localize(
        Path("lean.zarr"),
        LocalizeConfig(scores="logistic", tau=TAU["logistic"], sigma=1.0, min_frames=2, merge_gap_frames=10),
        output=Path("found.csv"),
    )
    assert Path("found.csv").read_text() == Path("events-logistic.csv").read_text()


def test_what_cannot_be_compared_is_told(made: Path) -> None:
    notes = score(Path("full.zarr"), ScoreConfig(scorer="logistic")).notes
    assert any("scorers/logistic, written by an earlier version, does not say which rows" in note for note in notes)


def test_it_can_be_looked_at(made: Path) -> None:
    for name, done in (("full.zarr", 40), ("lean.zarr", 18)):
        told = inspect(Path(name), verify=True)
        assert told["damaged"] == []
        assert told["segment_status"].get("done") == done
        assert all(entry["made_by"]["version"] == "0.1.0" for kind in told["artefacts"].values() for entry in kind)
    status = Store(made / "full.zarr").segments().status
    assert int((status == RowStatus.PLANNED).sum()) == 10
