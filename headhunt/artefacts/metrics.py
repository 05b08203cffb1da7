"""Metrics: what `evaluate` measured, as a group of a store."""

from __future__ import annotations

from typing import Any

from headhunt.records import Json
from headhunt.store import Artefact, Store


class Metrics(dict[str, Any]):
    """What `evaluate` measured: a dict of plain JSON whose main figures also have names."""

    @property
    def frame_auc(self) -> float | None:
        """ROC-AUC over the frames of all videos; None where it is not defined."""
        return self["frame"]["continuous"]["frame_auc"]  # type: ignore[no-any-return]

    @property
    def frame_ap(self) -> float | None:
        """Average precision (the step area) over the same frames."""
        return self["frame"]["continuous"]["frame_ap_step"]  # type: ignore[no-any-return]

    @property
    def event_f1(self) -> float | None:
        """Event F1 at a temporal IoU of 0.3."""
        return self["event"]["iou_0.3"]["event_f1"]  # type: ignore[no-any-return]

    def __repr__(self) -> str:
        def shown(value: float | None) -> str:
            return "not defined" if value is None else f"{value:.3f}"

        counts = self["counts"]
        return (
            f"<Metrics of events/{self['events']}: {counts['n_videos']} videos, frame AUC {shown(self.frame_auc)}, "
            f"AP {shown(self.frame_ap)}, event F1 {shown(self.event_f1)}>"
        )


def write(
    store: Store, name: str, result: Json, *, events: Artefact, scores: Artefact, config: Json, seed: int
) -> Artefact:
    """Write metrics as `metrics/<name>`.

    Args:
        store: The store, writable.
        name: Name of the metrics.
        result: What was measured, plain JSON.
        events: The events that were measured.
        scores: The scores they were found in.
        config: Configuration of the stage.
        seed: Seed of the bootstrap.
    """
    return store.write_artefact(
        "metrics",
        name,
        stage="evaluate",
        config=config,
        seed=seed,
        inputs={f"events/{events.name}": events.digest, f"scores/{scores.name}": scores.digest},
        facts=result,
        arrays={},
    )
