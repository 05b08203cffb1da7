"""What a saliency may be told."""

from __future__ import annotations

import pytest

from headhunt.errors import UsageError
from headhunt.saliency.options import SaliencyOptions


@pytest.mark.parametrize(
    "options", [{"average": "max"}, {"shrinkage": "oas"}, {"n_neighbors": 0}, {"seed": -1}], ids=str
)
def test_values_out_of_range_are_refused(options) -> None:
    with pytest.raises(UsageError):
        SaliencyOptions(**options)
