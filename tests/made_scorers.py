"""Small scorers of every method, and rows for them to score."""

from __future__ import annotations

import numpy as np

from headhunt.records import Head
from headhunt.scorers import METHODS, Scorer

K, D, HIDDEN = 3, 4, 7
HEADS = (Head(2, 1), Head(0, 3), Head(5, 0))


def rows(n: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y = np.arange(n) % 2 == 0
    return random.normal(size=(n, K, D)) + y[:, None, None] * 0.5, random.normal(size=(n, HIDDEN)), y


def steer_arrays(seed: int = 1) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    shapes = {
        "coef": (K, D),
        "intercept": (1,),
        "gate_w1": (5, HIDDEN),
        "gate_b1": (5,),
        "gate_w2": (5,),
        "gate_b2": (1,),
        "adapter_u": (K, D, 2),
        "adapter_v": (K, 2, HIDDEN),
    }
    return {name: random.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def scorer_of(method: str) -> Scorer:
    z, context, y = rows()
    reads_context = "context" in METHODS[method].reads({})
    arrays = METHODS[method].fit(z, context, y).arrays if method != "steer" else steer_arrays()
    hidden = HIDDEN if reads_context else None
    return Scorer(method, HEADS, D, hidden, arrays, {"seed": 0, "prompt": "Gibt es ä?"})
