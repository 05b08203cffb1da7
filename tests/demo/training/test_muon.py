"""Muon against torch's own."""

from __future__ import annotations

from collections.abc import Callable

import torch

from headhunt.demo.training.muon import Muon, orthogonalized


def test_muon_takes_torchs_steps() -> None:
    # torch.optim.Muon works in bfloat16, one matrix after the other.
    def learnt(make: Callable[[list[torch.nn.Parameter]], torch.optim.Optimizer]) -> list[torch.Tensor]:
        chance = torch.Generator().manual_seed(0)
        matrices = [
            torch.nn.Parameter(torch.randn(shape, generator=chance)) for shape in ((6, 9), (9, 6), (6, 9), (4, 4))
        ]
        optimiser = make(matrices)
        for _ in range(3):
            for matrix in matrices[:3]:  # the last never has a gradient
                matrix.grad = torch.randn(matrix.shape, generator=chance)
            optimiser.step()
        return [matrix.detach() for matrix in matrices]

    ours = learnt(lambda p: Muon(p, lr=0.1, weight_decay=0.05))
    theirs = learnt(lambda p: torch.optim.Muon(p, lr=0.1, weight_decay=0.05))
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, atol=0.02, rtol=0)
    assert torch.equal(ours[3], theirs[3])


def test_what_is_orthogonalized_has_singular_values_of_about_one() -> None:
    matrices = torch.randn(3, 5, 8, generator=torch.Generator().manual_seed(0))
    for given in (matrices, matrices.mT):
        values = torch.linalg.svdvals(orthogonalized(given, torch.float32))
        assert float(values.min()) > 0.6
        assert float(values.max()) < 1.3
    assert torch.equal(orthogonalized(0 * matrices, torch.float32), 0 * matrices)
