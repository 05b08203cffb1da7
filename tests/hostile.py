"""Documents that are damaged, or made to do damage: sound ones with something changed at any depth."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

ODD = (
    "null", "true", "false", "0", "-1", "1", "1.9", "1.0", "-0.0", "1e308", "1e999", "-1e999", "NaN", "Infinity",
    "9223372036854775808", "4294967296", "9" * 400, "-" + "9" * 400, "9" * 5000, "1" + "0" * 400 + ".5",
    '""', '"1"', '"NaN"', '"all"', '"\\u0000"', '"\\ud800"', '"../../x"', '"é"', '" "', '"' + "x" * 5000 + '"',
    "[]", "{}", "[[]]", "[null]", "[1, 2]", "[1.9, true]", '["1", "2"]', "[[0, 0], [0, 0]]", '{"a": 1}', '{"": {}}',
    "[" * 70 + "]" * 70, "[" * 5000 + "]" * 5000, '{"a": ' * 100 + "1" + "}" * 100, "[" + "1, " * 3000 + "1]",
)  # fmt: skip
"""What may stand where something else is meant, as JSON text; some of it is not JSON, but readers may take it."""

_MARK = "<<mark>>"


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every (container, key or index) below a value, the outer ones first."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        yield from places(value[key])


@st.composite
def mutated(draw: st.DrawFn, document: Any) -> bytes:
    """A document as JSON text with one to three things wrong: a value, a key, a part that is missing, a byte."""
    whole = copy.deepcopy(document)
    words: list[str] = []
    for _ in range(draw(st.integers(1, 2))):
        every = list(places(whole))
        if not every:
            break
        container, key = every[draw(st.integers(0, len(every) - 1))]
        what = draw(st.sampled_from(("odd", "odd", "odd", "swap", "drop", "add")))
        if what == "odd":
            words.append(draw(st.sampled_from(ODD)))
            container[key] = f"{_MARK}{len(words) - 1}"
        elif what == "swap":
            other, place = every[draw(st.integers(0, len(every) - 1))]
            if place in other if isinstance(other, dict) else place < len(other):
                container[key] = copy.deepcopy(other[place])
        elif what == "drop":
            del container[key]
        elif isinstance(container, dict):
            container[draw(st.sampled_from(("later", "", "é", "version", "a" * 300)))] = draw(st.integers())
        else:
            container.insert(key, copy.deepcopy(container[key]))
    text = json.dumps(whole)
    for number in reversed(range(len(words))):
        text = text.replace(f'"{_MARK}{number}"', words[number])
    data = text.encode()
    ending = draw(st.sampled_from(("as it is",) * 8 + ("cut", "byte order mark", "twice", "noise", "another coding")))
    at = draw(st.integers(0, len(data)))
    if ending == "cut":
        return data[:at]
    if ending == "byte order mark":
        return b"\xef\xbb\xbf" + data
    if ending == "twice":  # the first key once more, with another value
        return data.replace(b"{", b'{"format": 0, "version": 0, "format": 1, ', 1)
    if ending == "noise":
        return data[:at] + draw(st.binary(min_size=1, max_size=9)) + data[at:]
    return text.encode("utf-16") if ending == "another coding" else data
