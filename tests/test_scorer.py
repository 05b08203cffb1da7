"""Scorers: the same numbers as scikit-learn and the formulas, files that prove themselves, no invented score."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import numpy as safetensors_numpy
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.svm import LinearSVC

from headhunt.errors import ArtefactError, ComputeError, HeadhuntError, InputError, LabelError
from headhunt.records import Head
from headhunt.scorer import FITTERS, METHODS, Scorer, gate_and_adapters, load, save, score

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
    z, _, y = rows()
    arrays = steer_arrays() if method == "steer" else FITTERS[method](z, y)
    return Scorer(method, HEADS, D, HIDDEN if method == "steer" else None, arrays, {"seed": 0, "prompt": "Gibt es ä?"})


def test_logistic_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = LogisticRegression(solver="liblinear", C=1.0, max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    got = score(scorer_of("logistic"), z)
    np.testing.assert_allclose(got, expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-12)
    assert got.dtype == np.float64


def test_svm_scores_are_the_sigmoid_of_the_margin_of_scikit_learn() -> None:
    z, _, y = rows()
    margin = LinearSVC(C=1.0, dual=False).fit(z.reshape(-1, K * D), y).decision_function(z.reshape(-1, K * D))
    np.testing.assert_allclose(score(scorer_of("svm"), z), 1 / (1 + np.exp(-margin)), rtol=1e-10)


def test_mlp_scores_equal_scikit_learn() -> None:
    z, _, y = rows()
    expected = MLPClassifier(hidden_layer_sizes=(128,), max_iter=2000, random_state=0).fit(z.reshape(-1, K * D), y)
    np.testing.assert_allclose(
        score(scorer_of("mlp"), z), expected.predict_proba(z.reshape(-1, K * D))[:, 1], rtol=1e-10
    )


def test_options_reach_the_fit() -> None:
    z, _, y = rows()
    assert np.linalg.norm(FITTERS["logistic"](z, y, c=1e-3)["coef"]) < np.linalg.norm(FITTERS["logistic"](z, y)["coef"])
    assert FITTERS["mlp"](z, y, hidden=3)["hidden_w"].shape == (3, K, D)


def test_steer_scores_follow_the_formula() -> None:
    a, (z, context, _) = steer_arrays(), rows(6)
    for row in range(6):
        s = 1 / (1 + np.exp(-(np.maximum(a["gate_w1"] @ context[row] + a["gate_b1"], 0) @ a["gate_w2"] + a["gate_b2"])))
        steered = [
            z[row, i] * (1 + s * np.tanh(a["adapter_u"][i] @ a["adapter_v"][i] @ context[row])) for i in range(K)
        ]
        expected = 1 / (1 + np.exp(-(np.concatenate(steered) @ a["coef"].ravel() + a["intercept"][0])))
        assert score(scorer_of("steer"), z[row : row + 1], context[row : row + 1])[0] == pytest.approx(expected)


def test_gate_and_adapters_stay_in_their_ranges_for_huge_contexts() -> None:
    s, g = gate_and_adapters(steer_arrays(), 1e6 * rows()[1])
    assert s.min() >= 0
    assert s.max() <= 1
    assert np.abs(g).max() <= 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [0, 1, 2, 5000])
def test_every_length_is_scored_row_by_row(method: str, n: int) -> None:
    z, context, _ = rows(n)
    got = score(scorer_of(method), z.astype(np.float16), context.astype(np.float16))
    assert got.shape == (n,)
    assert ((got >= 0) & (got <= 1)).all()
    if n:
        last = score(scorer_of(method), z[-1:].astype(np.float16), context[-1:].astype(np.float16))
        np.testing.assert_allclose(got[-1:], last, rtol=1e-9)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_raises_and_is_named(method: str, value: float) -> None:
    z, context, _ = rows()
    z[7, 1, 2] = value
    with pytest.raises(ComputeError, match="row 7"):
        score(scorer_of(method), z, context)


def test_a_context_that_is_not_finite_raises_and_rows_are_counted_over_all_blocks() -> None:
    z, context, _ = rows(3000)
    context[2999, 0] = np.nan
    with pytest.raises(ComputeError, match="row 2999"):
        score(scorer_of("steer"), z, context)


def test_a_score_that_overflows_raises() -> None:
    scorer = Scorer(
        "logistic", HEADS, D, None, {"coef": np.array([[1e300, -1e300, 0, 0]] * K), "intercept": np.zeros(1)}
    )
    with pytest.raises(ComputeError, match="scores"):
        score(scorer, np.full((1, K, D), 1e300))


def test_other_shapes_than_the_scorers_are_refused_with_both_shapes() -> None:
    z, context, _ = rows()
    for bad in (z[:, :2], z[:, :, :3], z.reshape(40, -1)):
        with pytest.raises(ArtefactError, match=r"expected: \(n, 3, 4\)"):
            score(scorer_of("logistic"), bad)
    for other in (None, context[:5], context[:, :3]):
        with pytest.raises(ArtefactError, match=r"expected: \(40, 7\)"):
            score(scorer_of("steer"), z, other)


@pytest.mark.parametrize("method", FITTERS)
def test_labels_that_cannot_be_learned_raise(method: str) -> None:
    z, _, y = rows()
    for labels in (np.zeros(40, bool), np.ones(40, bool), y[:3], y.astype(int), np.zeros((40, 1), bool)):
        with pytest.raises(LabelError):
            FITTERS[method](z, labels)
    for n in (0, 1):
        with pytest.raises(LabelError):
            FITTERS[method](z[:n], y[:n])
    assert set(FITTERS[method](z[:2], y[:2]))


@pytest.mark.parametrize("method", FITTERS)
def test_activations_that_cannot_be_learned_raise(method: str) -> None:
    z, _, y = rows()
    with pytest.raises(InputError):
        FITTERS[method](z.reshape(40, -1), y)
    z[3, 0, 0] = np.nan
    with pytest.raises(ComputeError, match="row 3"):
        FITTERS[method](z, y)


@pytest.mark.parametrize("method", FITTERS)
def test_a_fit_that_does_not_converge_raises(method: str) -> None:
    z, _, y = rows()
    with pytest.raises(ComputeError, match="converge"):
        FITTERS[method](z, y, max_iter=1)


@pytest.mark.parametrize("method", FITTERS)
def test_same_seed_same_bits(method: str) -> None:
    z, _, y = rows()
    first, second = FITTERS[method](z, y, seed=3), FITTERS[method](z, y, seed=3)
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


@pytest.mark.parametrize("method", METHODS)
def test_a_saved_scorer_comes_back_exactly(method: str, tmp_path: Path) -> None:
    scorer, (z, context, _) = scorer_of(method), rows()
    save(scorer, tmp_path / "ucf.v1.2")
    assert sorted(file.name for file in tmp_path.iterdir()) == ["ucf.v1.2.json", "ucf.v1.2.safetensors"]
    for name in ("ucf.v1.2", "ucf.v1.2.json", "ucf.v1.2.safetensors"):
        back = load(tmp_path / name)
        assert (back.method, back.heads, back.head_dim, back.hidden) == (method, HEADS, D, scorer.hidden)
        assert back.facts == scorer.facts
        np.testing.assert_array_equal(score(back, z, context), score(scorer, z, context))


def test_the_json_starts_with_format_and_version_and_names_the_digest(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    assert list(data)[:2] == ["format", "version"]
    assert (data["format"], data["version"]) == ("headhunt-scorer", 1)
    assert data["sha256"] == hashlib.sha256((tmp_path / "a.safetensors").read_bytes()).hexdigest()


def test_arrays_in_any_memory_order_are_saved_right(tmp_path: Path) -> None:
    coef = np.arange(D * K, dtype=np.float64).reshape(D, K).T
    save(Scorer("svm", HEADS, D, None, {"coef": coef, "intercept": np.ones(2)[::2]}), tmp_path / "a")
    np.testing.assert_array_equal(load(tmp_path / "a").arrays["coef"], coef)


def test_saving_replaces_the_old_scorer(tmp_path: Path) -> None:
    save(scorer_of("mlp"), tmp_path / "a")
    save(scorer_of("svm"), tmp_path / "a.json")
    assert load(tmp_path / "a").method == "svm"


def damaged(data: dict[str, object]) -> list[bytes]:
    changes: list[dict[str, object]] = [
        {"format": "headhunt-heads"},
        {"version": 2},
        {"method": "forest"},
        {"heads": [[0, 0]]},
        {"heads": [[2, 1], [2, 1], [0, 3]]},
        {"heads": [[-1, 0], [0, 3], [5, 0]]},
        {"heads": 3},
        {"head_dim": 5},
        {"head_dim": 4.0},
        {"head_dim": None},
        {"hidden": 7},
        {"facts": [1]},
        {"sha256": "0" * 64},
    ]
    texts = [json.dumps(data | change).encode() for change in changes]
    texts += [json.dumps({k: v for k, v in data.items() if k != missing}).encode() for missing in data]
    whole = json.dumps(data).encode()
    return [*texts, b"", b"[]", b"null", whole[: len(whole) // 2], b"\xff\xfe" + whole, b"[" * 100_000]


def test_every_damaged_json_is_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    for text in damaged(json.loads((tmp_path / "a.json").read_text())):
        (tmp_path / "a.json").write_bytes(text)
        with pytest.raises(ArtefactError):
            load(tmp_path / "a")


def test_damaged_truncated_and_missing_arrays_are_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    arrays = tmp_path / "a.safetensors"
    whole = arrays.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    for blob in (b"", whole[:-1], bytes(flipped), whole + b"\0"):
        arrays.write_bytes(blob)
        with pytest.raises(ArtefactError, match="next: "):
            load(tmp_path / "a")
    arrays.unlink()
    with pytest.raises(ArtefactError, match="next: "):
        load(tmp_path / "a")


def test_foreign_arrays_with_a_matching_digest_are_refused(tmp_path: Path) -> None:
    save(scorer_of("logistic"), tmp_path / "a")
    data = json.loads((tmp_path / "a.json").read_text())
    nan = {"coef": np.full((K, D), np.nan), "intercept": np.zeros(1)}
    short = {"coef": np.zeros((K, 2)), "intercept": np.zeros(1)}
    whole_numbers = {"coef": np.zeros((K, D), np.int64), "intercept": np.zeros(1)}
    flat = {"coef": np.zeros(K * D), "intercept": np.zeros(1)}
    blobs = [safetensors_numpy.save(arrays) for arrays in (nan, short, whole_numbers, flat, {"other": np.zeros(1)})]
    for blob in [*blobs, b"", b"not safetensors at all"]:
        (tmp_path / "a.safetensors").write_bytes(blob)
        (tmp_path / "a.json").write_text(json.dumps(data | {"sha256": hashlib.sha256(blob).hexdigest()}))
        with pytest.raises(ArtefactError):
            load(tmp_path / "a")


def test_a_place_that_cannot_be_written_is_a_clear_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(HeadhuntError, match="next: check that the folder exists"):
        save(scorer_of("logistic"), tmp_path / "missing" / "a")
    (tmp_path / "b.safetensors").mkdir()
    with pytest.raises(HeadhuntError, match="cannot be written"):
        save(scorer_of("logistic"), tmp_path / "b")
    assert [file.name for file in tmp_path.iterdir()] == ["b.safetensors"]


def test_a_full_disk_is_a_clear_error_and_keeps_the_old_scorer(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource", reason="limits on file size are a POSIX matter")
    save(scorer_of("logistic"), tmp_path / "a")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    scorer = scorer_of("mlp")
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))  # a write beyond it fails as on a full disk
    try:
        with pytest.raises(HeadhuntError, match="has room"):
            save(scorer, tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert load(tmp_path / "a").method == "logistic"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_scorer_checks_itself() -> None:
    z, _, y = rows()
    arrays = FITTERS["logistic"](z, y)
    for heads, dim, hidden, facts in (
        ((), D, None, {}),
        (HEADS[:2], D, None, {}),
        ((HEADS[0],) * 3, D, None, {}),
        (HEADS, 5, None, {}),
        (HEADS, D, HIDDEN, {}),
        (HEADS, D, None, {"loss": float("nan")}),
        (HEADS, D, None, {"path": Path("a")}),
    ):
        with pytest.raises(ArtefactError):
            Scorer("logistic", heads, dim, hidden, arrays, facts)
    with pytest.raises(ArtefactError):
        Scorer("steer", HEADS, D, None, steer_arrays())
    with pytest.raises(ArtefactError):
        Scorer("steer", HEADS, D, HIDDEN, steer_arrays() | {"gate_b1": np.zeros(4, np.float32)})
