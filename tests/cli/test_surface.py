"""What a user sees: commands, options, help texts, defaults; and that they cost nothing to ask for."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from headhunt.configs import (
    PRESETS,
    EvaluateConfig,
    ExtractConfig,
    FitConfig,
    LocalizeConfig,
    ScoreConfig,
    SelectConfig,
)
from headhunt.configs.extract import DECIDED
from headhunt.configs.option import literals, options_of
from headhunt.errors import HeadhuntError
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
    """The parameters a command shows."""
    return [p for p in GROUP.commands[command].params if p.name != "help" and not getattr(p, "hidden", False)]


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


CONFIGS = {
    "extract": ExtractConfig,
    "select-heads": SelectConfig,
    "fit": FitConfig,
    "score": ScoreConfig,
    "localize": LocalizeConfig,
    "evaluate": EvaluateConfig,
}


def choices(command: str, name: str) -> set[str]:
    """The words an option takes on the command line."""
    return set(literals(next(p for p in parameters(command) if p.name == name).type_descriptor.annotation))


def test_choices_are_those_of_the_library() -> None:
    from headhunt import events, frames, models
    from headhunt.datasets import READERS
    from headhunt.extraction import preparation
    from headhunt.extraction.activations import SHARINGS
    from headhunt.saliency import SALIENCIES
    from headhunt.scorers import METHODS
    from headhunt.scorers.steering import Variant
    from headhunt.stages import labelled_rows

    assert choices("select-heads", "saliency") == {"rss", *SALIENCIES}
    assert choices("select-heads", "units") == set(labelled_rows.UNITS)
    assert choices("fit", "method") == set(METHODS)
    assert choices("fit", "variant") == set(get_args(Variant))
    assert choices("localize", "smoothing") == set(events.SMOOTHERS)
    assert choices("evaluate", "protocol") == set(frames.PROTOCOLS)
    assert choices("manifest", "dataset") == set(READERS)
    assert choices("extract", "units") == set(preparation.UNITS)
    assert choices("extract", "sharing") == set(SHARINGS)
    assert choices("doctor", "dtype") == set(models.DTYPES)
    assert choices("doctor", "attn") == set(models.ATTENTIONS)


@pytest.mark.parametrize("command", CONFIGS)
def test_every_option_of_the_library_is_offered_and_nothing_else(command: str) -> None:
    own = {"store", "videos", "output", "as_json", "preset", "config_file", "dry_run", "full", "save"}
    offered = {p.name for p in parameters(command) if not p.name.startswith("old_")} - own
    library = {name for name, option in options_of(CONFIGS[command]).items() if not option.library}
    assert offered | {"videos"} == library | {"videos"}


@pytest.mark.parametrize("command", [c for c in CONFIGS if c != "extract"])
def test_the_command_line_alone_makes_the_default_configuration(
    command: str, vadkit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []

    def stage(_store: object, config: object, **_: object) -> None:
        made.append(config)
        raise HeadhuntError("seen")

    name = command.replace("-", "_")
    monkeypatch.setattr(importlib.import_module(f"headhunt.stages.{name}"), name, stage)
    assert vadkit(command).code == 1
    assert made == [CONFIGS[command]()]


def test_run_has_every_option_of_the_stages_it_joins_that_the_scorer_does_not_decide() -> None:
    offered = {p.name for p in parameters("run")}
    extraction = {n for n, o in options_of(ExtractConfig).items() if not o.library} - set(DECIDED)
    localization = set(options_of(LocalizeConfig)) - {"scores", "calibrate", "origin", "name"}
    assert extraction | localization <= offered


def test_options_of_a_fit_exist_and_show_the_default_of_the_library() -> None:
    from headhunt.configs.fit import OWN
    from headhunt.scorers import METHODS
    from headhunt.scorers.method import options as own_options

    shown = {p.name: p.show_default for p in parameters("fit")}
    words = {False: "raw", True: "standardize"}
    found = set()
    for method in METHODS.values():
        for name, value in own_options(method).items():
            if name in OWN:
                found.add(name)
                assert shown[name] == (words[value] if isinstance(value, bool) else str(value))
    assert found == set(OWN)


def test_presets_are_offered_where_they_say_something() -> None:
    for command in COMMANDS:
        expected = {name for name, commands in PRESETS.items() if command in commands}
        assert ("preset" in {p.name for p in parameters(command)}) == bool(expected)
        if expected:
            assert choices(command, "preset") == expected


@pytest.mark.parametrize(
    ("command", "old", "new"), [("select-heads", "metric", "saliency"), ("extract", "method", "sharing")]
)
def test_earlier_spellings_work_are_not_shown_and_say_the_new_one(
    command: str, old: str, new: str, vadkit: Callable[..., Any], tmp_path: Path
) -> None:
    assert f"--{old} " not in vadkit(command, "--help").out
    value = {"saliency": "rsa", "sharing": "loop"}[new]
    words = [command, *(["v"] if command == "extract" else []), f"--{old}", value, "--store", tmp_path / "none"]
    answer = vadkit(*words)
    assert answer.code != 2
    assert f"note: --{old} is now --{new}" in answer.err


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


def test_a_file_of_options_gives_defaults_and_the_command_line_wins(
    vadkit: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "vadkit.toml"
    file.write_text(
        f'store = "{store.as_posix()}"\nseed = 4\n'
        '[select-heads]\nsaliency = "rsa"\nk = 2\nprompt = ["a"]\n[localize]\nmin-frames = 3\n'
    )
    first = vadkit("select-heads", "--config", file, "--json")
    assert first.code == 0
    config = first.json["head_set"]["provenance"]["config"]
    assert (config["saliency"], config["k"], config["prompt_ids"], config["seed"]) == ("rsa", 2, ["a"], 4)
    second = vadkit("select-heads", "--config", file, "--k", "3", "--json")
    assert len(second.json["head_set"]["heads"]) == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[select-heads]\npace = 1\n", "has options that select-heads does not"),
        ("k = \n", "is no file of options"),
        ("select-heads = 3\n", "is not a table"),
        ("[select-heads]\nk = 0\n", "--k is out of range"),
    ],
)
def test_a_file_of_options_that_cannot_be_used_is_a_usage_error(
    vadkit: Callable[..., Any], tmp_path: Path, text: str, words: str
) -> None:
    file = tmp_path / "vadkit.toml"
    file.write_text(text)
    answer = vadkit("select-heads", "--config", file, "--store", tmp_path / "none")
    assert answer.code == 2
    assert words in answer.err


def test_a_missing_file_of_options_is_told(vadkit: Callable[..., Any], tmp_path: Path) -> None:
    answer = vadkit("score", "--config", tmp_path / "none.toml")
    assert answer.code == 2
    assert "none.toml is no file of options" in answer.err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_takes_a_file_of_options(command: str) -> None:
    assert "--config" in next(p for p in parameters(command) if p.name == "config_file").opts


def test_a_file_of_options_comes_between_the_command_line_and_a_preset(
    vadkit: Callable[..., Any], store: Path, tmp_path: Path
) -> None:
    file = tmp_path / "vadkit.toml"
    file.write_text("[select-heads]\nk = 3\n")
    answer = vadkit("select-heads", "--preset", "steervad", "--config", file, "--store", store, "--json")
    config = answer.json["head_set"]["provenance"]["config"]
    assert (config["saliency"], config["k"]) == ("rsa", 3)
