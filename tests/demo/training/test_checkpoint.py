"""The state of a training comes back, and a damaged one is refused."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from headhunt.demo.training.checkpoint import load_state, save_state
from headhunt.errors import ArtefactError


def test_an_optimiser_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    layer = torch.nn.Linear(3, 2)
    optimiser = torch.optim.AdamW(layer.parameters(), lr=0.1)
    layer(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    tied = torch.ones(2)
    state = {"model": layer.state_dict(), "optimiser": optimiser.state_dict(), "place": {"step": 3, "x": None}}
    save_state(state | {"a": tied, "b": tied, "nested": [1.5, (2, tied)], 7: "seven"}, tmp_path / "s")
    found = load_state(tmp_path / "s", "cpu")
    assert found["place"] == {"step": 3, "x": None}
    assert found[7] == "seven"
    assert found["nested"][:1] == [1.5]
    assert torch.equal(found["nested"][1][1], tied)
    other = torch.nn.Linear(3, 2)
    again = torch.optim.AdamW(other.parameters(), lr=0.5)
    other.load_state_dict(found["model"])
    again.load_state_dict(found["optimiser"])
    for a, b in ((layer, optimiser), (other, again)):
        b.zero_grad()
        a(torch.ones(1, 3)).sum().backward()
        b.step()
    assert torch.equal(layer.weight, other.weight)


@pytest.mark.parametrize("content", [None, b"", b"x" * 50])
def test_a_damaged_state_is_refused(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "s").write_bytes(content)
    with pytest.raises(ArtefactError):
        load_state(tmp_path / "s", "cpu")
