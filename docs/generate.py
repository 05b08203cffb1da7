"""Write the pages of the reference that follow from the program itself.

    python docs/generate.py             write them
    python docs/generate.py --check     exit with 1 when a page on disk is not what would be written

The command line comes from the typer application, configurations from their fields, the store's format from the
docstring of `headhunt.store`, errors from the exception tree in `headhunt.errors`.
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

import headhunt.store
from headhunt import configs, errors
from headhunt.configs.option import flag_of, literals, options_of
from vadkit import app as application
from vadkit.console import error_json

REFERENCE = Path(__file__).parent / "reference"
NOTICE = "<!-- Written by docs/generate.py from the program itself. Do not edit: run docs/generate.py. -->"
OPTIONS = "Options"
CONFIGURATIONS = ("ExtractConfig", "SelectConfig", "FitConfig", "ScoreConfig", "LocalizeConfig", "EvaluateConfig")


def main(arguments: list[str] | None = None) -> int:
    """Write the pages, or compare them; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, exit with 1 when a page differs")
    check = parser.parse_args(arguments).check
    differs = []
    for name, make in PAGES.items():
        path, text = REFERENCE / name, make()
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        differs.append(name)
        if not check:
            path.write_text(text, encoding="utf-8")
    if differs:
        sys.stderr.write(
            f"{'out of date: run python docs/generate.py' if check else 'written'}: {', '.join(differs)}\n"
        )
    return int(check and bool(differs))


# the command line


def command_line() -> str:
    """Every command with its arguments and options."""
    group: Any = typer.main.get_command(application.app)
    by_panel: dict[str, list[str]] = {}
    for name, command in group.commands.items():
        by_panel.setdefault(command.rich_help_panel, []).append(name)
    lines = ["# Command line", "", NOTICE, ""]
    lines += [f"{_first(group.help)} `vadkit COMMAND --help` shows the same as this page.", ""]
    lines += ["| | command | what it does |", "|---|---|---|"]
    for panel, names in by_panel.items():
        for i, name in enumerate(names):
            lines += [f"| {panel if i == 0 else ''} | [`{name}`](#{name}) | {_first(group.commands[name].help)} |"]
    lines += ["", "`vadkit --version` prints the version. With `--json` a command prints one JSON object on stdout and"]
    lines += ["nothing else there; everything it says to people goes to stderr. Exit codes are on the page about"]
    lines += ["[errors](errors.md); a file of options is described under [configuration files](configuration.md)."]
    for name, command in group.commands.items():
        lines += ["", *_command(name, command)][:-1]
    return "\n".join(lines) + "\n"


def _command(name: str, command: Any) -> Iterator[str]:
    shown = [p for p in command.params if not getattr(p, "hidden", False) and p.name != "help"]
    arguments = [p for p in shown if p.param_type_name == "argument"]
    named = " ".join(p.metavar + ("..." if p.nargs != 1 or p.name == "videos" else "") for p in arguments)
    yield from (f"## {name}", "", inspect.cleandoc(command.help), "")
    yield from ("```text", f"vadkit {name} [OPTIONS] {named}".rstrip(), "```", "")
    if arguments:
        yield from ("| argument | what it is |", "|---|---|")
        yield from (f"| `{p.metavar}` | {_cell(p.help)} |" for p in arguments)
        yield ""
    panels: dict[str, list[Any]] = {}
    for parameter in shown:
        if parameter.param_type_name == "option":
            panels.setdefault(parameter.rich_help_panel or OPTIONS, []).append(parameter)
    for panel, options in sorted(panels.items(), key=lambda item: item[0] != OPTIONS):
        yield from (f"**{panel}**", "", "| option | value | default | what it does |", "|---|---|---|---|")
        for option in options:
            spelt = ", ".join(f"`{text}`" for text in (*option.opts, *option.secondary_opts))
            help_text = _cell(option.help) + (f" Environment: `{option.envvar}`." if option.envvar else "")
            yield f"| {spelt} | {_values(option)} | {_default(option)} | {help_text} |"
        yield ""


def _values(option: Any) -> str:
    """What an option takes; empty for a flag."""
    if option.is_flag:
        return ""
    words = option.metavar.split("|") if option.metavar else literals(option.type_descriptor.annotation) or ("NAME",)
    return " or ".join(f"`{word}`" for word in words)


def _default(option: Any) -> str:
    if isinstance(option.show_default, str):
        return _cell(option.show_default)
    if option.is_flag:
        return "yes" if option.default else "no"
    return "" if option.default in (None, "") else f"`{option.default}`"


def configurations() -> str:
    """The fields of every configuration."""
    lines = ["# Configurations", "", NOTICE, ""]
    lines += [
        "What a stage can be told in Python: one frozen dataclass a stage, its fields keyword-only. The command of"
    ]
    lines += [
        "the same name has the same options with the same defaults, and a value that is out of bounds, or not one"
    ]
    lines += ["of the words, is refused when the configuration is made."]
    for name in CONFIGURATIONS:
        config = getattr(configs, name)
        lines += ["", f"## {name}", "", _first(config.__doc__), ""]
        lines += ["| field | default | option | what it is |", "|---|---|---|---|"]
        defaults = {f.name: f.default if f.default_factory is MISSING else f.default_factory() for f in fields(config)}
        for field, option in options_of(config).items():
            flag = "" if option.library else f"`{flag_of(field, option)}`"
            default = f"`{defaults[field]!r}`".replace("|", "\\|")
            words = f"{default}: {_cell(option.shown)}" if option.shown and defaults[field] is None else default
            lines.append(f"| `{field}` | {words} | {flag} | {_cell(option.help)} |")
    return "\n".join(lines) + "\n"


# the store and the errors


def store() -> str:
    """The format of the store, as its docstring has it."""
    lines = ["# Store format", "", NOTICE]
    for block in _paragraphs(headhunt.store):
        lines += ["", *(["```text", textwrap.dedent(block), "```"] if block.startswith("    ") else [block])]
    return "\n".join(lines) + "\n"


def exceptions() -> str:
    """The exception tree with exit codes, what an error says, and how it looks as JSON."""
    _, tree = _paragraphs(errors)
    example = errors.LabelError(
        "a saliency cannot be computed: too few rows of a class",
        got="1 abnormal, 15 normal",
        expected="two or more of each",
        hint="add labelled videos of the missing class",
    )
    lines = ["# Errors and exit codes", "", NOTICE, ""]
    lines += ["## Exit codes", "", "| code | meaning |", "|---|---|"]
    codes = re.findall(r"^(\d+)\s+(.+)$", application.__doc__ or "", flags=re.MULTILINE)
    lines += [f"| {code} | {_cell(meaning)} |" for code, meaning in codes]
    lines += ["", "## What an error says", ""]
    lines += ["What happened, what was got, what was expected, and the next step. On stderr:", ""]
    lines += ["```text", f"error: {example}", "```", "", "With `--json`, on stdout:", ""]
    lines += ["```json", json.dumps(error_json(example, example.exit_code), indent=1), "```", ""]
    lines += [
        "In Python the parts are `what`, `got`, `expected` and `hint`; `line` is the whole on one line. What is not"
    ]
    lines += ["in the tree below is a fault of the program, and `VADKIT_DEBUG=1` shows its traceback."]
    lines += ["", "## The tree", "", "```text", tree, "```", ""]
    lines += ["| exception | of | exit code | when |", "|---|---|---|---|"]
    for name, kind in vars(errors).items():
        if inspect.isclass(kind) and issubclass(kind, errors.HeadhuntError):
            parent = "" if kind is errors.HeadhuntError else f"`{kind.__mro__[1].__name__}`"
            lines.append(f"| `{name}` | {parent} | {kind.exit_code} | {_cell(_first(kind.__doc__ or ''))} |")
    return "\n".join(lines) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": command_line,
    "configs.md": configurations,
    "store.md": store,
    "errors.md": exceptions,
}


# text


def _paragraphs(module: ModuleType) -> list[str]:
    """The paragraphs of a module's docstring."""
    return re.split(r"\n\s*\n", inspect.getdoc(module) or "")


def _first(text: str) -> str:
    """The first paragraph on one line."""
    return " ".join(inspect.cleandoc(text).split("\n\n")[0].split())


def _cell(text: str) -> str:
    """Text for a cell of a table: on one line, its bars escaped."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    sys.exit(main())
