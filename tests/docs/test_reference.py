"""What the reference says of the public face, files, configurations and old imports is so."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml
from typer.testing import CliRunner

import headhunt as hh
from tests.docs.pages import DOCS, PAGES, ROOT, blocks
from vadkit.app import app

MADE = ROOT / "tests" / "data" / "first_edition"
REFERENCE = DOCS / "reference"


def text_of(name: str) -> str:
    return (REFERENCE / name).read_text(encoding="utf-8")


def test_every_public_name_has_its_place() -> None:
    listed = set(re.findall(r"^::: headhunt\.(\w+)$", text_of("library.md"), flags=re.MULTILINE))
    configurations = set(re.findall(r"^## (\w+)$", text_of("configs.md"), flags=re.MULTILINE))
    assert listed | configurations == set(hh.__all__) - {"__version__"}
    assert not listed & configurations


def shown(title: str) -> Any:
    return json.loads(next(b.text for b in blocks(REFERENCE / "artefacts.md", "json") if b.title == title))


@pytest.mark.parametrize(
    ("title", "file"),
    [
        ("headhunt-heads", "heads.json"),
        ("headhunt-scorer", "logistic.json"),
        ("headhunt-events", "events-logistic.json"),
    ],
)
def test_files_have_the_keys_that_are_shown(title: str, file: str) -> None:
    real, example = json.loads((MADE / file).read_text()), shown(title)
    assert set(example) == set(real)
    assert (example["format"], example["version"]) == (real["format"], real["version"]) == (title, 1)
    if "events" in real:
        assert set(example["events"][0]) == set(real["events"][0])
        lines = next(b.text for b in blocks(REFERENCE / "artefacts.md", "text") if b.title == "events.csv")
        assert (MADE / "events-logistic.csv").read_text().startswith(lines)


def test_metrics_that_are_shown_are_there(tmp_path: Path) -> None:
    measured = hh.evaluate(
        shutil.copytree(MADE / "lean.zarr", tmp_path / "lean.zarr"), hh.EvaluateConfig(n_bootstrap=5)
    )
    section = text_of("artefacts.md").split("## Metrics")[1].split("\n## ")[0]
    keys = [
        key for row in re.findall(r"^\| (`.*?`) \|", section, flags=re.MULTILINE) for key in re.findall("`(.+?)`", row)
    ]
    for key in keys:
        found: Any = measured
        for part in re.findall(r"iou_0\.\d|\w+", key):
            found = found[part]
    assert {key.split(".")[0] for key in keys} == set(measured)


def test_scorer_arrays_that_are_shown_are_those_of_the_methods() -> None:
    section = text_of("artefacts.md").split("## Scorer")[1].split("\n## ")[0]
    for name, method in hh.METHODS.items():
        assert f"`{name}`" in section, name
        for layout in method.layouts[:1]:
            assert all(f"`{array}`" in section for array in layout), (name, list(layout))


def test_the_configuration_file_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = blocks(REFERENCE / "configuration.md", "toml")
    data, group = tomllib.loads(block.text), typer.main.get_command(app)
    for command, table in data.items():
        if isinstance(table, dict):
            options = {text.lstrip("-") for p in group.commands[command].params for text in p.opts}  # type: ignore[attr-defined]
            assert set(table) <= options, command
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VADKIT_STORE", raising=False)
    shutil.copytree(MADE / "full.zarr", "cal.zarr")
    Path(block.title).write_text(block.text)

    def run(*words: str) -> Any:
        answer = CliRunner().invoke(app, [*words, "--config", block.title, "--json"])
        assert answer.exit_code == 0, answer.stderr
        return json.loads(answer.stdout)

    ranked = run("select-heads", "--k", "3")  # the command line wins
    kept = ranked["head_set"]["provenance"]["config"]
    assert (kept["k"], kept["shrinkage"], kept["seed"]) == (3, "ledoit-wolf", 1)
    run("select-heads", "--preset", "steervad")  # the file wins over a preset
    assert hh.Store("cal.zarr").artefact("heads").made_by["config"]["saliency"] == "rss"
    run("fit", "--name", "second")
    config = hh.Store("cal.zarr").artefact("scorers", "second").made_by["config"]
    assert (config["c"], config["seed"]) == (0.5, 1)


def test_old_imports_lead_somewhere() -> None:
    page = text_of("old-imports.md")
    names, modules = page.split("## Modules")
    for old, new in re.findall(r"^\| `(headhunt[\w.]+)` \| `(headhunt[\w.]+)` \|$", modules, flags=re.MULTILINE):
        importlib.import_module(new)
        if old != "headhunt.metrics":  # now a package
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(old)
    for _, new in re.findall(r"^\| `(headhunt[\w.]+)` \| `(headhunt[\w.]+)` \|$", names, flags=re.MULTILINE):
        module, _, attribute = new.rpartition(".")
        assert hasattr(importlib.import_module(module), attribute), new


def test_the_project_speaks_of_itself_alone() -> None:
    for page in [*PAGES, DOCS / "notebook.ipynb", *ROOT.glob("*.md"), ROOT / "CITATION.cff", ROOT / "mkdocs.yml"]:
        assert not re.search(r"/work/|/root/|/home/\w+/|/tmp/", page.read_text(encoding="utf-8")), page


def test_the_citation_is_of_this_version_and_names_no_one_we_do_not_know() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert (citation["cff-version"], str(citation["version"])) == ("1.2.0", hh.__version__)
    assert citation["license"] == "Apache-2.0"
    assert [reference["title"] for reference in citation["references"]] == ["HeadHunt-VAD", "SteerVAD"]
    assert not any("doi" in part for part in (citation, *citation["references"]))


def test_the_changelog_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert headings[:2] == ["Unreleased", "0.1.0"]
