"""Chains of stages: one's own videos all the way with a fitted scorer. Stages do not call each other; this does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from headhunt.artefacts import calibrations, references, scorers
from headhunt.artefacts.scorers import FittedOn
from headhunt.chains.devices import extract_on_devices
from headhunt.configs import ExtractConfig, LocalizeConfig, ScoreConfig
from headhunt.errors import ArtefactError, UsageError
from headhunt.files import StrPath, check_writable
from headhunt.progress import Progress, silent
from headhunt.prompts import PromptSet
from headhunt.scorers.scorer import Scorer
from headhunt.sinks import sink_for
from headhunt.stages.extract import ExtractReport
from headhunt.stages.localize import LocalizeReport, localize
from headhunt.stages.score import ScoreReport, score
from headhunt.store import Store, check_name, check_place


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
    fitted_on = FittedOn.of(scorer)
    fingerprint, prompt = fitted_on.fingerprint, fitted_on.prompt
    sampling = fingerprint.sampling
    model = fitted_on.model if base.model is None else base.model
    if model is None:
        raise ArtefactError("a scorer does not say what model it reads", hint="name one with --model")
    decided: Any = {
        "dtype": fingerprint.dtype if base.dtype == "auto" else base.dtype,
        "attn": fingerprint.attention if base.attn == "auto" else base.attn,
        "packing": fingerprint.packing if base.packing == "auto" else base.packing,
        "tail": sampling.tail,
    }
    return replace(
        base,
        **decided,
        model=model,
        revision=fitted_on.revision if base.model is None else base.revision,
        prompts=PromptSet(
            name="scorer",
            prompts=(prompt,),
            scoring=prompt.id,
            frame_text=fingerprint.frame_text,
            system=fingerprint.system,
        ),
        prompt_ids=None,
        units="segment",
        length=sampling.length,
        stride=sampling.stride,
        n_frames=sampling.n_frames,
        heads=scorer.heads,
        context=scorer.hidden is not None,
        scorer=scorer,
    )


def run(
    videos: StrPath | Sequence[StrPath],
    store_path: StrPath,
    *,
    scorer: StrPath | None = None,
    origin: StrPath | None = None,
    extraction: ExtractConfig | None = None,
    localization: LocalizeConfig | None = None,
    output: StrPath | None = None,
    progress: Progress = silent,
) -> RunReport:
    """Find events in videos without labels: extract what the scorer needs, score, localize.

    Args:
        videos: Files, folders or manifests.
        store_path: Where features go; a run that was interrupted goes on from there.
        scorer: A scorer file, as `fit` or `localize` writes it; a calibration that it carries is taken too.
        origin: A store whose current scorer and calibration are taken instead.
        extraction: Model (None for the scorer's own), device, batch size, still segments; what the scorer decides is
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
    extraction = ExtractConfig() if extraction is None else extraction
    localization = LocalizeConfig() if localization is None else localization
    # Whatever can be refused is refused here, before the pass that may take days.
    if output is not None:
        sink_for(output)
    check_writable(output)
    check_name(localization.name)
    store_path = Path(store_path)
    check_place(store_path)
    if scorer is not None:
        fitted, name = scorers.load(scorer), scorers.files_of(scorer)[0].stem
        check_name(name)  # what its scores will be called
        calibrated = str(scorer) if calibrations.read_file(Path(scorer)) is not None else None
    else:
        assert origin is not None
        home = Store(origin)
        named = references.scorer(None, home, None)
        fitted, name = named.scorer, named.name
        calibrated = str(origin) if home.names(calibrations.KIND) or home.names("events") else None
    if calibrated is not None:
        calibrations.elsewhere(Path(calibrated), fitted, name)
    extracted = extract_on_devices(videos, store_path, config_for(fitted, base=extraction), progress=progress)
    origin_text = None if origin is None else str(origin)
    scored = score(store_path, ScoreConfig(scorer=None if scorer is None else str(scorer), origin=origin_text))
    localization = replace(localization, scores=scored.name, origin=calibrated)
    return RunReport(extracted, scored, localize(store_path, localization, output=output))
