"""The whole chain on real clips with the small random model: that it runs and counts right, not what it scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from headhunt.datasets.manifest import read_manifest, write_manifest
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import ScoreConfig, score
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store


@pytest.mark.real_data
def test_the_chain_on_real_clips_across_data_sets(real_data: Path, tiny: Path, tmp_path: Path) -> None:
    rows = read_manifest(real_data / "fight" / "manifest.csv")
    chosen = []
    for split in ("train", "val", "test"):
        for abnormal in (True, False):
            chosen += [r for r in rows if r.split == split and r.abnormal is abnormal][:3]
    write_manifest(chosen, tmp_path / "some.csv")
    config = ExtractConfig(model=str(tiny), n_frames=4, decoders=0)
    store = tmp_path / "fight.zarr"
    options = {"root": real_data / "fight"}
    report = extract([tmp_path / "some.csv"], store, ExtractConfig(**(vars(config) | options)))
    assert (report.videos, report.failed) == (18, [])
    select_heads(store, SelectConfig(k=2))
    fit(store, FitConfig())
    score(store, ScoreConfig())
    localize(store, LocalizeConfig(calibrate=True))
    result = json.loads(json.dumps(evaluate(store, EvaluateConfig(n_bootstrap=10)), allow_nan=False))
    assert (result["counts"]["n_videos"], result["counts"]["n_abnormal_videos"]) == (6, 3)
    other = tmp_path / "ped2.zarr"
    ped2 = ExtractConfig(**(vars(config) | {"split": "test", "units": "segment"}))
    extract([real_data / "ped2"], other, ped2)
    score(other, ScoreConfig(origin=str(store)))
    localize(other, LocalizeConfig(origin=str(store)))
    counts = evaluate(other, EvaluateConfig(n_bootstrap=0))["counts"]
    assert (counts["n_videos"], counts["n_frames"], counts["n_positive_frames"]) == (12, 2010, 1648)
    assert np.isfinite(Store(other).artefact("scores").arrays["score"]).all()
