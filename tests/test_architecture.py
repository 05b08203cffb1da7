"""ARCHITECTURE.md names files and functions that exist, every room and module, and the layers as they are held."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")


def section(heading: str) -> str:
    return TEXT.split(f"## {heading}\n")[1].split("\n## ")[0]


def table(heading: str) -> list[list[str]]:
    """The rows of a section's table."""
    rows = [line for line in section(heading).splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows[1:]]


@cache
def defined(path: Path) -> set[str]:
    """Functions and classes of a module, methods as Class.method."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, ast.FunctionDef)}
    return found


@pytest.mark.parametrize("heading", ["Where things are decided", "What happens to a video"])
def test_files_and_functions_exist(heading: str) -> None:
    rows = table(heading)
    assert len(rows) > 10
    for what, file, function in rows:
        path = ROOT / file.strip("`")
        assert path.is_file(), (what, file)
        assert function.strip("`") in defined(path), (what, function)


def test_it_says_where_the_five_things_are() -> None:
    said = "\n".join(row[0] for row in table("Where things are decided"))
    for what in ("frames become segments", "a head is cut out", "RSS", "labels meet features", "an event is written"):
        assert what in said


def test_the_file_map_has_every_room_and_module() -> None:
    named = {row[0].strip("`") for row in table("File map")}
    assert all((ROOT / path).exists() for path in named)
    rooms = {f"headhunt/{p.name}/" for p in (ROOT / "headhunt").iterdir() if (p / "__init__.py").is_file()}
    modules = {f"headhunt/{p.name}" for p in (ROOT / "headhunt").glob("*.py")}
    assert rooms | modules <= named


def test_the_layers_are_those_of_the_contract() -> None:
    with (ROOT / "pyproject.toml").open("rb") as file:
        contract = tomllib.load(file)["tool"]["importlinter"]["contracts"][0]
    drawn = re.findall(r"^    (\S.*)$", section("Layers"), flags=re.MULTILINE)
    assert drawn == [layer.replace("headhunt.", "") for layer in contract["layers"]]


def test_what_must_be_opened_exists() -> None:
    for _, _, which in table("How many files must be opened"):
        for path in re.findall(r"`([a-z/_]+(?:/|\.py))`", which):
            assert (ROOT / path).exists() or path == "__init__.py", path
