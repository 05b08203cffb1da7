"""README: `bash` blocks are run in order, options in `sh` blocks must exist, then the library block is run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)


def commands(kind: str) -> list[list[str]]:
    lines = [line for block in blocks(kind) for line in block.splitlines() if line.startswith("vadkit ")]
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
def test_commands_and_the_library_example_work_in_the_order_they_stand(tmp_path: Path) -> None:
    done = commands("bash")
    assert [words[0] for words in done] == ["demo", "run"]
    for words in done:
        answer = run(words, tmp_path)
        assert answer.returncode == 0, (words, answer.stderr)
    assert re.search(r"\n  0:00:\d\d\.\d - 0:00:\d\d\.\d  peak 0\.\d{3}\n", answer.stderr)
    assert (tmp_path / "found.csv").read_text().startswith("video,start_frame,end_frame,start_s,end_s")
    (example,) = blocks("python")
    python = subprocess.run([sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert python.returncode == 0, python.stderr
    assert python.stdout.startswith("<Metrics of events/logistic:")


def test_options_of_the_commands_on_ones_own_videos_exist() -> None:
    shown = commands("sh")
    assert [words[0] for words in shown] == ["extract", "select-heads", "fit", "score", "localize", "evaluate", "run"]
    for words in shown:
        answer = run([words[0], "--help"], ROOT)
        assert answer.returncode == 0, words
        for option in [word for word in words if word.startswith("--")]:
            assert option in answer.stdout, (words[0], option)


def test_files_that_it_points_to_exist() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target


def test_it_is_short() -> None:
    assert len(README.splitlines()) < 120
