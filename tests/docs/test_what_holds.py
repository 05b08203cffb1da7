"""Every promise names tests, and every test that is named is there."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, ROOT

PAGE = (DOCS / "explanation" / "what-holds.md").read_text(encoding="utf-8")
NAMED = re.findall(r"^- `([^`]+)`$", PAGE, flags=re.MULTILINE)


def test_every_promise_names_a_test() -> None:
    for promise in PAGE.split("\n## ")[1:]:
        assert re.search(r"^- `[\w/]+\.py", promise, flags=re.MULTILINE), promise.splitlines()[0]


@pytest.mark.parametrize("named", NAMED)
def test_what_is_named_is_there(named: str) -> None:
    file, _, function = named.partition("::")
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert not function or re.search(rf"^def {function}\(", text, flags=re.MULTILINE)
