"""What each stage can be told: one frozen dataclass a stage, each option written once.

A field carries its help text, its bounds and its place on the command line in its metadata (`option.option`). The
command line, the reference in the docs and the checks of values are all built from it. A configuration runs nothing,
and these modules import records and errors alone.
"""

from headhunt.configs.evaluate import EvaluateConfig
from headhunt.configs.extract import ExtractConfig
from headhunt.configs.fit import FitConfig
from headhunt.configs.localize import LocalizeConfig
from headhunt.configs.presets import PRESETS
from headhunt.configs.score import ScoreConfig
from headhunt.configs.select_heads import SelectConfig

__all__ = [
    "PRESETS",
    "EvaluateConfig",
    "ExtractConfig",
    "FitConfig",
    "LocalizeConfig",
    "ScoreConfig",
    "SelectConfig",
]
