"""Time of ranking 784 heads x 5 prompts by the robust saliency score, against two loops over heads, in one run.

    python benchmarks/select_heads.py [--sample 40] [--repeats 3] [--rows 40 400]

The published loop is written from the description of what the method's authors run for each head in float32: a
pseudo-inverse for the Fisher ratio, differences of all pairs of rows for the median distance, a kernel matrix each for
P with P, N with N and P with N, Ledoit-Wolf's estimator and k-means of scikit-learn. The careful loop does the same in
float64 with what is fastest for one head: solve, SciPy's pdist, one kernel matrix. Both are timed on a stated sample of
heads, spread over all prompts, and scaled; ours runs over all of them. Input is float16 noise with a shifted class; the
best of `repeats` is taken on all sides, threads are as the libraries choose them (OMP_NUM_THREADS limits all three).
The last column compares our numbers with the careful loop's, relative to those or to 1e-9 where that is more (an nmi of
0 comes out of scikit-learn as 6e-16). All compute what is published; the last line is ours with the defaults.
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
from sklearn.covariance import LedoitWolf, ledoit_wolf
from sklearn.metrics import normalized_mutual_info_score
from sklearn.metrics.pairwise import rbf_kernel

from headhunt.ranking import RSS, combine, robust, top_k
from headhunt.saliency import DEFAULTS, SaliencyOptions, measure

T = TypeVar("T")
LAYERS, HEADS, CHANNELS, PROMPTS = 28, 28, 128, 5
AS_PUBLISHED = SaliencyOptions(shrinkage="ridge", starts=1)
"""What both loops compute; the defaults shrink few rows' covariances and start k-means ten times."""


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


def published_lda(x: np.ndarray, y: np.ndarray) -> float:
    p, n = x[y], x[~y]
    gap = p.mean(0) - n.mean(0)
    scatter = (len(p) - 1) * np.cov(p, rowvar=False) + (len(n) - 1) * np.cov(n, rowvar=False)
    scatter += 1e-6 * np.eye(x.shape[1])
    direction = np.linalg.pinv(scatter) @ gap
    return float((direction @ gap) ** 2 / (direction @ scatter @ direction))


def published_kl(x: np.ndarray, y: np.ndarray) -> float:
    p, n = x[y], x[~y]
    ridge = 1e-10 * np.eye(x.shape[1])
    a, b = LedoitWolf().fit(p).covariance_ + ridge, LedoitWolf().fit(n).covariance_ + ridge
    gap, logs = p.mean(0) - n.mean(0), [np.linalg.slogdet(m)[1] for m in (a, b)]
    inverse_a, inverse_b = np.linalg.inv(a), np.linalg.inv(b)
    forth = logs[1] - logs[0] - len(gap) + np.trace(inverse_b @ a) + gap @ inverse_b @ gap
    back = logs[0] - logs[1] - len(gap) + np.trace(inverse_a @ b) + gap @ inverse_a @ gap
    return float(np.clip(0.25 * (forth + back), 0, 1e6))


def published_mmd(x: np.ndarray, y: np.ndarray) -> float:
    d2 = ((x[:, None, :] - x[None, :, :]) ** 2).sum(axis=-1)
    gamma = 1.0 / (2.0 * np.median(d2[d2 > 0]))
    within = rbf_kernel(x[y], x[y], gamma=gamma).mean() + rbf_kernel(x[~y], x[~y], gamma=gamma).mean()
    return max(float(within - 2 * rbf_kernel(x[y], x[~y], gamma=gamma).mean()), 0.0)


LOOPS = {
    "published": {"lda": published_lda, "kl": published_kl, "mmd": published_mmd, "nmi": plain_nmi},
    "careful": {"lda": plain_lda, "kl": plain_kl, "mmd": plain_mmd, "nmi": plain_nmi},
}


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


def rss(z: list[np.ndarray], y: np.ndarray, options: SaliencyOptions = AS_PUBLISHED) -> dict[str, np.ndarray]:
    found = [measure(a, y, RSS, options=options) for a in z]
    scores = {m: np.stack([f[m] for f in found]).reshape(PROMPTS, LAYERS, HEADS) for m in RSS}
    top_k(robust(combine(scores)), 5, saliency="rss", provenance={})
    return scores


def one(z: list[np.ndarray], y: np.ndarray, name: str) -> np.ndarray:
    return np.stack([measure(a, y, (name,), options=AS_PUBLISHED)[name] for a in z])


def compare(n: int, sample: int, repeats: int) -> None:
    z, y = made_up(n)
    total = LAYERS * HEADS * PROMPTS
    picked = np.linspace(0, total - 1, sample).astype(int)
    clouds = [z[p][:, h].astype(np.float64) for p, h in (divmod(int(i), LAYERS * HEADS) for i in picked)]
    narrow = [x.astype(np.float32) for x in clouds]
    together, together_s = timed(partial(rss, z, y), repeats)
    whole = dict.fromkeys(LOOPS, 0.0)
    worst = 0.0
    for name in RSS:
        alone, alone_s = timed(
            lambda m=name: np.stack([measure(a, y, (m,), options=AS_PUBLISHED)[m] for a in z]), repeats
        )
        spent = {}
        for loop, functions in LOOPS.items():
            rows = narrow if loop == "published" else clouds
            found, seconds = timed(lambda f=functions[name], r=rows: np.array([f(x, y) for x in r]), repeats)
            spent[loop] = seconds * total / sample
            whole[loop] += spent[loop]
        report(n, name, spent, alone_s, difference(alone.ravel()[picked], found))
        worst = max(worst, difference(together[name].ravel()[picked], found))
    report(n, "rss", whole, together_s, worst)
    _, defaults_s = timed(partial(rss, z, y, DEFAULTS), repeats)
    print(
        f"{n:>5}     rss {defaults_s:>8.2f}   with the defaults, {defaults_s / together_s:.2f} x the time", flush=True
    )


def difference(a: np.ndarray, b: np.ndarray) -> float:
    return float((np.abs(a - b) / np.maximum(np.abs(b), 1e-9)).max())


def report(n: int, name: str, loops_s: dict[str, float], ours_s: float, worst: float) -> None:
    loops = "".join(f"{seconds:>13.2f} {seconds / ours_s:>6.1f}x" for seconds in loops_s.values())
    print(f"{n:>5} {name:>7} {ours_s:>8.2f}{loops} {worst:>29.1e}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=40, help="heads the plain loop is timed on")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="+", default=[40, 400])
    args = parser.parse_args()
    total = LAYERS * HEADS * PROMPTS
    print(f"rss, {LAYERS * HEADS} heads x {PROMPTS} prompts, d = {CHANNELS}, float16 in, float64 inside")
    print(f"loops: {args.sample} of {total} heads timed, scaled by {total / args.sample:.0f}; best of {args.repeats}")
    loops = "".join(f"{loop + ' s':>13} {'ratio':>7}" for loop in LOOPS)
    print(f"{'rows':>5} {'metric':>7} {'ours s':>8}{loops} {'largest relative difference':>29}")
    for n in args.rows:
        compare(n, args.sample, args.repeats)


if __name__ == "__main__":
    main()
