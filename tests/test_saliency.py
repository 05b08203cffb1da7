"""Every saliency against its plain formula, head by head."""

from __future__ import annotations

import warnings
from contextlib import nullcontext

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from sklearn.cluster import KMeans
from sklearn.covariance import ledoit_wolf
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import normalized_mutual_info_score, silhouette_score
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_info

import headhunt.saliency as saliency_module
from headhunt.errors import ComputeError, LabelError, UsageError
from headhunt.saliency import SALIENCIES, SaliencyOptions, measure
from headhunt.saliency.block import Block, Rows
from headhunt.saliency.measures import LONG, SAMPLE, _middle
from headhunt.saliency.two_means import two_means

F = np.float64


def naive_lda(x, y, o):
    p, n = x[y], x[~y]
    diff = p.mean(0) - n.mean(0)
    scatter = (len(p) - 1) * np.cov(p.T) + (len(n) - 1) * np.cov(n.T)
    if o.shrinkage:
        within = np.concatenate([p - p.mean(0), n - n.mean(0)])
        scatter = len(x) * ledoit_wolf(within, assume_centered=True)[0]
    return diff @ np.linalg.solve(scatter + 1e-6 * np.eye(x.shape[1]), diff)


def naive_kl(x, y, o):
    p, n = x[y], x[~y]
    diff, eye = p.mean(0) - n.mean(0), 1e-10 * np.eye(x.shape[1])
    a, b = ledoit_wolf(p)[0] + eye, ledoit_wolf(n)[0] + eye

    def one(a, b):
        inverse = np.linalg.inv(b)
        logs = np.linalg.slogdet(b)[1] - np.linalg.slogdet(a)[1]
        return 0.5 * (np.trace(inverse @ a) + diff @ inverse @ diff - x.shape[1] + logs)

    return np.clip(0.5 * (one(a, b) + one(b, a)), 0, 1e6)


def naive_mmd(x, y, o):
    d2 = squareform(pdist(x, "sqeuclidean"))
    k = np.exp(-d2 / (2 * np.median(d2[d2 > 0])))
    return max(k[np.ix_(y, y)].mean() + k[np.ix_(~y, ~y)].mean() - 2 * k[np.ix_(y, ~y)].mean(), 0)


def clusters_of(x, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KMeans(n_clusters=2, n_init="auto", random_state=seed).fit_predict(x)


def naive_nmi(x, y, o):
    return normalized_mutual_info_score(y, clusters_of(x, o.seed), average_method=o.average)


def naive_rsa(x, y, o):
    p, n = x[y], x[~y]
    return ((p.mean(0) - n.mean(0)) ** 2).sum() / (p.var(0).sum() + n.var(0).sum())


def naive_silhouette(x, y, o):
    return silhouette_score(x, y)


def naive_knn(x, y, o):
    k = min(o.n_neighbors, len(x) - 1)
    return (y[NearestNeighbors(n_neighbors=k).fit(x).kneighbors(return_distance=False)] == y[:, None]).mean()


NAIVE = {name: globals()[f"naive_{name}"] for name in SALIENCIES}
SHAPES = [(4, 3, 16), (5, 4, 1), (5, 4, 2), (12, 30, 5), (16, 10, 128), (20, 20, 20), (40, 12, 128), (150, 4, 64)]


def rows(n, m, d, seed=0, dtype=F, few=False):
    rng = np.random.default_rng(seed)
    y = np.zeros(n, dtype=bool)
    y[rng.permutation(n)[: 2 if few else max(2, n // 3)]] = True
    z = rng.normal(size=(n, m, d)) * rng.uniform(0.2, 3.0, size=(1, m, d)) + rng.normal(size=(1, m, d))
    z[y] += rng.normal(size=(1, m, d)) * rng.uniform(0, 2, size=(1, m, 1))
    return z.astype(dtype), y


def expected(name, z, y, o=None):
    o = o or SaliencyOptions()
    return np.array([NAIVE[name](np.ascontiguousarray(z[:, i], dtype=F), y, o) for i in range(z.shape[1])])


@pytest.mark.parametrize("few", [False, True], ids=["third", "two"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", list(SALIENCIES))
def test_equals_the_plain_formula(name, shape, few) -> None:
    z, y = rows(*shape, few=few)
    if name in ("lda", "kl") and shape[2] == 1:
        pytest.skip("numpy.cov of one channel is no matrix: tested below")
    np.testing.assert_allclose(SALIENCIES[name](z, y), expected(name, z, y), rtol=1e-6, atol=1e-11)


def test_one_channel_gives_the_scalar_formulas() -> None:
    z, y = rows(9, 5, 1)
    p, n = z[y, :, 0], z[~y, :, 0]
    diff2 = (p.mean(0) - n.mean(0)) ** 2
    np.testing.assert_allclose(
        SALIENCIES["lda"](z, y), diff2 / (len(p) * p.var(0) + len(n) * n.var(0) + 1e-6), rtol=1e-9
    )
    a, b = p.var(0) + 1e-10, n.var(0) + 1e-10
    np.testing.assert_allclose(SALIENCIES["kl"](z, y), 0.25 * (a / b + b / a - 2 + diff2 * (1 / a + 1 / b)), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", list(SALIENCIES))
def test_narrow_floats_are_computed_in_double(name, dtype) -> None:
    z, y = rows(24, 8, 32, dtype=dtype)
    out = SALIENCIES[name](z, y)
    assert out.dtype == F
    np.testing.assert_allclose(out, expected(name, z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("lda", SaliencyOptions(shrinkage="ledoit-wolf")),
        ("nmi", SaliencyOptions(average="geometric", seed=7)),
        ("knn", SaliencyOptions(n_neighbors=1)),
        ("knn", SaliencyOptions(n_neighbors=1000)),
    ],
)
@pytest.mark.parametrize("n", [12, 60])
def test_options_follow_their_formula(name, options, n) -> None:
    z, y = rows(n, 10, 24)
    np.testing.assert_allclose(
        SALIENCIES[name](z, y, options=options), expected(name, z, y, options), rtol=1e-6, atol=1e-11
    )


@pytest.mark.parametrize("shape", [(4, 60, 3), (9, 60, 2), (16, 80, 128), (40, 80, 8), (130, 40, 16)], ids=str)
@pytest.mark.parametrize("kind", ["noise", "lumps", "integers", "repeats"])
def test_clusters_are_label_for_label_those_of_scikit_learn(shape, kind) -> None:
    n, m, d = shape
    rng = np.random.default_rng(n)
    z, y = rows(n, m, d, seed=n)
    if kind == "lumps":
        z += 4.0 * rng.integers(0, 3, size=(n, m, 1))
    if kind == "integers":  # exact ties in every decision
        z = rng.integers(-1, 2, size=(n, m, d)).astype(F)
    if kind == "repeats":
        z = z[rng.integers(0, 3, size=n)]
    for seed in (0, 5):
        given = two_means(Block(z.copy(), Rows(y)), seed)
        order = np.argsort(~y, kind="stable")
        for i in range(m):
            want = clusters_of(np.ascontiguousarray(z[:, i]), seed)[order]
            same = (given[i] == want).mean()
            assert same in (0.0, 1.0), f"head {i}"  # which cluster is called 1 does not matter


def test_few_random_heads_need_scikit_learn(monkeypatch) -> None:
    import headhunt.saliency.two_means as module

    called = []
    real = module._sklearn_two_means
    monkeypatch.setattr(module, "_sklearn_two_means", lambda x, seed: called.append(1) or real(x, seed))
    z, y = rows(40, 300, 32, dtype=np.float16)
    SALIENCIES["nmi"](z, y)
    assert len(called) <= 3


def test_repeated_rows_are_at_distance_zero_and_outside_the_median() -> None:
    z, y = rows(30, 6, 16)
    z = z[np.random.default_rng(1).integers(0, 5, size=30)] * 100.0 + 3000.0
    np.testing.assert_allclose(SALIENCIES["mmd"](z, y), expected("mmd", z, y), rtol=1e-6, atol=1e-11)
    assert (Block(z.copy(), Rows(np.ones(30, dtype=bool) & (np.arange(30) > 3))).distances[:, 0, 0] == 0).all()


@pytest.mark.parametrize("name", list(SALIENCIES))
def test_far_from_the_origin_and_beside_an_outlier(name) -> None:
    z, y = rows(20, 5, 8)
    z += 1000.0
    z[3] *= 50.0
    want = expected(name, z, y)
    if name == "silhouette":  # scikit-learn's own distances lose digits far from the origin
        want = np.array([silhouette_score(squareform(pdist(z[:, i])), y, metric="precomputed") for i in range(5)])
    np.testing.assert_allclose(SALIENCIES[name](z, y), want, rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("name", list(SALIENCIES))
@pytest.mark.parametrize("n", [12, 40])
def test_dead_channels_change_no_formula(name, n) -> None:
    z, y = rows(n, 6, 64)
    z[:, :, 5:] = 0.25
    np.testing.assert_allclose(SALIENCIES[name](z, y), expected(name, z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("n", [12, 400])
def test_lda_of_huge_activations_keeps_the_ridge(n) -> None:
    # rows span two channels; a third one holds the difference of the classes alone, where the scatter is just the ridge
    z, y = rows(n, 2, 2)
    wide = np.zeros((n, 2, 100))
    wide[:, :, :2] = z * 1e4
    wide[y, :, 2] = 3.0
    want = 9.0 / 1e-6 + expected("lda", z * 1e4, y)  # the two parts share no channel
    np.testing.assert_allclose(SALIENCIES["lda"](wide, y), want, rtol=1e-6)


@pytest.mark.parametrize("d", [3, 64])
@pytest.mark.parametrize("name", list(SALIENCIES))
def test_a_head_of_identical_rows_says_nothing_and_spoils_no_other(name, d) -> None:
    z, y = rows(13, 5, d)
    others = SALIENCIES[name](z, y)
    z[:, 2] = 0.1
    out = SALIENCIES[name](z, y)
    p, n = y.sum(), (~y).sum()
    chance = (p * (p - 1) + n * (n - 1)) / (len(y) * (len(y) - 1))
    assert out[2] == pytest.approx(chance if name == "knn" else 0.0, abs=0 if name != "knn" else 1e-12)
    np.testing.assert_allclose(np.delete(out, 2), np.delete(others, 2), rtol=1e-12)


@pytest.mark.parametrize("name", list(SALIENCIES))
def test_labels_of_one_class_or_one_row_are_refused(name) -> None:
    z, _ = rows(6, 2, 3)
    for abnormal in (0, 1, 5, 6):
        with pytest.raises(LabelError, match="too few rows"):
            SALIENCIES[name](z, np.arange(6) < abnormal)
    for n in (0, 1, 2):
        with pytest.raises(LabelError):
            SALIENCIES[name](z[:n], np.arange(n) < 1)


@pytest.mark.parametrize("name", list(SALIENCIES))
def test_a_value_that_is_not_finite_names_its_head(name) -> None:
    z, y = rows(8, 300, 3)
    for bad in (np.nan, np.inf, 1e200):
        z[2, 271, 1] = bad
        with pytest.raises(ComputeError, match="of head 271 "):
            SALIENCIES[name](z, y)
        with pytest.raises(ComputeError, match=r"of head \(9, 19\), prompt 4 "):
            SALIENCIES[name](z, y, names=lambda i: f"head ({i // 28}, {i % 28}), prompt 4")


def test_a_score_without_a_value_is_an_error() -> None:
    z = np.zeros((4, 2, 3))
    z[:2, 1] = 1.0  # classes apart, no variance: the ratio is infinite
    with pytest.raises(ComputeError, match="rsa of head 1 "):
        SALIENCIES["rsa"](z, np.arange(4) < 2)


def test_shapes_and_types_that_do_not_fit_are_refused() -> None:
    z, y = rows(6, 2, 3)
    for wrong in (z[0], z[..., :0], (z * 10).astype(int), z.astype(complex)):
        with pytest.raises(ComputeError, match="shape"):
            SALIENCIES["rsa"](wrong, y)
    for labels in (y[:-1], y.astype(int), y[:, None]):
        with pytest.raises(LabelError):
            SALIENCIES["rsa"](z, labels)
    with pytest.raises(UsageError, match="unknown metric"):
        measure(z, y, ("lda", "sparkle"))
    for options in ({"average": "max"}, {"shrinkage": "oas"}, {"n_neighbors": 0}, {"seed": -1}):
        with pytest.raises(UsageError):
            SaliencyOptions(**options)


def test_no_heads_give_no_scores() -> None:
    z, y = rows(6, 2, 3)
    assert SALIENCIES["lda"](z[:, :0], y).shape == (0,)


@pytest.mark.parametrize("n", [10, 50])
def test_one_sweep_blocks_and_repeats_give_the_same_numbers(n, monkeypatch) -> None:
    z, y = rows(n, 40, 24)
    before = z.copy()
    together = measure(z, y, tuple(SALIENCIES))
    monkeypatch.setattr(saliency_module, "BLOCK_HEADS", 7)
    for name, function in SALIENCIES.items():
        np.testing.assert_allclose(function(z, y), together[name], rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(function(z, y), function(z, y))
    np.testing.assert_array_equal(z, before)


@pytest.mark.parametrize("kind", ["noise", "ties", "rising", "outliers", "two lumps"])
def test_the_middle_of_long_rows_is_that_of_sorted_rows(kind) -> None:
    rng = np.random.default_rng(3)
    size = LONG + 1717
    made = {
        "noise": rng.normal(size=(3, size)),
        "ties": rng.integers(0, 3, size=(3, size)).astype(F),
        "rising": np.arange(3 * size, dtype=F).reshape(3, size),
        "outliers": np.where(np.arange(size) % (size // SAMPLE) == 0, 1e9, rng.normal(size=(3, size))),  # all sampled
        "two lumps": np.sort(rng.integers(0, 2, size=(3, size)) * 100.0 + rng.normal(size=(3, size))),
    }
    values = made[kind]
    for low, high in ((size // 2, size // 2), (size // 2 - 1, size // 2), (0, 0), (size - 1, size - 1), (7, 8)):
        wanted = np.sort(values, axis=1)[:, [low, high]].mean(axis=1)
        np.testing.assert_array_equal(_middle(values.copy(), low, high), wanted)


def test_the_numbers_do_not_depend_on_the_threads(monkeypatch) -> None:
    z, y = rows(60, 40, 24)
    monkeypatch.setattr(saliency_module, "BLOCK_BYTES", 24 * 60 * 84 * 3)  # three heads a block
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(saliency_module, "_one_thread_each", lambda threads=threads: nullcontext(threads))
        found.append(measure(z, y, list(SALIENCIES)))
    for name in SALIENCIES:
        np.testing.assert_array_equal(found[0][name], found[1][name], err_msg=name)
    z[5, [20, 31]] = np.nan  # the first head is named, whatever block is through first
    with pytest.raises(ComputeError, match="head 20"):
        measure(z, y, ["lda"])


def test_threads_of_linear_algebra_are_what_they_were_afterwards() -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    measure(*rows(12, 4, 8), ["lda"])
    assert [library["num_threads"] for library in threadpool_info()] == before
