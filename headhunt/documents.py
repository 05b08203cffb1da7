"""Documents from outside: JSON and YAML text is read strictly and within bounds; knows no format.

What is refused here is refused in every file: text that is not Unicode, a key that stands twice, numbers that no double
can hold, and more nesting or more values than anything that is meant can have.
"""

from __future__ import annotations

import json
import math
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

MIB = 1 << 20
MOST_BYTES = 64 * MIB  # of a file
MOST_VALUES = 4_000_000
DEEPEST = 64
GREATEST = 10**300  # of a whole number: what is greater is no double
MOST_YAML_BYTES = MIB  # it is read slowly

LONGEST_SHOWN = 200
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 80
_SHORT.maxdict = _SHORT.maxlist = _SHORT.maxtuple = 6
_SHORT.maxlevel = 3


class MalformedError(ValueError):
    """The text is not what it should be; says why in words."""


def shown(value: object) -> str:
    """A value for a message, cut where it is long or deep."""
    if isinstance(value, int) and abs(value) > GREATEST:
        return "a number of more than 300 digits"
    text = value if isinstance(value, str) and len(value) <= LONGEST_SHOWN else _SHORT.repr(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def read_bytes(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """What a file holds.

    Args:
        path: The file.
        most: Bytes it may have.

    Raises:
        MalformedError: It is larger.
        OSError: It cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise MalformedError(f"more than {most >> 20} MiB")
    return data


def read_json(path: Path, *, most: int = MOST_BYTES) -> Any:
    """The value that a JSON file holds.

    Raises:
        MalformedError: It is not JSON, or not within the bounds.
        OSError: It cannot be read.
    """
    return parse_json(read_bytes(path, most=most))


def parse_json(data: bytes | str) -> Any:
    """The value that JSON text stands for; in bytes it is UTF-8, with a byte order mark or without.

    Raises:
        MalformedError: It is not JSON, or not within the bounds.
    """
    try:
        value = json.loads(
            _text(data) if isinstance(data, bytes) else data, object_pairs_hook=_once, parse_constant=_no_constant
        )
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    except MalformedError:
        raise
    except ValueError as error:
        raise MalformedError(f"not JSON: {error}") from error
    check_plain(value)
    return value


def parse_yaml(data: bytes | str) -> Any:
    """The value that YAML text stands for, by the same rules as JSON.

    Raises:
        MalformedError: It is not YAML, or not within the bounds.
    """
    import yaml

    class Loader(yaml.SafeLoader):
        """Every key once."""

        def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
            keys = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
            _refuse_twice(keys)
            return super().construct_mapping(node, deep=deep)

    if len(data) > MOST_YAML_BYTES:
        raise MalformedError(f"more than {MOST_YAML_BYTES >> 20} MiB")
    try:
        value = yaml.load(_text(data) if isinstance(data, bytes) else data, Loader)  # noqa: S506 (a safe loader)
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    except MalformedError:
        raise
    except Exception as error:  # a tag on a value that it does not fit raises whatever its constructor does
        raise MalformedError(f"not YAML: {' '.join(str(error).split())}") from error
    check_plain(value)
    return value


def check_plain(value: object) -> None:
    """Raise unless a value is plain JSON within the bounds: finite, no deeper than `DEEPEST`.

    Raises:
        MalformedError: It is not.
    """
    pending: list[tuple[object, int]] = [(value, 0)]
    for _ in range(MOST_VALUES):
        if not pending:
            return
        item, depth = pending.pop()
        if depth > DEEPEST:
            raise MalformedError("nested too deeply")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, float):
            if not math.isfinite(item):
                raise MalformedError("a number that is not finite")
        elif isinstance(item, int):
            if abs(item) > GREATEST:
                raise MalformedError("a number of more than 300 digits")
        elif isinstance(item, Mapping):
            for key, inner in item.items():
                if not isinstance(key, str):
                    raise MalformedError(f"a key that is not text: {shown(key)}")
                _check_text(key)
                pending.append((inner, depth + 1))
        elif isinstance(item, (list, tuple)):
            pending += [(inner, depth + 1) for inner in item]
        elif item is not None:
            raise MalformedError(f"neither text nor a number: {shown(item)}")
    raise MalformedError(f"more than {MOST_VALUES} values")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise MalformedError(f"not UTF-8: byte 0x{data[error.start]:02x} in line {line}") from error


def _check_text(text: str) -> None:
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise MalformedError(f"text that is not valid Unicode: {text[:40]!a}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        _refuse_twice([key for key, _ in pairs])
    return found


def _refuse_twice(keys: list[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise MalformedError(f"the key {shown(key)} stands twice")
        seen.add(key)


def _no_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is not JSON")
