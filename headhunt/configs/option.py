"""How a field of a configuration says what it means, and the checks that follow from it; knows no stage."""

from __future__ import annotations

import importlib
import operator
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from headhunt.errors import InputError, UsageError
from headhunt.names import spelt_out

T = TypeVar("T", bound=type)

KEY = "option"


@dataclass(frozen=True)
class Option:
    """What is known of one option.

    Attributes:
        help: One sentence that ends in a full stop.
        flag: How it is spelt on the command line, without dashes; "" for the field's name.
        old: Earlier spellings, which still work and say what the new one is.
        panel: Heading it stands under in the help; "" for the main list.
        metavar: What stands for its value in the help; "" to derive it.
        choices: The words it takes, () for anything. They come from the field's Literal type, or are listed here; one
            of the form "module:NAME" stands for the keys of that dict.
        least: Smallest value, inclusive.
        most: Largest value, inclusive.
        above: A value it must be greater than.
        shown: The default in words, where the field's own default is None or says little.
        parse: Turns the text of the command line or of a config file into the value; raises ValueError.
        canonical: Gives the one form of a word that may be spelt in several ways; raises InputError.
        off: The flag that says no, for a yes-or-no option; "" for `--no-<flag>`.
        library: Only offered to programs, not on the command line.
    """

    help: str
    flag: str = ""
    old: tuple[str, ...] = ()
    panel: str = ""
    metavar: str = ""
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    above: float | None = None
    shown: str = ""
    parse: Callable[[str], Any] | None = None
    canonical: Callable[[str], str] | None = None
    off: str = ""
    library: bool = False

    def words(self) -> tuple[str, ...]:
        """The words it takes; () for anything. Imports the dicts that have them, where there are any."""
        return tuple(word for choice in self.choices for word in _expanded(choice))


def _expanded(choice: str) -> tuple[str, ...]:
    module, colon, name = choice.partition(":")
    return tuple(getattr(importlib.import_module(module), name)) if colon else (choice,)


def option(default: Any, help: str, **more: Any) -> Any:
    """A dataclass field with its `Option`.

    Args:
        default: The field's default.
        help: One sentence.
        **more: Further fields of `Option`.
    """
    metadata = {KEY: Option(help, **more)}
    if isinstance(default, dict):
        return field(default_factory=lambda: dict(default), metadata=metadata)
    return field(default=default, metadata=metadata)


def options_of(config: type) -> dict[str, Option]:
    """Field name -> option, in the order of the fields."""
    return _options_of(config)


@cache
def _options_of(config: Any) -> dict[str, Option]:
    hints = get_type_hints(config)
    found = {f.name: f.metadata[KEY] for f in fields(config) if KEY in f.metadata}
    return {name: replace(one, choices=one.choices or literals(hints[name])) for name, one in found.items()}


def literals(hint: Any) -> tuple[str, ...]:
    """The words of a Literal type, also as part of a union; () for any other type."""
    if get_origin(hint) is Literal:
        return get_args(hint)
    return tuple(word for part in get_args(hint) if get_origin(part) is Literal for word in get_args(part))


def flag_of(name: str, option: Option) -> str:
    """How an option is spelt on the command line, dashes included."""
    return "--" + (option.flag or name).replace("_", "-")


def check(config: Any) -> None:
    """Raise unless every value is one of its option's choices and within its bounds; words get their one form.

    Raises:
        UsageError: One is not; names the option as the command line spells it.
    """
    for name, found in options_of(type(config)).items():
        value, flag = getattr(config, name), flag_of(name, found)
        if found.canonical is not None and value is not None:
            try:
                object.__setattr__(config, name, found.canonical(value))
            except InputError as error:
                raise UsageError(
                    f"{flag}: {error.what}", got=error.got, expected=error.expected, hint=error.hint
                ) from error
        words = found.words()
        if words and value is not None and value not in words:
            raise UsageError(f"unknown value of {flag}", got=value, expected=" or ".join(words))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        bounds: list[tuple[float | None, Callable[[Any, Any], bool], str]] = [
            (found.least, operator.ge, "at least"),
            (found.above, operator.gt, "greater than"),
            (found.most, operator.le, "at most"),
        ]
        for bound, holds, what in bounds:
            if bound is not None and not holds(value, bound):  # not a number holds nowhere
                raise UsageError(f"{flag} is out of range", got=value, expected=f"{what} {bound:g}")


def formerly(**names: str) -> Callable[[T], T]:
    """Let a configuration be made with earlier names of its fields, and be read by them.

    Args:
        **names: Earlier name -> name of the field.
    """

    def decorate(config: T) -> T:
        made: Any = config
        make: Callable[..., None] = made.__init__

        def init(self: Any, *args: Any, **given: Any) -> None:
            for old, new in names.items():
                if old in given:  # also beside the new name, which `dataclasses.replace` always gives
                    given[new] = given.pop(old)
            make(self, *args, **given)

        made.__init__ = init
        for old, new in names.items():
            setattr(made, old, property(operator.attrgetter(new)))
        return config

    return decorate


def to_json(config: Any) -> dict[str, Any]:
    """A configuration as plain JSON, for an artefact to keep."""
    return {name: _plain(value) for name, value in asdict(config).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float)) else spelt_out(str(value))
