"""Text from outside is read strictly and within bounds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headhunt.documents import DEEPEST, MalformedError, check_plain, parse_json, parse_yaml, read_bytes, shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"", "not JSON"),
        (b"{", "not JSON"),
        (b"\xff{}", "not UTF-8: byte 0xff in line 1"),
        (b'{"a":\n"\xe9"}', "in line 2"),
        (b'{"a": 1, "b": {"c": 1, "c": 2}}', "the key c stands twice"),
        (b"NaN", "NaN is not JSON"),
        (b"[-Infinity]", "-Infinity is not JSON"),
        (b"[1e999]", "not finite"),
        (b"9" * 400, "300 digits"),
        (b"9" * 5000, "not JSON"),
        (b'"\\ud800"', "not valid Unicode"),
        (b'{"\\udfff": 1}', "not valid Unicode"),
        (b"[" * 70 + b"]" * 70, "too deeply"),
        (b"[" * 100_000, "too deeply"),
        (b'{"a":' * 100_000, "too deeply"),
    ],
    ids=range(15),
)
def test_what_no_document_has_is_refused_in_words(text: bytes, says: str) -> None:
    with pytest.raises(MalformedError, match=says):
        parse_json(text)


def test_what_json_may_be_is_read_as_it_is() -> None:
    value = {"a": [1, -0.5, 1e308, True, None, "é\U0001f600", 10**300], "": {}}
    assert parse_json(json.dumps(value)) == value
    assert parse_json(b"\xef\xbb\xbf" + json.dumps(value, ensure_ascii=False).encode()) == value
    deep: object = 1
    for _ in range(DEEPEST):
        deep = [deep]
    assert parse_json(json.dumps(deep)) == deep


def test_yaml_keeps_the_same_rules() -> None:
    assert parse_yaml(b"a: [1, x]\nb: {c: null}\n") == {"a": [1, "x"], "b": {"c": None}}
    for text, says in (
        ("a: 1\na: 2", "twice"),
        ("a: .inf", "finite"),
        ("1: a", "a key"),
        ("a: 2020-01-01", "neither"),
    ):
        with pytest.raises(MalformedError, match=says):
            parse_yaml(text)


def test_a_value_that_holds_itself_ends() -> None:
    loop: list[object] = []
    loop.append(loop)
    with pytest.raises(MalformedError, match="too deeply"):
        check_plain(loop)


def test_a_file_is_not_read_further_than_it_may_be_long(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(2 << 20))
    with pytest.raises(MalformedError, match="more than 1 MiB"):
        read_bytes(tmp_path / "a", most=1 << 20)
    assert len(read_bytes(tmp_path / "a", most=2 << 20)) == 2 << 20


def test_a_value_in_a_message_is_short() -> None:
    assert shown("a") == "a"
    assert len(shown("a" * 10**6)) < 100
    assert len(shown([["x" * 1000] * 1000] * 1000)) < 300
    assert len(shown(10**5000)) < 100
