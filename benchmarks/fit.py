"""What the steering fit gains over a plain PyTorch loop: one command, one table.

    python benchmarks/fit.py [--epochs 1000] [--rounds 10] [--threads 2]

Both train the same network from the same weights on the same synthetic rows at InternVL3-8B's sizes. They take turns,
`epochs / rounds` epochs each time, so that other load on the machine falls on both. The plain loop keeps its state
between turns; the steering fit cannot, so its turn is a whole fit of `epochs / rounds` epochs, start-up included.
The losses compared are those of the plain loop and of one whole fit at the end. The last line times the two float32
products with the context that every epoch needs, whoever does it, by the fastest routine there is here: what is left
for a fit to gain is what it takes beyond them.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from torch import nn

from headhunt.scorers.steering import fit_steer


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
    """Seconds of the two products with the context (n, hidden) in all epochs, undivided, into arrays kept for them."""
    forward, backward = torch.empty(len(weights), len(c)), torch.empty_like(weights)
    start = time.perf_counter()
    for _ in range(epochs):
        torch.mm(weights, c.t(), out=forward)
        torch.mm(forward, c, out=backward)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=320)
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
    turn = max(1, options.epochs // options.rounds)
    plain_s: list[float] = []
    fused_s: list[float] = []
    fit_steer(z, context, y, epochs=5)  # both sides warm
    for _ in range(options.rounds):
        start = time.perf_counter()
        fit_steer(z, context, y, epochs=turn)
        fused_s.append(time.perf_counter() - start)
        start = time.perf_counter()
        for _ in range(turn):
            logit, s = model(h, c)
            loss = loss_function(logit, target) + 0.1 * (s[target == 0] ** 2).mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            plain.append(loss.item())
        plain_s.append(time.perf_counter() - start)
    start = time.perf_counter()
    curve = fit_steer(z, context, y, epochs=turn * options.rounds)[1]
    whole_s = time.perf_counter() - start

    floor = min(products_s(c, torch.randn(128 + k * 4, hidden), turn) for _ in range(options.rounds)) / turn

    expected = np.array(plain)
    apart = np.abs(curve - expected) / expected
    ratios = np.array(plain_s) / np.array(fused_s)
    print(f"steering fit: {n} rows, context {hidden}, {k} heads x {d}, {turn * options.rounds} epochs, ", end="")
    print(f"{options.threads} threads, torch {torch.__version__}")
    print(f"{'':<22}{'ms an epoch':>12}{'whole fit s':>13}")
    print(f"{'plain PyTorch loop':<22}{1e3 * sum(plain_s) / len(plain):>12.2f}{sum(plain_s):>13.2f}")
    print(f"{'fit_steer':<22}{1e3 * sum(fused_s) / len(plain):>12.2f}{whole_s:>13.2f}")
    print(f"ratio {sum(plain_s) / sum(fused_s):.2f} (median of turns {np.median(ratios):.2f}, ", end="")
    print(f"lowest {ratios.min():.2f}, highest {ratios.max():.2f})")
    print(f"loss {expected[0]:.4f} -> {expected[-1]:.3e}; ", end="")
    print(f"largest relative difference {apart.max():.1e}, first 100 epochs {apart[:100].max():.1e}")
    print(f"the products with the context alone: {1e3 * floor:.2f} ms an epoch; ", end="")
    print(f"with nothing else the ratio would be {sum(plain_s) / len(plain) / floor:.2f}")


if __name__ == "__main__":
    main()
