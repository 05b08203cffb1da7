"""Scores and events as columns of one length."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headhunt.artefacts.tables import Table, events_table, scores_table
from headhunt.errors import InputError
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import score


def test_columns_of_another_length_are_no_table() -> None:
    with pytest.raises(InputError, match="differ in length"):
        Table({"a": np.arange(2), "b": np.arange(3)})
    assert Table({}).n_rows == 0


def test_a_segment_lies_in_an_event_where_they_share_a_frame(learnt: Path) -> None:
    assert "event" not in scores_table(learnt)
    localize(learnt, LocalizeConfig(calibrate=True))
    scored, found = scores_table(learnt), events_table(learnt)
    assert scored.n_rows == len(scored["event"])
    assert found.n_rows > 0
    by_hand = np.zeros(scored.n_rows, np.bool_)
    for video, start, end in zip(found["video"], found["start_frame"], found["end_frame"], strict=True):
        by_hand |= (scored["video"] == video) & (scored["start_frame"] < end) & (scored["end_frame"] > start)
    np.testing.assert_array_equal(scored["event"], by_hand)
    assert 0 < by_hand.sum() < len(by_hand)


def test_a_store_without_events_above_the_threshold_gives_columns_of_the_same_kind(learnt: Path) -> None:
    localize(learnt, LocalizeConfig(calibrate=True))
    some = events_table(learnt)
    localize(learnt, LocalizeConfig(tau=1.0))
    none = events_table(learnt)
    assert none.n_rows == 0
    assert {name: none[name].dtype for name in none} == {name: some[name].dtype for name in some}


def test_another_scoring_leaves_the_events_of_the_last_one_out(learnt: Path) -> None:
    localize(learnt, LocalizeConfig(calibrate=True))
    assert {"event", "smoothed"} <= set(scores_table(learnt))
    fit(learnt, FitConfig(method="svm"))
    score(learnt)
    assert not {"event", "smoothed"} & set(scores_table(learnt))
