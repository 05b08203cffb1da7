"""Presets: named values of the stages' fields."""

from __future__ import annotations

import pytest

from headhunt.configs import PRESETS, ExtractConfig, FitConfig, LocalizeConfig, SelectConfig
from headhunt.configs.presets import preset
from headhunt.errors import UsageError


def test_presets_name_fields_that_exist_with_values_that_are_allowed() -> None:
    by_command = {"extract": ExtractConfig, "select-heads": SelectConfig, "fit": FitConfig, "localize": LocalizeConfig}
    assert list(PRESETS) == ["headhunt", "steervad", "headhunt-reference"]
    for commands in PRESETS.values():
        for command, values in commands.items():
            by_command[command](**values)
    assert preset("steervad", "evaluate") == {}
    with pytest.raises(UsageError, match="unknown preset"):
        preset("none", "fit")
