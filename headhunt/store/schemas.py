"""Schemas of what a store says of itself: the attributes of its groups."""

from __future__ import annotations

from typing import Literal

from headhunt.schemas import Plain, Schema, SizesDocument, Whole


class Info(Schema):
    """What features do not depend on."""

    model: str | None = None
    revision: str | None = None
    prompt_set: str | None = None
    scoring: str | None = None


class RootAttributes(Schema):
    """Attributes of the root, behind format and version."""

    fingerprint: Plain
    spec: SizesDocument
    info: Plain


class Planned(Schema):
    """Counts of what is valid in /videos and /segments."""

    videos: Whole
    rows: Whole


class SegmentsAttributes(Schema):
    """Attributes of /segments."""

    planned: Planned


class MadeBy(Schema):
    """How an artefact was made."""

    stage: str
    version: str
    config: Plain
    seed: int | None
    inputs: dict[str, str]
    created: str


class ArtefactAttributes(Schema):
    """Attributes of an artefact's group."""

    made_by: MadeBy
    facts: Plain
    digest: str
    complete: Literal[True]
