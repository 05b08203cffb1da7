"""The steering fit: the published formula, plain AdamW, variants that do what they say, batches equal to their fits."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from headhunt.errors import ComputeError, InputError, LabelError, UsageError
from headhunt.records import Head
from headhunt.scorers.scorer import Scorer, score
from headhunt.scorers.steer import gate_and_adapters
from headhunt.scorers.steering import fit_several, fit_steer

N, K, D, HIDDEN = 48, 3, 8, 20
VARIANTS = ["full", "no-gate", "additive", "static", "linear"]
SMALL = {"rank": 2, "gate_hidden": 16}


def rows(n: int = N) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    y = np.arange(n) % 3 == 0
    z = random.normal(size=(n, K, D)) + 0.4 * y[:, None, None]
    return z.astype(np.float32), (random.normal(size=(n, HIDDEN)) + 0.2 * y[:, None]).astype(np.float32), y


def as_scorer(arrays: dict[str, np.ndarray], variant: str = "full") -> Scorer:
    hidden = None if variant == "linear" else HIDDEN
    return Scorer("steer", tuple(Head(i, 0) for i in range(K)), D, hidden, arrays)


def logit_and_gate(a: dict[str, torch.Tensor], z: torch.Tensor, c: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The network written down plainly, for autograd."""
    s = torch.ones(len(z))
    if "gate_w1" in a:
        s = torch.sigmoid(torch.relu(c @ a["gate_w1"].T + a["gate_b1"]) @ a["gate_w2"] + a["gate_b2"])
    steered = []
    for i in range(K):
        if "static" in a:
            g = torch.tanh(a["static"][i]).expand(len(z), D)
        elif "adapter_u" in a:
            g = torch.tanh(c @ a["adapter_v"][i].T @ a["adapter_u"][i].T)
        else:
            g = torch.zeros(len(z), D)
        steered.append(z[:, i] + s[:, None] * g if "additive" in a else z[:, i] * (1 + s[:, None] * g))
    return torch.cat(steered, dim=1) @ a["coef"].flatten() + a["intercept"], s


def autograd_fit(
    arrays: dict[str, np.ndarray], z: np.ndarray, context: np.ndarray, y: np.ndarray, epochs: int
) -> tuple[dict[str, np.ndarray], list[float]]:
    a = {name: torch.tensor(array) for name, array in arrays.items()}
    trained = [tensor.requires_grad_() for name, tensor in a.items() if name != "additive"]
    optimizer = torch.optim.AdamW(trained, lr=1e-3, weight_decay=0.01)
    h, c, target, curve = torch.tensor(z), torch.tensor(context), torch.tensor(y.astype(np.float32)), []
    for _ in range(epochs):
        logit, s = logit_and_gate(a, h, c)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, target)
        if "gate_w1" in a:
            loss = loss + 0.1 * (s[target == 0] ** 2).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        curve.append(loss.item())
    return {name: tensor.detach().numpy() for name, tensor in a.items()}, curve


@pytest.mark.parametrize("variant", VARIANTS)
def test_trains_as_autograd_and_plain_adamw_do(variant: str) -> None:
    z, context, y = rows()
    start, _ = fit_steer(z, context, y, epochs=0, variant=variant, **SMALL)
    arrays, curve = fit_steer(z, context, y, epochs=300, variant=variant, **SMALL)
    expected, losses = autograd_fit(start, z, context, y, 300)
    np.testing.assert_allclose(curve[:100], losses[:100], rtol=1e-4)
    np.testing.assert_allclose(curve, losses, rtol=1e-3)
    assert curve[-1] < 0.9 * curve[0]
    for name in arrays:
        np.testing.assert_allclose(arrays[name], expected[name], atol=2e-3, err_msg=name)


@pytest.mark.parametrize("variant", ["full", "no-gate", "static"])
def test_wide_contexts_train_the_same(variant: str) -> None:
    z, _, y = rows()
    wide = np.random.default_rng(1).normal(size=(N, 2732)).astype(np.float32) + 0.05 * y[:, None].astype(np.float32)
    start, _ = fit_steer(z, wide, y, epochs=0, variant=variant, **SMALL)
    arrays, curve = fit_steer(z, wide, y, epochs=40, variant=variant, **SMALL)
    expected, losses = autograd_fit(start, z, wide, y, 40)
    np.testing.assert_allclose(curve, losses, rtol=1e-4)
    assert arrays.keys() == expected.keys()
    for name in arrays:
        np.testing.assert_allclose(arrays[name], expected[name], atol=2e-4, err_msg=name)


def test_a_machine_without_onednn_trains_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    z, context, y = rows()
    expected, losses = fit_steer(z, context, y, epochs=40, **SMALL)
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    arrays, curve = fit_steer(z, context, y, epochs=40, **SMALL)
    np.testing.assert_allclose(curve, losses, rtol=1e-5)
    for name in arrays:
        np.testing.assert_allclose(arrays[name], expected[name], atol=2e-4, err_msg=name)


def formula_loss(
    arrays: dict[str, np.ndarray], z: np.ndarray, context: np.ndarray, y: np.ndarray, lambda_reg: float
) -> float:
    """The paper's loss, row by row and head by head, in float64."""
    a = {name: array.astype(np.float64) for name, array in arrays.items()}
    cross_entropy, gates = [], []
    for heads, c, abnormal in zip(z.astype(np.float64), context.astype(np.float64), y, strict=True):
        s, steered = 1.0, []
        if "gate_w1" in a:
            s = 1 / (1 + np.exp(-(a["gate_w2"] @ np.maximum(a["gate_w1"] @ c + a["gate_b1"], 0) + a["gate_b2"][0])))
        for i, h in enumerate(heads):
            g = np.zeros(D)
            if "static" in a:
                g = np.tanh(a["static"][i])
            elif "adapter_u" in a:
                g = np.tanh(a["adapter_u"][i] @ a["adapter_v"][i] @ c)
            steered.append(h + s * g if "additive" in a else h * (1 + s * g))
        p = 1 / (1 + np.exp(-(a["coef"].ravel() @ np.concatenate(steered) + a["intercept"][0])))
        cross_entropy.append(-np.log(p if abnormal else 1 - p))
        gates += [] if abnormal or "gate_w1" not in a else [s]
    return float(np.mean(cross_entropy) + (lambda_reg * np.mean(np.square(gates)) if gates else 0))


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("lambda_reg", [0.0, 0.1, 3.0])
def test_the_loss_is_the_papers_formula(variant: str, lambda_reg: float) -> None:
    z, context, y = rows()
    options = {"variant": variant, "lambda_reg": lambda_reg, **SMALL}
    _, curve = fit_steer(z, context, y, epochs=61, **options)
    for epochs in (0, 60):
        arrays, _ = fit_steer(z, context, y, epochs=epochs, **options)
        assert curve[epochs] == pytest.approx(formula_loss(arrays, z, context, y, lambda_reg), rel=1e-6)


@pytest.mark.parametrize("variant", VARIANTS)
def test_numpy_scores_equal_the_torch_forward(variant: str) -> None:
    z, context, y = rows()
    arrays, _ = fit_steer(z, context, y, epochs=200, variant=variant, **SMALL)
    logit, _ = logit_and_gate(
        {name: torch.tensor(array).double() for name, array in arrays.items()},
        torch.tensor(z).double(),
        torch.tensor(context).double(),
    )
    got = score(as_scorer(arrays, variant), z, context)
    np.testing.assert_allclose(got, torch.sigmoid(logit).numpy(), rtol=1e-5)


def test_training_starts_at_the_linear_scorer() -> None:
    z, context, y = rows()
    linear, _ = fit_steer(z, context, y, epochs=0, variant="linear")
    expected = score(as_scorer(linear, "linear"), z)
    for variant in VARIANTS[:-1]:
        arrays, _ = fit_steer(z, context, y, epochs=0, variant=variant)
        np.testing.assert_array_equal(score(as_scorer(arrays), z, context), expected)


def test_gate_and_adapters_stay_in_their_ranges() -> None:
    z, context, y = rows()
    arrays, _ = fit_steer(z, 20 * context, y, epochs=100, lambda_reg=0.0)
    s, g = gate_and_adapters(arrays, 20 * context.astype(np.float64))
    assert 0 <= s.min() <= s.max() <= 1
    assert -1 <= g.min() <= g.max() <= 1
    assert np.ptp(s) > 0.5
    assert np.abs(g).max() > 0.5


def test_the_regulariser_closes_the_gate_on_normal_rows() -> None:
    z, context, y = rows()
    gates = []
    for lambda_reg in (0.0, 0.1, 10.0):
        arrays, _ = fit_steer(z, context, y, epochs=300, lambda_reg=lambda_reg)
        gates.append(gate_and_adapters(arrays, context.astype(np.float64))[0][~y].mean())
    assert gates[0] > gates[1] > gates[2]
    assert gates[2] < 0.1


def test_full_size_has_the_published_number_of_parameters() -> None:
    z, context = np.zeros((2, 4, 128), np.float32), np.zeros((2, 3584), np.float32)
    sizes = {}
    for variant in VARIANTS:
        arrays, curve = fit_steer(z, context, np.array([True, False]), epochs=0, variant=variant)
        sizes[variant] = sum(array.size for name, array in arrays.items() if name != "additive")
        assert curve.shape == (0,)
    gate, adapters, linear = 3584 * 128 + 128 + 128 + 1, 4 * (3584 * 4 + 4 * 128), 4 * 128 + 1
    assert sizes == {
        "full": 518_914,
        "no-gate": adapters + linear,
        "additive": gate + adapters + linear,
        "static": gate + 512 + linear,
        "linear": linear,
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_same_seed_same_bits_and_another_seed_others(variant: str) -> None:
    z, context, y = rows()
    (first, curve), (second, again), (other, _) = (
        fit_steer(z, context, y, seed=seed, epochs=30, variant=variant) for seed in (5, 5, 6)
    )
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)
    assert curve.tobytes() == again.tobytes()
    assert (first["coef"] != other["coef"]).any()


def test_global_state_of_torch_is_neither_used_nor_changed() -> None:
    z, context, y = rows()
    expected, _ = fit_steer(z, context, y, epochs=5)
    torch.manual_seed(1)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_default_dtype(torch.float64)
    try:
        with torch.inference_mode():
            got, _ = fit_steer(z, context, y, epochs=5)
    finally:
        torch.set_default_dtype(torch.float32)
    assert all(np.array_equal(got[name], expected[name]) and got[name].dtype == np.float32 for name in expected)
    assert torch.equal(before, torch.get_rng_state())
    assert (torch.get_num_threads(), torch.is_grad_enabled()) == (threads, True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_standardized_inputs_score_as_scaling_them_by_hand_does(variant: str) -> None:
    z, context, y = rows()
    context[:, 3] = 5.0
    by_hand = (z - z.mean(axis=0)) / z.std(axis=0)
    deviation = np.where(context.std(axis=0) == 0, 1, context.std(axis=0))
    scaled = (context - context.mean(axis=0)) / deviation
    plain, _ = fit_steer(by_hand, scaled, y, epochs=50, variant=variant)
    inside, _ = fit_steer(z, context, y, epochs=50, variant=variant, standardize=True)
    got = score(as_scorer(inside, variant), z, context)
    np.testing.assert_allclose(got, score(as_scorer(plain, variant), by_hand, scaled), rtol=1e-3)


def test_input_arrays_are_left_as_they_were() -> None:
    z, context, y = rows()
    for array in (z, context, y):
        array.setflags(write=False)
    before = z.copy(), context.copy(), y.copy()
    for standardize in (False, True):
        fit_steer(z, context, y, epochs=5, standardize=standardize)
    assert all(np.array_equal(a, b) for a, b in zip(before, (z, context, y), strict=True))


@pytest.mark.parametrize("variant", VARIANTS)
def test_two_rows_are_enough_and_float16_is_taken(variant: str) -> None:
    z, context, y = rows(2)
    arrays, curve = fit_steer(z.astype(np.float16), context.astype(np.float16), y, epochs=3, variant=variant)
    assert np.isfinite(curve).all()
    assert all(array.dtype == np.float32 for array in arrays.values())


def test_labels_that_cannot_be_learned_raise() -> None:
    z, context, y = rows()
    for labels in (np.zeros(N, bool), np.ones(N, bool), y[:-1], y.astype(float)):
        with pytest.raises(LabelError):
            fit_steer(z, context, labels, epochs=1)
    for n in (0, 1):
        with pytest.raises(LabelError, match="both classes"):
            fit_steer(z[:n], context[:n], y[:n], epochs=1)


def test_rows_that_do_not_belong_together_raise() -> None:
    z, context, y = rows()
    for a, b in ((z[:5], context), (z.reshape(N, -1), context), (z, context[:, :0]), (z, context[:, 0])):
        with pytest.raises(InputError, match="expected"):
            fit_steer(a, b, y, epochs=1)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_values_not_finite_in_float32_raise_and_are_named(value: float) -> None:
    z, context, y = (array.astype(np.float64) if array.dtype != bool else array for array in rows())
    bad_z, bad_context = z.copy(), context.copy()
    bad_z[4, 0, 0] = bad_context[9, 0] = value
    with pytest.raises(ComputeError, match=r"activations.*\n.*row 4"):
        fit_steer(bad_z, context, y, epochs=1)
    with pytest.raises(ComputeError, match=r"context.*\n.*row 9"):
        fit_steer(z, bad_context, y, epochs=1)


def test_a_fit_that_diverges_raises() -> None:
    z, context, y = rows()
    with pytest.raises(ComputeError, match="diverged"):
        fit_steer(1e30 * z, context, y, epochs=50, lr=1e30)


def test_options_out_of_range_raise() -> None:
    z, context, y = rows()
    for options in (
        {"variant": "none"},
        {"epochs": -1},
        {"rank": 0},
        {"gate_hidden": 0},
        {"lambda_reg": -0.1},
        {"lr": float("nan")},
        {"weight_decay": float("inf")},
    ):
        with pytest.raises(UsageError):
            fit_steer(z, context, y, **options)


def batch(f: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(2)
    z, context, _ = rows()
    y = np.stack([random.permutation(N) % 3 == 0 for _ in range(f)])
    z = z + 0.4 * (random.normal(size=(f, *z.shape)) + y[..., None, None])
    context = context + 0.2 * (random.normal(size=(f, *context.shape)) + y[..., None])
    return z.astype(np.float32), context.astype(np.float32), y


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("standardize", [False, True])
@pytest.mark.parametrize("shared", [False, True])
def test_fits_of_a_batch_equal_each_alone(variant: str, standardize: bool, shared: bool) -> None:
    z, context, y = batch()
    if shared:
        context = context[0]
    options = {"variant": variant, "standardize": standardize, **SMALL}
    for epochs in (0, 40):
        together = fit_several(z, context, y, seeds=[4, 0, 4], epochs=epochs, **options)
        for i, (seed, (arrays, curve)) in enumerate(zip([4, 0, 4], together, strict=True)):
            c = context if shared else context[i]
            expected, losses = fit_steer(z[i], c, y[i], seed=seed, epochs=epochs, **options)
            np.testing.assert_allclose(curve, losses, rtol=2e-6)
            assert arrays.keys() == expected.keys()
            for name, array in arrays.items():
                assert (array.shape, array.dtype) == (expected[name].shape, np.float32)
                np.testing.assert_allclose(array, expected[name], atol=1e-4 if epochs else 0, err_msg=name)


def test_fits_of_a_batch_may_share_their_labels_and_no_arrays() -> None:
    z, context, y = batch()
    (first, _), (second, _), _ = fit_several(z, context[0], y[0], seeds=range(3), epochs=20, standardize=True)
    expected, _ = fit_steer(z[1], context[0], y[0], seed=1, epochs=20, standardize=True)
    np.testing.assert_allclose(second["coef"], expected["coef"], atol=1e-5)
    assert not any(np.shares_memory(first[name], second[name]) for name in first)
    assert all(array.flags.c_contiguous for array in first.values())


@pytest.mark.parametrize("shared", [False, True])
def test_a_batch_gives_the_same_bits_again(shared: bool) -> None:
    z, context, y = batch()
    first, second = (fit_several(z, context[0] if shared else context, y, seeds=[1, 2, 3], epochs=30) for _ in range(2))
    for (arrays, curve), (again, losses) in zip(first, second, strict=True):
        assert curve.tobytes() == losses.tobytes()
        assert all(arrays[name].tobytes() == again[name].tobytes() for name in arrays)


def test_a_fit_of_a_batch_that_fails_is_named() -> None:
    z, context, y = batch()
    wrong_z, wrong_context, wrong_y = z.copy(), context.copy(), y.copy()
    wrong_z[1] = np.copysign(3e38, z[1])
    with pytest.raises(ComputeError, match=r"^steering fit 1 diverged in epoch 0"):
        fit_several(wrong_z, context, y, seeds=[0, 1, 2], epochs=5)
    wrong_z[2, 7, 0, 0] = wrong_context[1, 9, 0] = np.nan
    with pytest.raises(ComputeError, match=r"activations of steering fit 2.*\n.*1 of 48.*row 7"):
        fit_several(wrong_z, context, y, seeds=[0, 1, 2], epochs=5)
    with pytest.raises(ComputeError, match=r"context of steering fit 1.*\n.*1 of 48.*row 9"):
        fit_several(z, wrong_context, y, seeds=[0, 1, 2], epochs=5)
    wrong_y[2] = True
    with pytest.raises(LabelError, match=r"steering fit 2 needs rows of both classes\n.*48 abnormal of 48"):
        fit_several(z, context, wrong_y, seeds=[0, 1, 2], epochs=5)


def test_a_batch_that_does_not_belong_together_raises() -> None:
    z, context, y = batch()
    for a, b, seeds in (
        (z, context, [0, 1]),
        (z[0], context[0], [0]),
        (z, context[:2], [0, 1, 2]),
        (z, context[:, 1:], [0, 1, 2]),
        (z, context[0, 1:], [0, 1, 2]),
        (z[:0], context[0], []),
    ):
        with pytest.raises(InputError, match="one seed a fit"):
            fit_several(a, b, y[: len(a)], seeds=seeds, epochs=1)
    for labels in (y[:2], y[:, 1:], y[0, 1:], y[None]):
        with pytest.raises(LabelError, match="one label a row"):
            fit_several(z, context, labels, seeds=[0, 1, 2], epochs=1)
