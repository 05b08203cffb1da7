"""README's commands: those in `bash` blocks are run one after the other, those in `sh` blocks must at least exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(kind: str) -> list[list[str]]:
    blocks = re.findall(rf"^```{kind}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
    lines = [line for block in blocks for line in block.splitlines() if line.startswith("vadkit ")]
    return [shlex.split(line, comments=True)[1:] for line in lines]


def run(words: list[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vadkit", *words],
        cwd=cwd,
        env=os.environ | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(900)
def test_commands_of_the_readme_work_in_the_order_they_stand(tmp_path: Path) -> None:
    """On the embedded model, since no hub can be reached here."""
    done = commands("bash")
    assert [words[0] for words in done] == [
        *("demo", "extract", "select-heads", "fit", "score", "localize", "evaluate"),
        "run",
    ]
    for words in done:
        answer = run(["tiny" if word == "internvl3" else word for word in words], tmp_path)
        assert answer.returncode == 0, (words, answer.stderr)
    found = json.loads((tmp_path / "events.json").read_text())
    assert found["format"] == "headhunt-events"
    assert (tmp_path / "found.csv").read_text().startswith("video,start_frame,end_frame,start_s,end_s")


def test_options_of_the_protocol_exist() -> None:
    shown = commands("sh")
    assert len(shown) >= 9
    for words in shown:
        answer = run([words[0], "--help"], ROOT)
        assert answer.returncode == 0, words
        for option in [word for word in words if word.startswith("--")]:
            assert option in answer.stdout, (words[0], option)


def test_every_command_is_in_the_readme() -> None:
    listed = set(re.findall(r"`([a-z-]+)`", README.split("## Commands")[1].split("##")[0]))
    shown = run(["--help"], ROOT).stdout
    for name in ("extract", "label", "select-heads", "fit", "score", "localize", "evaluate", "run", "manifest"):
        assert name in listed
        assert name in shown
    assert {"inspect", "doctor", "demo"} <= listed
