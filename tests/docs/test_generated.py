"""Pages that follow from the program are as the program is, and pages load nothing from elsewhere."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path
from types import ModuleType

import pytest

from headhunt import configs, errors
from tests.docs.pages import DOCS


def loaded(name: str) -> ModuleType:
    """A program of docs/, imported."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def generate() -> ModuleType:
    return loaded("generate")


def test_pages_on_disk_are_those_that_would_be_written(generate: ModuleType) -> None:
    assert generate.main(["--check"]) == 0, "run python docs/generate.py"


def test_a_page_that_differs_is_found_and_written(
    generate: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "REFERENCE", tmp_path)
    assert generate.main(["--check"]) == 1
    assert not list(tmp_path.iterdir())
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0
    (tmp_path / "cli.md").write_text("other")
    assert generate.main(["--check"]) == 1


def test_nothing_is_left_out(generate: ModuleType) -> None:
    assert set(generate.CONFIGURATIONS) == {name for name in configs.__all__ if name.endswith("Config")}
    tree = generate.exceptions()
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.HeadhuntError):
            assert tree.count(name) >= 2, name
    assert [code for code in ("| 0 |", "| 1 |", "| 2 |", "| 3 |", "| 4 |", "| 130 |") if code not in tree] == []


def test_earlier_spellings_are_not_shown(generate: ModuleType) -> None:
    page = generate.command_line()
    assert "`--saliency`" in page
    assert "`--metric`" not in page
    assert "an earlier spelling" not in page.lower()


def test_a_page_that_loads_from_elsewhere_does_not_pass(caplog: pytest.LogCaptureFixture) -> None:
    hooks = loaded("hooks")
    page = types.SimpleNamespace(file=types.SimpleNamespace(src_uri="a.md"))
    ours = (
        '<script src="assets/a.js"></script><a href="https://example.org">a link</a><link rel="icon" href="icon.png">'
    )
    assert hooks.on_post_page(ours, page=page, config=None) == ours
    assert not caplog.records
    for theirs in ('<script src="https://unpkg.com/a.js">', '<link href="//fonts.example/css" rel="stylesheet">'):
        hooks.on_post_page(theirs, page=page, config=None)
        assert caplog.records.pop().levelname == "WARNING"
