"""What a user sees: commands, options, help texts, defaults; and that they cost nothing to ask for."""

from __future__ import annotations

import inspect as python_inspect
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

import pytest
import typer

from vadkit import doctor, evaluate, extract, fit, localize, manifest, options, run, select_heads
from vadkit.app import app

COMMANDS = [
    "manifest",
    "extract",
    "label",
    "select-heads",
    "fit",
    "score",
    "localize",
    "evaluate",
    "run",
    "inspect",
    "doctor",
    "demo",
]
HEAVY = ("torch", "transformers", "numpy", "zarr", "sklearn", "scipy", "av", "huggingface_hub")
GROUP: Any = typer.main.get_command(app)


def parameters(command: str) -> list[Any]:
    return [p for p in GROUP.commands[command].params if p.name not in {"help", "context"}]


def choices(function: Callable[..., Any], name: str) -> set[str]:
    """The words an option takes, from its Literal annotation."""
    hint = typer.main.get_params_from_function(function)[name].annotation
    return {word for part in (hint, *get_args(hint)) for word in get_args(part) if isinstance(word, str)}


def default(function: Callable[..., Any], name: str) -> Any:
    return python_inspect.signature(function).parameters[name].default


def test_the_commands_are_these() -> None:
    assert list(GROUP.commands) == COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_explained_in_a_sentence_and_shows_its_default(command: str) -> None:
    assert GROUP.commands[command].help.strip().split("\n")[0].endswith((".", ","))
    for parameter in parameters(command):
        assert parameter.help, parameter.name
        assert parameter.help.endswith("."), parameter.help
        if parameter.param_type_name == "option" and parameter.default is None:
            assert isinstance(parameter.show_default, str), parameter.name


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_speaks_json_and_those_with_a_store_name_it_alike(command: str) -> None:
    names = {parameter.name: parameter for parameter in parameters(command)}
    assert names["as_json"].opts == ["--json"]
    if command not in {"manifest", "doctor", "demo"}:
        assert names["store"].opts == ["--store"]
        assert names["store"].envvar == "VADKIT_STORE"
        assert str(names["store"].default) == "vadkit.zarr"


@pytest.mark.parametrize("command", ["extract", "select-heads", "fit", "evaluate", "demo"])
def test_chance_has_a_seed(command: str) -> None:
    assert "seed" in {parameter.name for parameter in parameters(command)}


def test_choices_are_those_of_the_library() -> None:
    from headhunt import events, frames, models
    from headhunt.datasets import READERS
    from headhunt.scorers.steering import Variant
    from headhunt.stages import extract as extract_stage
    from headhunt.stages import fit as fit_stage
    from headhunt.stages import labelled_rows
    from headhunt.stages import select_heads as select_stage

    assert choices(select_heads.select_heads, "metric") == set(select_stage.METRICS)
    assert choices(select_heads.select_heads, "units") == set(labelled_rows.UNITS)
    assert choices(fit.fit, "method") == set(fit_stage.METHODS) == set(fit.BELONGS)
    assert choices(fit.fit, "variant") == set(get_args(Variant))
    assert choices(localize.localize, "smoothing") == set(events.SMOOTHERS)
    assert choices(evaluate.evaluate, "protocol") == set(frames.PROTOCOLS)
    assert choices(manifest.manifest, "dataset") == set(READERS) == set(manifest.BELONGS)
    assert choices(extract.extract, "units") == set(extract_stage.UNITS)
    assert choices(doctor.doctor, "dtype") == set(models.DTYPES)
    assert choices(doctor.doctor, "attn") == set(models.ATTENTIONS)


def test_defaults_are_those_of_the_library() -> None:
    from headhunt.stages.evaluate import EvaluateConfig
    from headhunt.stages.extract import ExtractConfig
    from headhunt.stages.fit import FitConfig
    from headhunt.stages.localize import LocalizeConfig
    from headhunt.stages.select_heads import SelectConfig

    renamed = {
        "n_frames": "frames",
        "n_neighbors": "neighbors",
        "n_bootstrap": "bootstrap",
        "prompt_ids": "prompt",
        "videos": "video",
    }
    elsewhere = {"shard": "0/1", "heads": "all", "context": None, "options": {}, "k": None, "like": None}
    for function, config in (
        (extract.extract, ExtractConfig()),
        (select_heads.select_heads, SelectConfig()),
        (fit.fit, FitConfig()),
        (localize.localize, LocalizeConfig()),
        (evaluate.evaluate, EvaluateConfig()),
    ):
        for field in fields(config):
            name = renamed.get(field.name, field.name)
            if field.name not in elsewhere:
                assert default(function, name) == getattr(config, field.name), field.name
    assert SelectConfig().k == select_heads.OTHER_K
    extraction = ExtractConfig()
    for name in ("device", "dtype", "batch_size", "offline"):
        assert default(run.run, name) == getattr(extraction, name)


def test_options_of_a_fit_exist_and_show_the_default_of_the_library() -> None:
    from headhunt.scorers import scorer, steering

    fitters: dict[str, Callable[..., Any]] = scorer.FITTERS | {"steer": steering.fit_steer}
    shown = {p.name: p.show_default for p in parameters("fit")}
    words = {False: "raw", True: "standardize"}
    for method, names in fit.BELONGS.items():
        for name in names:
            value = python_inspect.signature(fitters[method]).parameters[name].default
            assert shown[name] == (words[value] if isinstance(value, bool) else str(value))


def test_the_published_preset_exists_where_it_is_needed() -> None:
    assert {c for c in COMMANDS if "preset" in {p.name for p in parameters(c)}} == {
        "extract",
        "select-heads",
        "localize",
    }
    assert choices(extract.extract, "preset") == {options.PRESET}


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["extract", "--help"], ["fit", "--method", "none"]])
def test_asking_loads_nothing_heavy_and_answers_at_once(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from vadkit.app import main\n"
        f"sys.argv = ['vadkit', *{arguments!r}]\n"
        "try:\n    main()\n"
        "finally:\n"
        f"    print('HEAVY', [m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)\n"
    )
    start = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "COLUMNS": "100"}, check=False
    )
    assert done.returncode == (2 if "none" in arguments else 0)
    assert done.stderr.splitlines()[-1] == "HEAVY []"
    assert time.monotonic() - start < 10  # a bound for a busy machine; a quiet one needs 0.3 s


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_printed_on_stdout(vadkit: Callable[..., Any], command: str) -> None:
    answer = vadkit(command, "--help")
    assert answer.code == 0
    assert f"Usage: vadkit {command}" in answer.out
    assert answer.err == ""
