"""Chains of stages: one's own videos all the way with a fitted scorer. Stages do not call each other; this does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headhunt.artefacts import scorer_files
from headhunt.artefacts.references import scorer_from
from headhunt.errors import ArtefactError, UsageError
from headhunt.progress import Progress, silent
from headhunt.prompts import Prompt, PromptSet
from headhunt.scorers.scorer import Scorer
from headhunt.stages.extract import ExtractConfig, ExtractReport, extract
from headhunt.stages.localize import LocalizeConfig, LocalizeReport, localize
from headhunt.stages.score import ScoreConfig, ScoreReport, score
from headhunt.store import Store


@dataclass(frozen=True)
class RunReport:
    """What `run` did, stage by stage."""

    extracted: ExtractReport
    scored: ScoreReport
    localized: LocalizeReport


def config_for(scorer: Scorer, *, base: ExtractConfig) -> ExtractConfig:
    """The extraction a scorer needs: its heads, its prompt, its sampling and precision; the rest from `base`.

    Raises:
        ArtefactError: The scorer does not say what features it was fitted on.
    """
    facts: Any = scorer.facts
    try:
        fingerprint, prompt = facts["fingerprint"], facts["prompt"]
        sampling = fingerprint["sampling"]
        return replace(
            base,
            model=base.model or facts["model"]["model"],
            revision=base.revision if base.model else facts["model"]["revision"],
            dtype=fingerprint["dtype"] if base.dtype == "auto" else base.dtype,
            attn=fingerprint["attention"] if base.attn == "auto" else base.attn,
            prompts=PromptSet(
                name="scorer",
                prompts=(Prompt(prompt["id"], prompt["text"]),),
                scoring=prompt["id"],
                frame_text=fingerprint["frame_text"],
                system=fingerprint["system"],
            ),
            prompt_ids=None,
            units="segment",
            length=sampling["length"],
            stride=sampling["stride"],
            n_frames=sampling["n_frames"],
            tail=sampling["tail"],
            heads=scorer.heads,
            context=scorer.hidden is not None,
        )
    except (KeyError, TypeError) as error:
        raise ArtefactError(
            "a scorer does not say what features it was fitted on", got=error, hint="fit it again with `vadkit fit`"
        ) from error


def run(
    videos: Sequence[Path],
    store: Path,
    *,
    scorer: Path | None = None,
    origin: Path | None = None,
    extraction: ExtractConfig,
    localization: LocalizeConfig,
    output: Path | None = None,
    progress: Progress = silent,
) -> RunReport:
    """Find events in videos without labels: extract what the scorer needs, score, localize.

    Args:
        videos: Files, folders or manifests.
        store: Where features go; a run that was interrupted goes on from there.
        scorer: A scorer file, as `vadkit fit -o` writes it.
        origin: A store whose current scorer, and calibrated smoothing and threshold, are taken instead.
        extraction: Model (empty for the scorer's own), device, batch size, still segments; what the scorer decides is
            overwritten.
        localization: Smoothing and threshold.
        output: Also write the events there, .json or .csv.
        progress: Called with how far it is.

    Raises:
        UsageError: Not exactly one of `scorer` and `origin`.
        HeadhuntError: Whatever the stages raise.
    """
    if (scorer is None) == (origin is None):
        raise UsageError("a scorer is needed", expected="one of --scorer FILE and --from STORE")
    if scorer is not None:
        fitted = scorer_files.load(scorer)
    else:
        assert origin is not None
        fitted = scorer_from(Store(origin).artefact("scorers"))
    extracted = extract(videos, store, config_for(fitted, base=extraction), progress=progress)
    origin_text = None if origin is None else str(origin)
    scored = score(store, ScoreConfig(scorer=None if scorer is None else str(scorer), origin=origin_text))
    calibrated = origin is not None and bool(Store(origin).names("events"))
    localization = replace(localization, scores=scored.name, origin=origin_text if calibrated else None)
    return RunReport(extracted, scored, localize(store, localization, output=output))
