"""Schemas of what artefacts say of themselves, as facts in a store and in the files of a scorer."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from headhunt.schemas import HeadIndices, Plain, Positive, PromptDocument, Schema, Whole

VideoSeen = Annotated[list[str], Field(min_length=2, max_length=2)]
"""Id of a video and digest of its content."""


class ScorerFacts(Schema):
    """A scorer as a store keeps it, without its arrays."""

    method: str
    heads: list[HeadIndices]
    head_dim: Positive
    hidden: Positive | None
    facts: Plain


class ScorerFile(ScorerFacts):
    """The JSON file of a scorer, behind its format and version."""

    sha256: str


class AskedPrompt(PromptDocument):
    """The prompt that a scorer reads."""

    model_config = ConfigDict(extra="ignore")


class ModelFacts(Schema):
    """The model that features came from."""

    model: str | None = None
    revision: str | None = None


class HeadSetFacts(Schema):
    """Where a scorer's heads came from."""

    metric: str = ""
    name: str | None = None


class FittedOnFacts(Schema):
    """What a scorer was fitted on: its `facts`."""

    prompt: AskedPrompt
    fingerprint: Plain
    model: ModelFacts = ModelFacts()
    head_set: HeadSetFacts = HeadSetFacts()
    config: Plain = Field(default_factory=dict)
    rows: Whole = 0
    positives: Whole = 0
    unit: str = "segment"
    calibration: str = ""
    videos: list[str] = Field(default_factory=list)
    learnt_from: list[VideoSeen] = Field(default_factory=list)


class CalibrationFacts(Schema):
    """How scores become events."""

    sigma: Annotated[float, Field(ge=0)]
    tau: float
    smoothing: str = "gaussian"
    source: str
    f1: float | None = None
    min_frames: Positive = 1
    merge_gap_frames: Whole = 0
    calibrated_on: list[VideoSeen] = Field(default_factory=list)


class EventsFacts(CalibrationFacts):
    """How scores became events, and which."""

    scores: str


class ScoresFacts(Schema):
    """Which scorer gave scores, and what it was fitted on."""

    scorer: str
    method: str
    prompt: str
    fitted_on: list[str]
