"""Commands in the documentation: `bash` blocks are run in order; what `sh` blocks and text name must exist."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from tests.docs.pages import DOCS, PAGES, ROOT, blocks, commands
from vadkit.app import app

TUTORIAL = DOCS / "tutorial.md"
GROUP: Any = typer.main.get_command(app)


def run(words: list[str]) -> Any:
    """A command in this process."""
    return CliRunner().invoke(app, words, prog_name="vadkit")


@pytest.mark.timeout(900)
def test_the_tutorial_works_from_its_first_command_to_its_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the embedded model, since no hub can be reached here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("VADKIT_STORE", raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"):  # the program sets these; taken back afterwards
        monkeypatch.setenv(name, "1")
    done = commands(TUTORIAL, "bash")
    assert [words[0] for words in done] == [
        *("demo", "extract", "extract", "extract", "select-heads", "fit", "score", "localize", "evaluate"),
        *("run", "evaluate", "fit", "score", "localize", "evaluate"),
    ]
    for words in done:
        answer = run(["tiny" if word == "internvl3" else word for word in words])
        assert answer.exit_code == 0, (words, answer.stderr, answer.exception)
    assert json.loads(Path("scorer.json").read_text())["format"] == "headhunt-scorer"
    assert Path("found.csv").read_text().startswith("video,start_frame,end_frame,start_s,end_s,peak_score,mean_score\n")
    measured = json.loads(run(["evaluate", "--store", "new.zarr", "--json"]).stdout)
    assert (measured["counts"]["n_videos"], measured["also_fitted_on"]) == (8, [])


def test_the_manifest_of_the_tutorial_is_one(tmp_path: Path) -> None:
    from headhunt import read_manifest

    text = next(block.text for block in blocks(TUTORIAL, "text") if block.text.startswith("video,split"))
    (tmp_path / "manifest.csv").write_text(text)
    rows = read_manifest(tmp_path / "manifest.csv")
    assert [row.abnormal for row in rows] == [False, True, True, False, None]
    assert len(rows[2].events or ()) == 2


def named_in_text(page: Path) -> list[list[str]]:
    """Commands in code spans: `vadkit fit --x`, or `fit --x` in a table."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    spans = [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]
    found = [
        shlex.split(span)[span.startswith("vadkit ") :] for span in spans if re.match(r"(vadkit )?[a-z-]+ -", span)
    ]
    return [words for words in found if words[0] in GROUP.commands]


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"], ids=lambda p: p.stem)
def test_every_command_and_option_that_is_named_exists(page: Path) -> None:
    for words in [*commands(page, "bash", "sh"), *named_in_text(page)]:
        assert words[0] in GROUP.commands, words
        known = {text for p in GROUP.commands[words[0]].params if not p.hidden for text in (*p.opts, *p.secondary_opts)}
        options = {word.split("=")[0] for word in words if word.startswith("-")}
        assert options <= known, (page.name, words, options - known)


def test_commands_in_text_are_found() -> None:
    assert ["fit", "--heads", "layer:last"] in named_in_text(DOCS / "how-to" / "reproduce-a-table.md")
    assert len(commands(DOCS / "how-to" / "reproduce-a-table.md", "sh")) > 10


def test_options_named_alone_exist() -> None:
    known = {t for c in GROUP.commands.values() for p in c.params for t in (*p.opts, *p.secondary_opts)} | {"--version"}
    for page in PAGES:
        for option in re.findall(r"`(--[a-z-]+)[^`]*`", page.read_text(encoding="utf-8")):
            assert option in known | {"--check"}, (page.name, option)
