"""Time of ranking 784 heads x 5 prompts by the robust saliency score, against a plain per-head loop, in one run.

    OMP_NUM_THREADS=1 python benchmarks/select_heads.py [--sample 40] [--repeats 3] [--rows 40 400]

The plain loop (NumPy, SciPy's pdist, scikit-learn's KMeans and ledoit_wolf) is timed on a stated sample of heads,
spread over all prompts, and scaled; ours runs over all of them. Input is float16 noise with a shifted class; the best
of `repeats` is taken on both sides. The last column compares the numbers of the sample,
relative to the plain one or to 1e-9 where that is more (an nmi of 0 comes out of scikit-learn as 6e-16).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import normalized_mutual_info_score

from headhunt.heads import RSS_METRICS, combine, robust, top_k
from headhunt.saliency import measure

T = TypeVar("T")
LAYERS, HEADS, CHANNELS, PROMPTS = 28, 28, 128, 5


def plain_lda(x: np.ndarray, y: np.ndarray) -> float:
    p, n = x[y], x[~y]
    gap = p.mean(0) - n.mean(0)
    scatter = (len(p) - 1) * np.cov(p.T) + (len(n) - 1) * np.cov(n.T) + 1e-6 * np.eye(x.shape[1])
    return float(gap @ np.linalg.solve(scatter, gap))


def plain_kl(x: np.ndarray, y: np.ndarray) -> float:
    p, n = x[y], x[~y]
    gap, ridge = p.mean(0) - n.mean(0), 1e-10 * np.eye(x.shape[1])
    a, b = ledoit_wolf(p)[0] + ridge, ledoit_wolf(n)[0] + ridge
    total = 0.0
    for this, other in ((a, b), (b, a)):
        inverse = np.linalg.inv(other)
        logs = np.linalg.slogdet(other)[1] - np.linalg.slogdet(this)[1]
        total += 0.5 * (np.trace(inverse @ this) + gap @ inverse @ gap - len(gap) + logs)
    return float(np.clip(0.5 * total, 0, 1e6))


def plain_mmd(x: np.ndarray, y: np.ndarray) -> float:
    d2 = squareform(pdist(x, "sqeuclidean"))
    k = np.exp(-d2 / (2 * np.median(d2[d2 > 0])))
    return max(float(k[np.ix_(y, y)].mean() + k[np.ix_(~y, ~y)].mean() - 2 * k[np.ix_(y, ~y)].mean()), 0.0)


def plain_nmi(x: np.ndarray, y: np.ndarray) -> float:
    return float(normalized_mutual_info_score(y, KMeans(2, n_init="auto", random_state=0).fit_predict(x)))


PLAIN = {"lda": plain_lda, "kl": plain_kl, "mmd": plain_mmd, "nmi": plain_nmi}


def timed(function: Callable[[], T], repeats: int) -> tuple[T, float]:
    best = float("inf")
    for _ in range(repeats):
        start = time.perf_counter()
        value = function()
        best = min(best, time.perf_counter() - start)
    return value, best


def made_up(n: int) -> tuple[list[np.ndarray], np.ndarray]:
    rng = np.random.default_rng(n)
    y = np.arange(n) % 2 == 0
    z = []
    for _ in range(PROMPTS):
        noise = rng.standard_normal((n, LAYERS * HEADS, CHANNELS), dtype=np.float32)
        noise[y] += 0.3 * rng.random((1, LAYERS * HEADS, 1), dtype=np.float32)
        z.append(noise.astype(np.float16))
    return z, y


def rss(z: list[np.ndarray], y: np.ndarray) -> dict[str, np.ndarray]:
    found = [measure(a, y, RSS_METRICS) for a in z]
    scores = {m: np.stack([f[m] for f in found]).reshape(PROMPTS, LAYERS, HEADS) for m in RSS_METRICS}
    top_k(robust(combine(scores)), 5, metric="rss", provenance={})
    return scores


def compare(n: int, sample: int, repeats: int) -> None:
    z, y = made_up(n)
    total = LAYERS * HEADS * PROMPTS
    picked = np.linspace(0, total - 1, sample).astype(int)
    clouds = [z[p][:, h].astype(np.float64) for p, h in (divmod(int(i), LAYERS * HEADS) for i in picked)]
    together, together_s = timed(partial(rss, z, y), repeats)
    plain_s, worst = 0.0, 0.0
    for name, function in PLAIN.items():
        plain, seconds = timed(lambda f=function: np.array([f(x, y) for x in clouds]), repeats)
        alone, alone_s = timed(lambda m=name: np.stack([measure(a, y, (m,))[m] for a in z]), repeats)
        plain_s += seconds * total / sample
        report(n, name, seconds * total / sample, alone_s, difference(alone.ravel()[picked], plain))
        worst = max(worst, difference(together[name].ravel()[picked], plain))
    report(n, "rss", plain_s, together_s, worst)


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1e-9)).max())


def report(n: int, name: str, plain_s: float, ours_s: float, worst: float) -> None:
    print(f"{n:>5} {name:>7} {plain_s:>9.2f} {ours_s:>8.2f} {plain_s / ours_s:>6.1f}x {worst:>29.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=40, help="heads the plain loop is timed on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[40, 400])
    args = parser.parse_args()
    total = LAYERS * HEADS * PROMPTS
    print(f"rss, {LAYERS * HEADS} heads x {PROMPTS} prompts, d = {CHANNELS}, float16 in, float64 inside")
    print(
        f"plain loop: {args.sample} of {total} heads timed, scaled by {total / args.sample:.0f}; best of {args.repeats}"
    )
    print(f"{'rows':>5} {'metric':>7} {'plain s':>9} {'ours s':>8} {'ratio':>7} {'largest relative difference':>29}")
    for n in args.rows:
        compare(n, args.sample, args.repeats)


if __name__ == "__main__":
    main()
