"""Events come back from a store as they went in."""

from __future__ import annotations

from pathlib import Path

from headhunt.artefacts import calibrations, events
from headhunt.records import Event
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.store import Store


def test_events_come_back_as_they_were_found(learnt: Path) -> None:
    report = localize(learnt, LocalizeConfig(calibrate=True))
    store = Store(learnt)
    artefact = store.artefact("events")
    by_video = events.by_video(artefact, store.videos().path)
    assert tuple(event for some in by_video.values() for event in some) == report.events
    assert all(isinstance(event, Event) for some in by_video.values() for event in some)
    settings = calibrations.of(artefact)
    assert (settings.sigma, settings.tau, settings.f1, settings.smoothing) == (
        report.sigma, report.tau, report.f1, "gaussian",
    )  # fmt: skip
    assert events.scores_of(artefact) == "logistic"
    smoothed = events.smoothed_of(artefact)
    assert set(smoothed) == set(artefact.arrays["row"].tolist())
