"""Command-line options from configurations, and the few that belong to the command line alone."""

from __future__ import annotations

import functools
import inspect
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from headhunt.configs.option import Option, flag_of, options_of
from headhunt.configs.presets import PRESETS, preset
from headhunt.configs.shared import RESULT
from headhunt.documents import read_bytes
from headhunt.errors import UsageError
from vadkit import console

STORE = Path("vadkit.zarr")
MOST_OPTIONS = 1 << 20  # bytes of a file of them
Store = Annotated[
    Path,
    typer.Option("--store", metavar="PATH", envvar="VADKIT_STORE", help="The store to work on.", show_default=True),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON object on stdout and nothing else there.", rich_help_panel=RESULT),
]
Videos = Annotated[list[Path], typer.Argument(metavar="VIDEOS", help="Videos, folders or manifests.")]


def output(what: str) -> Any:
    """`--output FILE`, with what is written there."""
    return typer.Option("--output", "-o", metavar="FILE", help=what, show_default="none", rich_help_panel=RESULT)


def given(context: typer.Context, name: str) -> bool:
    """Whether the user set an option: on the command line, in the environment, or in a file of options."""
    source = context.get_parameter_source(name)
    return source is not None and source.name != "DEFAULT"


# options from configurations


def takes(
    leave_out: Sequence[str] = (),
    defaults: Mapping[str, Any] | None = None,
    presets: bool = True,
    **configs: type,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of configurations, in place of its parameters of these names.

    The command is called with the configurations. What stands on the command line or in the environment wins over a
    file of options (`--config`), that over a preset (`--preset`), and that over the defaults.

    Args:
        leave_out: Fields that are not offered; `parameter.field` leaves one of two of that name.
        defaults: Defaults that differ from the configuration's, by field.
        presets: Whether there is `--preset`, where one says something of this command.
        **configs: Parameter of the command -> configuration.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        name = command.__name__.replace("_", "-")
        chosen = {
            parameter: {
                field: one
                for field, one in options_of(config).items()
                if not {field, f"{parameter}.{field}"} & set(leave_out)
            }
            for parameter, config in configs.items()
        }
        have = [key for key, commands in PRESETS.items() if name in commands] if presets else []
        signature = inspect.signature(command, eval_str=True)
        made = {"typed": _parameter("typed", typer.Context)}
        for parameter in signature.parameters.values():
            if parameter.name in configs:
                for option in _parameters(configs[parameter.name], chosen[parameter.name], defaults or {}):
                    made.setdefault(option.name, option)
            else:
                made[parameter.name] = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
        if have:
            made["preset"] = _parameter("preset", _preset_type(have), None)
        made["config_file"] = _parameter("config_file", ConfigFile, None)

        @functools.wraps(command)
        def run(**values: Any) -> None:
            context: typer.Context = values.pop("typed")
            own = {key: value for key, value in values.items() if key in signature.parameters}
            said = {key: _value(value) for key, value in values.items() if given(context, key)}
            every = {key: option for options in chosen.values() for key, option in options.items()}
            settings = dict(defaults or {})
            settings |= preset(values["preset"], name) if values.get("preset") else {}
            settings |= _old_spellings(every, said) | said
            for parameter, options in chosen.items():
                own[parameter] = configs[parameter](**{key: settings[key] for key in options if key in settings})
            console.answer.as_json |= bool(own.get("as_json"))
            command(**own)

        shown: Any = run
        shown.__signature__ = inspect.Signature(list(made.values()))
        shown.__annotations__ = {name: one.annotation for name, one in made.items()}
        del shown.__wrapped__
        return run

    return decorate


def _parameter(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _parameters(config: type, options: Mapping[str, Option], defaults: Mapping[str, Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(config)
    made = []
    default_of = {f.name: f.default for f in fields(config)}
    for name, option in options.items():
        if option.library:
            continue
        default = defaults.get(name, default_of[name])
        hint = _hint(hints[name], option)
        shown = None if isinstance(default, tuple) else default  # in words: `shown`
        made.append(_parameter(name, Annotated[hint, _typer_option(name, option, hint)], shown))
        made += [
            _parameter(
                f"old_{old}",
                Annotated[
                    hint if type(None) in get_args(hint) or hint is Any else hint | None,
                    typer.Option(f"--{old.replace('_', '-')}", hidden=True, help="An earlier spelling."),
                ],
                None,
            )
            for old in option.old
        ]
    return made


def _hint(hint: Any, option: Option) -> Any:
    """The type of a field as typer takes it: words as a Literal, repeated options as lists."""
    words = option.words()
    optional = type(None) in get_args(hint)
    if option.parse is not None:
        return Any
    if words:
        literal: Any = Literal.__getitem__(words)
        return literal | None if optional else literal
    kinds = [part for part in get_args(hint) if part is not type(None)] if optional else [hint]
    kind = kinds[0]
    if get_origin(kind) is tuple:
        return list[str] | None
    kind = str if kind is Any or kind not in (str, int, float, bool, Path) else kind
    return kind | None if optional else kind


def _typer_option(name: str, option: Option, hint: Any) -> Any:
    flag = flag_of(name, option)
    if hint is bool or hint == bool | None:
        no = "" if hint is bool and not option.off else f"/--{option.off or 'no-' + flag[2:]}"
        flag = flag + ("" if option.off == "-" else no)
    metavar = option.metavar or None
    more: dict[str, Any] = {"parser": option.parse} if option.parse is not None else {}
    return typer.Option(
        flag,
        metavar=metavar,
        help=option.help,
        show_default=option.shown or True,
        rich_help_panel=option.panel or None,
        **more,
    )


def _value(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _old_spellings(options: Mapping[str, Option], said: Mapping[str, Any]) -> dict[str, Any]:
    """What was given by an earlier spelling, by field; says what the new one is."""
    found = {}
    for name, option in options.items():
        for old in option.old:
            if f"old_{old}" in said:
                console.say(f"note: --{old.replace('_', '-')} is now {flag_of(name, option)}")
                found[name] = said[f"old_{old}"]
    return found


def _preset_type(names: Sequence[str]) -> Any:
    words: Any = Literal.__getitem__(tuple(names))
    return Annotated[
        words | None,
        typer.Option(
            "--preset",
            help="Set options as a paper or its code does; options given explicitly win.",
            show_default="none",
        ),
    ]


# a file of options


def read_config(context: typer.Context, parameter: Any, path: Path | None) -> Path | None:
    """Take defaults from a TOML file: keys at the top for every command, tables for single commands.

    Raises:
        UsageError: It cannot be read, or names an option that the command does not have.
    """
    if path is None:
        return None
    try:
        data = tomllib.loads(read_bytes(path, most=MOST_OPTIONS).decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is no file of options", got=error, expected="TOML") from error
    own = {spelling: name for name, spellings in _spellings(context).items() for spelling in spellings}
    command = str(context.info_name)
    table = data.get(command, {})
    shared = {key: value for key, value in data.items() if not isinstance(value, dict)}
    if not isinstance(table, dict):
        raise UsageError(f"{command} in {path} is not a table", got=table, expected=f"[{command}]")
    unknown = [key for key in table if key.replace("_", "-") not in own]
    if unknown:
        raise UsageError(f"{path} has options that {command} does not", got=unknown, expected=", ".join(sorted(own)))
    defaults = dict(context.default_map or {})
    for key, value in (shared | table).items():
        name = own.get(key.replace("_", "-"))
        if name is not None:  # numbers as text: the command line reads them
            defaults[name] = value if isinstance(value, (bool, list)) else str(value)
    console.answer.as_json |= defaults.get("as_json") is True
    context.default_map = defaults
    return path


def _spellings(context: typer.Context) -> dict[str, set[str]]:
    """Name of a parameter -> how it may be spelt in a file of options."""
    found = {}
    for one in context.command.params:
        if one.param_type_name == "option" and one.name not in {"help", "config_file", None}:
            found[str(one.name)] = {text.lstrip("-") for text in one.opts} | {str(one.name).replace("_", "-")}
    return found


ConfigFile = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Take options from a TOML file: keys at the top or in a table of the command's name. "
        "What stands on the command line wins.",
        show_default="none",
        is_eager=True,
        callback=read_config,
        rich_help_panel=RESULT,
    ),
]
