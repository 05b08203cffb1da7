"""What the steering fit, alone and several at once, gains over a plain PyTorch loop: one command, one table.

    python benchmarks/fit.py [--epochs 1000] [--rounds 10] [--threads 2] [--fits 10]

All train the same network on the same synthetic rows at InternVL3-8B's sizes. They take turns, `epochs / rounds` epochs
each time, so that other load on the machine falls on all. The plain loop trains one fit and keeps its state between
turns; the others cannot, so their turn is a whole fit of `epochs / rounds` epochs, start-up included. A batch trains
`fits` seeds, with one context for all and with a context each; its times are given per fit, so that its ratio is to
as many plain fits in a row. The losses compared are those of the plain loop and of one whole fit from the same weights
at the end. The last line times the two float32 products with the context that every epoch of a fit needs, by the
routine that the steering fit uses: what is left for a fit to gain is what it takes beyond them.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from headhunt.scorers.steering import fit_several, fit_steer


class PlainSteering(nn.Module):
    """The network as one would write it down, one module a formula."""

    def __init__(self, hidden: int, k: int, d: int, rank: int = 4, gate_hidden: int = 128) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(hidden, gate_hidden), nn.ReLU(), nn.Linear(gate_hidden, 1), nn.Sigmoid())
        self.down = nn.ModuleList(nn.Linear(hidden, rank, bias=False) for _ in range(k))
        self.up = nn.ModuleList(nn.Linear(rank, d, bias=False) for _ in range(k))
        self.scorer = nn.Linear(k * d, 1)

    def forward(self, z: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits and gate, both (n,)."""
        s = self.gate(c)
        steered = [
            z[:, i] * (1 + s * torch.tanh(up(down(c))))
            for i, (down, up) in enumerate(zip(self.down, self.up, strict=True))
        ]
        return self.scorer(torch.cat(steered, dim=1)).squeeze(1), s.squeeze(1)

    def start_from(self, arrays: dict[str, np.ndarray]) -> None:
        """Take the initial weights of the steering fit."""
        a = {name: torch.from_numpy(array) for name, array in arrays.items()}
        with torch.no_grad():
            self.gate[0].weight.copy_(a["gate_w1"])
            self.gate[0].bias.copy_(a["gate_b1"])
            self.gate[2].weight.copy_(a["gate_w2"][None])
            self.gate[2].bias.copy_(a["gate_b2"])
            for i, (down, up) in enumerate(zip(self.down, self.up, strict=True)):
                down.weight.copy_(a["adapter_v"][i])
                up.weight.copy_(a["adapter_u"][i])
            self.scorer.weight.copy_(a["coef"].reshape(1, -1))
            self.scorer.bias.copy_(a["intercept"])


def rows(n: int, k: int, d: int, hidden: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.arange(n) % 2 == 0
    z = random.normal(size=(n, k, d)) * 0.3 + y[:, None, None] * random.normal(size=(k, d)) * 0.05
    context = random.normal(size=(n, hidden)) + y[:, None] * random.normal(size=hidden) * 0.05
    return z.astype(np.float32), context.astype(np.float32), y


def products_s(c: torch.Tensor, weights: torch.Tensor, epochs: int) -> float:
    """Seconds of the two products with the context (n, hidden), forward and for the gradient, in all epochs."""
    context = c.to_mkldnn()
    weights.requires_grad_()
    upstream = torch.ones(len(c), len(weights))
    start = time.perf_counter()
    for _ in range(epochs):
        torch.autograd.grad(nn.functional.linear(context, weights).to_dense(), weights, upstream)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=320)
    parser.add_argument("--fits", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    n, k, d, hidden = options.rows, 4, 128, 3584
    z, context, y = rows(n, k, d, hidden)
    h, c, target = torch.from_numpy(z), torch.from_numpy(context), torch.from_numpy(y.astype(np.float32))

    model = PlainSteering(hidden, k, d)
    model.start_from(fit_steer(z, context, y, epochs=0)[0])
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)
    loss_function = nn.BCEWithLogitsLoss()
    plain: list[float] = []

    def plain_turn(epochs: int) -> None:
        for _ in range(epochs):
            logit, s = model(h, c)
            loss = loss_function(logit, target) + 0.1 * (s[target == 0] ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            plain.append(loss.item())

    fits, seeds = options.fits, range(options.fits)
    zs, contexts = np.repeat(z[None], fits, axis=0), np.repeat(context[None], fits, axis=0)
    turns: dict[str, tuple[int, Callable[[int], object]]] = {
        "plain PyTorch loop": (1, plain_turn),
        "fit_steer": (1, lambda epochs: fit_steer(z, context, y, epochs=epochs)),
        f"{fits} at once, one context": (fits, lambda epochs: fit_several(zs, context, y, seeds=seeds, epochs=epochs)),
        f"{fits} at once, a context each": (
            fits,
            lambda epochs: fit_several(zs, contexts, y, seeds=seeds, epochs=epochs),
        ),
    }
    turn = max(1, options.epochs // options.rounds)
    taken: dict[str, list[float]] = {name: [] for name in turns}  # ms an epoch and a fit, one a round
    for _, train in turns.values():
        if train is not plain_turn:  # which must not train ahead of its turns
            train(5)
    for _ in range(options.rounds):
        for name, (count, train) in turns.items():
            start = time.perf_counter()
            train(turn)
            taken[name].append(1e3 * (time.perf_counter() - start) / turn / count)
    curve = fit_steer(z, context, y, epochs=turn * options.rounds)[1]
    floor = 1e3 * min(products_s(c, torch.randn(128 + k * 4, hidden), turn) for _ in range(options.rounds)) / turn

    expected = np.array(plain)
    apart = np.abs(curve - expected) / expected
    print(f"steering fit: {n} rows, context {hidden}, {k} heads x {d}, {turn * options.rounds} epochs, ", end="")
    print(f"{options.threads} threads, torch {torch.__version__}")
    print(f"{'':<28}{'ms an epoch and fit':>20}{'times the plain speed (median, range of turns)':>50}")
    for name, ms in taken.items():
        ratios = np.array(taken["plain PyTorch loop"]) / np.array(ms)
        spread = f"({np.median(ratios):.2f}, {ratios.min():.2f} to {ratios.max():.2f})"
        print(f"{name:<28}{np.mean(ms):>20.2f}{np.mean(taken['plain PyTorch loop']) / np.mean(ms):>26.2f} {spread:>23}")
    print(f"loss {expected[0]:.4f} -> {expected[-1]:.3e}; ", end="")
    print(f"largest relative difference {apart.max():.1e}, first 100 epochs {apart[:100].max():.1e}")
    print(f"the products with the context alone: {floor:.2f} ms an epoch; ", end="")
    print(f"with nothing else the ratio would be {np.mean(taken['plain PyTorch loop']) / floor:.2f}")


if __name__ == "__main__":
    main()
