"""What stands in the pages of the documentation: blocks of code, and the commands in them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("**/*.md"))
_BLOCK = re.compile(r'^```([a-z]*)(?: title="([^"]+)")?\n(.*?)^```', flags=re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        language: bash: commands that a test runs; sh: commands whose options must exist; python: code that a test runs.
        title: Name of the file it is, "" for code that is just run.
        text: What stands in it.
        line: Line of its first line in the page, from 1.
    """

    language: str
    title: str
    text: str
    line: int


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of a page in these languages (all when none is named), in order."""
    text = page.read_text(encoding="utf-8")
    found = [
        Block(match[1], match[2] or "", match[3], text.count("\n", 0, match.start(3)) + 1)
        for match in _BLOCK.finditer(text)
    ]
    return [block for block in found if not languages or block.language in languages]


def commands(page: Path, *languages: str) -> list[list[str]]:
    """The words of every `vadkit` command in blocks of these languages, without `vadkit`."""
    lines = [line for block in blocks(page, *languages) for line in block.text.replace("\\\n", " ").splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("vadkit ")]
