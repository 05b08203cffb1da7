"""The limits of what can be rendered."""

from __future__ import annotations

import pytest

from headhunt.demo.world import WorldConfig
from headhunt.errors import InputError


def test_sizes_and_rates_out_of_bounds_are_refused():
    for options in ({"width": 191}, {"height": 20}, {"fps": 0}, {"crf": 60}):
        with pytest.raises(InputError):
            WorldConfig(**options)
