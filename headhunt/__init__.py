"""headhunt: anomalies in video, found inside a frozen multimodal language model.

    import headhunt as hh

    hh.extract("videos/", "cal.zarr", hh.ExtractConfig(model="tiny"))
    hh.select_heads("cal.zarr")
    hh.fit("cal.zarr")
    hh.score("cal.zarr")
    hh.localize("cal.zarr", hh.LocalizeConfig(calibrate=True))
    hh.evaluate("cal.zarr")

The names below are the public face; each is imported when it is first used, so that `import headhunt` loads nothing
heavy. The command line `vadkit` calls the same functions.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from headhunt.version import __version__

_FACE = {
    # stages and chains
    "extract": "headhunt.chains.devices:extract_on_devices",
    "dry_run": "headhunt.stages.dry_run:dry_run",
    "label": "headhunt.stages.label:label",
    "select_heads": "headhunt.stages.select_heads:select_heads",
    "fit": "headhunt.stages.fit:fit",
    "score": "headhunt.stages.score:score",
    "localize": "headhunt.stages.localize:localize",
    "evaluate": "headhunt.stages.evaluate:evaluate",
    "run": "headhunt.chains.run:run",
    "inspect": "headhunt.stages.inspect:inspect",
    "make_manifest": "headhunt.stages.manifest:make_manifest",
    # configurations
    "ExtractConfig": "headhunt.configs:ExtractConfig",
    "SelectConfig": "headhunt.configs:SelectConfig",
    "FitConfig": "headhunt.configs:FitConfig",
    "ScoreConfig": "headhunt.configs:ScoreConfig",
    "LocalizeConfig": "headhunt.configs:LocalizeConfig",
    "EvaluateConfig": "headhunt.configs:EvaluateConfig",
    "PRESETS": "headhunt.configs:PRESETS",
    # the store and what is in it
    "Store": "headhunt.store:Store",
    "scores_table": "headhunt.artefacts.tables:scores_table",
    "events_table": "headhunt.artefacts.tables:events_table",
    "load_scorer": "headhunt.artefacts.scorers:load",
    "save_scorer": "headhunt.artefacts.scorers:save",
    "load_heads": "headhunt.artefacts.head_sets:read_file",
    # records
    "Event": "headhunt.records:Event",
    "Head": "headhunt.records:Head",
    "HeadSet": "headhunt.records:HeadSet",
    "Interval": "headhunt.records:Interval",
    "ManifestRow": "headhunt.records:ManifestRow",
    "Prompt": "headhunt.records:Prompt",
    "PromptSet": "headhunt.prompts:PromptSet",
    "Segment": "headhunt.records:Segment",
    "Scorer": "headhunt.scorers:Scorer",
    # nouns
    "load_model": "headhunt.models:load",
    "Extractor": "headhunt.extraction.activations:Extractor",
    "read_manifest": "headhunt.datasets.manifest:read_manifest",
    "write_manifest": "headhunt.datasets.manifest:write_manifest",
    "read_events": "headhunt.sinks:read_events",
    "find_events": "headhunt.events:find_events",
    "smooth": "headhunt.events:smooth",
    "score_rows": "headhunt.scorers:score",
    # variants, to look at and to add to
    "SALIENCIES": "headhunt.saliency:SALIENCIES",
    "METHODS": "headhunt.scorers:METHODS",
    "READERS": "headhunt.datasets:READERS",
    "SINKS": "headhunt.sinks:SINKS",
    "FAMILIES": "headhunt.models.families:FAMILIES",
}
_ROOMS = ("saliency", "scorers", "metrics", "errors", "video", "segments", "ranking", "events", "prompts")

__all__ = ["__version__", *sorted(_FACE)]

if TYPE_CHECKING:
    from headhunt.artefacts.head_sets import read_file as load_heads
    from headhunt.artefacts.scorers import load as load_scorer
    from headhunt.artefacts.scorers import save as save_scorer
    from headhunt.artefacts.tables import events_table, scores_table
    from headhunt.chains.devices import extract_on_devices as extract
    from headhunt.chains.run import run
    from headhunt.configs import (
        PRESETS,
        EvaluateConfig,
        ExtractConfig,
        FitConfig,
        LocalizeConfig,
        ScoreConfig,
        SelectConfig,
    )
    from headhunt.datasets import READERS
    from headhunt.datasets.manifest import read_manifest, write_manifest
    from headhunt.events import find_events, smooth
    from headhunt.extraction.activations import Extractor
    from headhunt.models import load as load_model
    from headhunt.models.families import FAMILIES
    from headhunt.prompts import PromptSet
    from headhunt.records import Event, Head, HeadSet, Interval, ManifestRow, Prompt, Segment
    from headhunt.saliency import SALIENCIES
    from headhunt.scorers import METHODS, Scorer
    from headhunt.scorers import score as score_rows
    from headhunt.sinks import SINKS, read_events
    from headhunt.stages.dry_run import dry_run
    from headhunt.stages.evaluate import evaluate
    from headhunt.stages.fit import fit
    from headhunt.stages.inspect import inspect
    from headhunt.stages.label import label
    from headhunt.stages.localize import localize
    from headhunt.stages.manifest import make_manifest
    from headhunt.stages.score import score
    from headhunt.stages.select_heads import select_heads
    from headhunt.store import Store


def __getattr__(name: str) -> Any:
    if name in _FACE:
        module, _, attribute = _FACE[name].partition(":")
        found = getattr(importlib.import_module(module), attribute)
        globals()[name] = found
        return found
    if name in _ROOMS:
        return importlib.import_module(f"headhunt.{name}")
    raise AttributeError(f"module 'headhunt' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_FACE, *_ROOMS})
