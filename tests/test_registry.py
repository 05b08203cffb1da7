"""Variants by name, imported when they are looked up."""

from __future__ import annotations

import subprocess
import sys

import pytest

from headhunt.registry import Registry


def test_names_are_listed_without_importing_and_looked_up_once() -> None:
    code = (
        "import sys; from headhunt.registry import Registry\n"
        "made = Registry({'a': 'xml.dom.minidom:parseString'})\n"
        "assert list(made) == ['a'] and len(made) == 1 and 'a' in made\n"
        "assert 'xml.dom.minidom' not in sys.modules\n"
        "first = made['a']\n"
        "assert first is sys.modules['xml.dom.minidom'].parseString is made['a']\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_variants_can_be_added_replaced_and_taken_away() -> None:
    made: Registry[object] = Registry({"a": "os:sep"})
    made["b"] = 3
    made["c"] = "os:linesep"
    assert dict(made) == {"a": "/", "b": 3, "c": "\n"}
    del made["a"]
    assert list(made) == ["b", "c"]
    with pytest.raises(KeyError):
        made["a"]


def test_a_variant_that_is_not_where_it_should_be_says_so() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        Registry({"a": "os:nothing"})["a"]
