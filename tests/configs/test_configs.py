"""The configurations of the stages: what they default to, what they refuse, and that they load nothing."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import FrozenInstanceError, fields

import pytest

from headhunt.configs import ExtractConfig, FitConfig, LocalizeConfig, SelectConfig
from headhunt.configs.option import KEY, to_json
from headhunt.errors import UsageError
from headhunt.records import Head
from headhunt.stages import evaluate, extract, fit, localize, score, select_heads

CONFIGS = [
    extract.ExtractConfig,
    select_heads.SelectConfig,
    fit.FitConfig,
    score.ScoreConfig,
    localize.LocalizeConfig,
    evaluate.EvaluateConfig,
]


@pytest.mark.parametrize("config", CONFIGS)
def test_every_field_explains_itself_in_a_sentence_and_nothing_can_be_changed(config: type) -> None:
    made = config()
    for field in fields(made):
        assert field.metadata[KEY].help.endswith("."), field.name
    with pytest.raises(FrozenInstanceError):
        made.name = "x"


def test_importing_them_loads_nothing_heavy() -> None:
    code = "import sys, headhunt.configs; print(sorted({'numpy', 'torch', 'zarr', 'av', 'yaml'} & set(sys.modules)))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


@pytest.mark.parametrize(("saliency", "k"), [("rsa", 4), ("rss", 5), ("knn", 5)])
def test_the_number_of_heads_is_the_published_one(saliency: str, k: int) -> None:
    assert SelectConfig(saliency=saliency).k == SelectConfig(metric=saliency).k == k
    assert SelectConfig(saliency=saliency, k=7).k == 7
    assert SelectConfig(saliency=saliency, k="auto").k == "auto"


def test_a_stored_null_reads_as_auto_and_stored_lists_as_tuples() -> None:
    old = {"metric": "rsa", "k": None, "prompt_ids": ["a"], "seed": 3, "gone": 1}
    as_then = {"kmeans_starts": 1, "kmeans_seed": 3}
    assert SelectConfig.stored(old) == SelectConfig(saliency="rsa", k="auto", prompt_ids=("a",), seed=3, **as_then)
    assert SelectConfig.stored({"metric": "rsa"}).k == 4


def test_what_an_earlier_version_did_by_default_is_done_again() -> None:
    then = {"metric": "rsa", "k": 4, "shrinkage": None, "seed": 7, "prompt_ids": None}
    found = SelectConfig.stored(then)
    assert (found.shrinkage, found.kmeans_starts, found.kmeans_seed, found.prompt_ids) == ("ridge", 1, 7, ("all",))
    now = SelectConfig(saliency="rsa", seed=7)
    assert SelectConfig.stored(to_json(now)) == now


@pytest.mark.parametrize(
    ("config", "given"),
    [
        (SelectConfig, {"k": "many"}),
        (SelectConfig, {"k": 2.5}),
        (ExtractConfig, {"batch_size": "all"}),
        (ExtractConfig, {"shard": (2, 2)}),
        (ExtractConfig, {"device": "cpu", "devices": ("cpu",)}),
        (LocalizeConfig, {"calibrate": True, "origin": "x"}),
        (LocalizeConfig, {"calibrate": True, "sigma": 1.0, "tau": 0.5}),
    ],
)
def test_fields_that_do_not_go_together_are_refused(config: type, given: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        config(**given)


def test_chosen_heads_decide_what_else_is_kept() -> None:
    some = ExtractConfig(heads=(Head(0, 1),))
    assert (some.subset, some.with_context) == ((Head(0, 1),), False)
    for everything in (ExtractConfig(), ExtractConfig(heads=None)):
        assert (everything.subset, everything.with_context) == (None, True)


def test_the_options_of_a_method_are_those_that_were_given() -> None:
    assert FitConfig().own == {}
    assert FitConfig(method="steer", epochs=0, standardize=False, options={"lr": 0.1}).own == {
        "lr": 0.1, "epochs": 0, "standardize": False,
    }  # fmt: skip
