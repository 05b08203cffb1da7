"""What holds for every method; and that one from outside is one file and one line."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import headhunt.scorers
from headhunt.artefacts import scorers
from headhunt.errors import ComputeError, InputError, LabelError, UsageError
from headhunt.scorers import METHODS, Fitted, Scorer, score
from headhunt.scorers.method import options, read_by
from headhunt.stages.fit import FitConfig, fit
from headhunt.stages.score import ScoreConfig
from headhunt.stages.score import score as score_stage
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from tests.made_scorers import HEADS, HIDDEN, D, rows, scorer_of
from tests.stages.synthetic import make_store

NEAREST_MEAN = '''
"""A scorer from outside: nearer to the mean of the abnormal rows than to that of the normal ones."""

import numpy as np

from headhunt.scorers import Fitted, Method


def fit(z, context, y, *, seed=0, shrink=0.0):
    means = {name: z[rows].mean(0) for name, rows in (("abnormal", y), ("normal", ~y))}
    return Fitted({name: (1 - shrink) * mean + shrink * z.mean(0) for name, mean in means.items()})


def logit(arrays, z, context):
    return sum(sign * ((z - arrays[name]) ** 2).sum((1, 2)) for name, sign in (("normal", 1), ("abnormal", -1)))


METHOD = Method(fit, logit, ({"abnormal": ("k", "d"), "normal": ("k", "d")},))
'''


def fitted(method: str, n: int = 40, *, seed: int = 0) -> Fitted:
    z, context, y = rows()
    short = {"epochs": 20} if "epochs" in options(METHODS[method]) else {}
    return METHODS[method].fit(z[:n], context[:n], y[:n], seed=seed, **short)


@pytest.mark.parametrize("method", METHODS)
def test_a_fit_has_a_layout_of_its_method_and_reads_what_that_says(method: str) -> None:
    given = METHODS[method].reads({})
    scorer = Scorer(method, HEADS, D, HIDDEN if "context" in given else None, fitted(method).arrays)
    assert scorer.reads == given
    layouts = [set(layout) for layout in METHODS[method].layouts]
    assert len(layouts) == len(set(map(frozenset, layouts)))
    assert not any("loss" in names for names in layouts)
    assert all(read_by(layout) for layout in METHODS[method].layouts)


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


@pytest.mark.parametrize("method", METHODS)
def test_labels_that_cannot_be_learned_raise(method: str) -> None:
    z, context, y = rows()
    for labels in (np.zeros(40, bool), np.ones(40, bool), y[:3], y.astype(int), np.zeros((40, 1), bool)):
        with pytest.raises(LabelError):
            METHODS[method].fit(z, context, labels)
    for n in (0, 1):
        with pytest.raises(LabelError):
            METHODS[method].fit(z[:n], context[:n], y[:n])
    assert set(fitted(method, 2).arrays)


@pytest.mark.parametrize("method", METHODS)
def test_activations_that_cannot_be_learned_raise(method: str) -> None:
    z, context, y = rows()
    with pytest.raises(InputError):
        METHODS[method].fit(z.reshape(40, -1), context, y)
    z[3, 0, 0] = np.nan
    with pytest.raises(ComputeError, match="row 3"):
        METHODS[method].fit(z, context, y)


@pytest.mark.parametrize("method", ["logistic", "svm", "mlp"])
def test_a_fit_that_does_not_converge_raises(method: str) -> None:
    z, context, y = rows()
    with pytest.raises(ComputeError, match="converge"):
        METHODS[method].fit(z, context, y, max_iter=1)


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_bits(method: str) -> None:
    first, second = fitted(method, seed=3).arrays, fitted(method, seed=3).arrays
    assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_options_are_those_of_the_fit_with_their_defaults() -> None:
    assert options(METHODS["logistic"]) == {"c": 1.0, "max_iter": 2000}
    assert options(METHODS["mlp"]) == {"hidden": 128, "max_iter": 2000}
    assert "seed" not in options(METHODS["steer"])


def test_an_unknown_method_and_an_option_of_another_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match="logistic or steer or svm or mlp"):
        FitConfig(method="forest")
    nowhere = Path("no-store")  # it is refused before any store is opened
    with pytest.raises(UsageError, match=r"--epochs does not belong to logistic\n.*only with steer"):
        fit(nowhere, FitConfig(epochs=3))
    with pytest.raises(UsageError, match=r"--c does not belong to steer\n.*only with logistic, svm"):
        fit(nowhere, FitConfig(method="steer", c=1.0))
    with pytest.raises(UsageError, match=r"--trees does not belong to svm\n.*c, max_iter"):
        fit(nowhere, FitConfig(method="svm", options={"trees": 3}))


def test_the_context_is_read_only_where_the_method_with_its_options_reads_it(tmp_path: Path) -> None:
    make_store(tmp_path / "store")
    select_heads(tmp_path / "store", SelectConfig(k=2))
    linear = FitConfig(method="steer", options={"variant": "linear", "epochs": 3})
    fit(tmp_path / "store", linear)
    before = Store(tmp_path / "store").artefact("scorers").digest
    shutil.rmtree(tmp_path / "store" / "features" / "context")
    fit(tmp_path / "store", FitConfig())
    fit(tmp_path / "store", linear)
    assert Store(tmp_path / "store").artefact("scorers").digest == before
    assert score_stage(tmp_path / "store", ScoreConfig()).segments == 120
    with pytest.raises(InputError, match="holds no context"):
        fit(tmp_path / "store", FitConfig(method="steer", options={"variant": "static"}))


def test_naming_the_methods_loads_no_numpy_and_asking_for_their_options_no_torch() -> None:
    code = (
        "import sys\n"
        "from headhunt.scorers import METHODS\n"
        "assert list(METHODS) and 'numpy' not in sys.modules\n"
        "from headhunt.scorers import Fitted, Method, Scorer, score\n"
        "from headhunt.scorers.method import options\n"
        "print([options(METHODS[name]) for name in METHODS] and sorted({'torch', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_that_is_handed_on_is_there_and_no_other() -> None:
    assert all(getattr(headhunt.scorers, name) is not None for name in headhunt.scorers.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Forest'"):
        _ = headhunt.scorers.Forest


def test_a_scorer_from_outside_is_one_file_and_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nearest_mean.py").write_text(NEAREST_MEAN)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setitem(METHODS, "nearest-mean", importlib.import_module("nearest_mean").METHOD)
    make_store(tmp_path / "store")
    select_heads(tmp_path / "store", SelectConfig(k=2))
    config = FitConfig(method="nearest-mean", options={"shrink": 0.25})
    report = fit(tmp_path / "store", config, output=tmp_path / "file")
    assert (report.name, report.parameters, report.loss) == ("nearest-mean", 2 * 2 * 6, None)
    assert score_stage(tmp_path / "store", ScoreConfig()).segments == 120

    store = Store(tmp_path / "store")
    found, values = scorers.of(store.artefact("scorers")), store.artefact("scores").arrays
    z = store.heads(values["row"], found.heads, prompt="coarse")
    assert found.reads == {"heads"}
    scorers.save(found, tmp_path / "again")
    for stem in ("file", "again"):
        np.testing.assert_array_equal(score(scorers.load(tmp_path / stem), z), values["score"])

    with pytest.raises(UsageError, match="only with nearest-mean"):
        fit(tmp_path / "store", FitConfig(options={"shrink": 0.25}))
