"""Metrics: plain JSON whose main figures have names."""

from __future__ import annotations

from pathlib import Path

from headhunt.artefacts.metrics import Metrics
from headhunt.stages.evaluate import evaluate
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.store import Store


def test_what_was_measured_is_what_the_store_keeps(learnt: Path) -> None:
    localize(learnt, LocalizeConfig(calibrate=True))
    found = evaluate(learnt)
    kept = Metrics(Store(learnt).artefact("metrics").facts)
    assert kept == found
    assert (kept.frame_auc, kept.frame_ap, kept.event_f1) == (found.frame_auc, found.frame_ap, found.event_f1)
    assert found.frame_auc == found["frame"]["continuous"]["frame_auc"]
    assert f"frame AUC {found.frame_auc:.3f}" in repr(found)


def test_a_figure_that_is_not_defined_is_said_to_be_so() -> None:
    made = Metrics(
        frame={"continuous": {"frame_auc": None, "frame_ap_step": None}},
        event={"iou_0.3": {"event_f1": 0.5}},
        counts={"n_videos": 1},
        events="logistic",
    )
    assert repr(made).endswith("frame AUC not defined, AP not defined, event F1 0.500>")
