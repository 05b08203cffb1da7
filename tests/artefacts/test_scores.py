"""Scores: video by video, and only of the rows they were made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts import scorers, scores
from headhunt.artefacts.scorers import FittedOn
from headhunt.errors import StaleError
from headhunt.store import Store


def test_scores_come_video_by_video_in_time_order(learnt: Path) -> None:
    store = Store(learnt)
    artefact, _ = scores.load(store, None)
    found = list(scores.by_video(store, artefact))
    assert [video.index for video in found] == list(range(20))
    for video in found:
        assert (np.diff(video.start_frame) > 0).all()
        place = np.searchsorted(artefact.arrays["row"], video.table.row)
        np.testing.assert_array_equal(video.score, artefact.arrays["score"][place])
    assert scores.fitted_on(artefact) == FittedOn.of(scorers.of(store.artefact("scorers"))).videos


def test_scores_of_other_rows_are_stale(learnt: Path) -> None:
    store = Store(learnt, writable=True)
    store.root["segments/status"][0] = 3
    with pytest.raises(StaleError, match=r"rows of 00.mp4, which changed since[\s\S]*`vadkit score`"):
        scores.load(Store(learnt), None)
