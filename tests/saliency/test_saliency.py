"""Every saliency: its fast form against its plain formula, and what holds for all of them."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

import headhunt.saliency as package
from headhunt.errors import ComputeError, LabelError, UsageError
from headhunt.saliency import SALIENCIES, Saliency, SaliencyOptions, measure
from tests.saliency.made_rows import SHAPES, expected, rows

NAMES = list(SALIENCIES)


@pytest.mark.parametrize("few", [False, True], ids=["third", "two"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_plain_formula(name, shape, few) -> None:
    z, y = rows(*shape, few=few)
    np.testing.assert_allclose(SALIENCIES[name](z, y), expected(name, z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_fast_form_it_is_the_plain_formula(name) -> None:
    z, y = rows(16, 10, 24)
    np.testing.assert_array_equal(Saliency(SALIENCIES[name].plain)(z, y), expected(name, z, y))


@pytest.mark.parametrize("shape", [(12, 30, 5), (40, 12, 128), (150, 4, 64)], ids=str)
@pytest.mark.parametrize("name", [name for name in NAMES if name != "nmi"])  # k-means draws rows by their place
def test_the_order_of_rows_does_not_matter(name, shape) -> None:
    z, y = rows(*shape)
    order = np.random.default_rng(1).permutation(len(y))
    np.testing.assert_allclose(SALIENCIES[name](z[order], y[order]), SALIENCIES[name](z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("name", NAMES)
def test_narrow_floats_are_computed_in_double(name, dtype) -> None:
    z, y = rows(24, 8, 32, dtype=dtype)
    out = SALIENCIES[name](z, y)
    assert out.dtype == np.float64
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


@pytest.mark.parametrize("name", NAMES)
def test_far_from_the_origin_and_beside_an_outlier(name) -> None:
    z, y = rows(20, 5, 8)
    z += 1000.0
    z[3] *= 50.0
    np.testing.assert_allclose(SALIENCIES[name](z, y), expected(name, z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("n", [12, 40])
def test_dead_channels_change_no_formula(name, n) -> None:
    z, y = rows(n, 6, 64)
    z[:, :, 5:] = 0.25
    np.testing.assert_allclose(SALIENCIES[name](z, y), expected(name, z, y), rtol=1e-6, atol=1e-11)


@pytest.mark.parametrize("d", [3, 64])
@pytest.mark.parametrize("name", NAMES)
def test_a_head_of_identical_rows_says_nothing_and_spoils_no_other(name, d) -> None:
    z, y = rows(13, 5, d)
    others = SALIENCIES[name](z, y)
    z[:, 2] = 0.1
    out = SALIENCIES[name](z, y)
    p, n = y.sum(), (~y).sum()
    chance = (p * (p - 1) + n * (n - 1)) / (len(y) * (len(y) - 1))
    assert out[2] == pytest.approx(chance if name == "knn" else 0.0, abs=0 if name != "knn" else 1e-12)
    np.testing.assert_allclose(np.delete(out, 2), np.delete(others, 2), rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_labels_of_one_class_or_one_row_are_refused(name) -> None:
    z, _ = rows(6, 2, 3)
    for abnormal in (0, 1, 5, 6):
        with pytest.raises(LabelError, match="too few rows"):
            SALIENCIES[name](z, np.arange(6) < abnormal)
    for n in (0, 1, 2):
        with pytest.raises(LabelError):
            SALIENCIES[name](z[:n], np.arange(n) < 1)


@pytest.mark.parametrize("name", NAMES)
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


def test_an_unknown_saliency_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown saliency"):
        measure(*rows(6, 2, 3), ("lda", "sparkle"))


def test_no_heads_give_no_scores() -> None:
    z, y = rows(6, 2, 3)
    assert SALIENCIES["lda"](z[:, :0], y).shape == (0,)


GAP = """
import numpy as np
from headhunt.saliency import SALIENCIES, Saliency

def gap(p, n, options):
    return float(np.linalg.norm(p.mean(axis=0) - n.mean(axis=0)) / p.std())

SALIENCIES["gap"] = Saliency(gap)
"""


def test_one_file_from_outside_adds_a_saliency(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gap.py").write_text(GAP)
    monkeypatch.syspath_prepend(tmp_path)
    try:
        import_module("gap")
        z, y = rows(12, 5, 4, mixed=True)
        z[:, 3] = 0.1  # would be 0 / 0
        z[:, 4] *= 2.0
        found = measure(z, y, ("gap", "rsa"))
        np.testing.assert_array_equal(found["rsa"], SALIENCIES["rsa"](z, y))
        for head in (0, 1, 2, 4):
            p, n = z[y, head], z[~y, head]
            assert found["gap"][head] == np.linalg.norm(p.mean(axis=0) - n.mean(axis=0)) / p.std()
        assert found["gap"][3] == 0.0
        z[y, 2] = 1.0
        with pytest.raises(ComputeError, match="gap of head 2 "):
            measure(z, y, ["gap"])
    finally:
        SALIENCIES.pop("gap", None)
        sys.modules.pop("gap", None)


def test_the_names_are_known_before_anything_is_loaded() -> None:
    code = "import sys, headhunt.saliency; print(list(headhunt.saliency.SALIENCIES), 'numpy' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == f"{NAMES} False"


def test_the_package_hands_on_its_names_and_no_others() -> None:
    for name in package.__all__:
        assert getattr(package, name) is not None
    with pytest.raises(AttributeError, match="sparkle"):
        _ = package.sparkle
