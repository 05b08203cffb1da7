"""stdout and stderr that are full, closed or gone: the code is right, nothing is torn, and no traceback is seen."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vadkit import app, console, inspect
from vadkit.streams import Output, OutputError, Stream

VADKIT = [sys.executable, "-m", "vadkit"]
pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")


def shell(redirection: str, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it, its streams redirected."""
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *VADKIT, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **env},
    )


SOUND, MISSING, USAGE = ("inspect",), ("fit",), ("fit", "--c", "x")


@pytest.mark.parametrize("where", [">/dev/full", ">&-"])
@pytest.mark.parametrize(("command", "code"), [(SOUND, 1), (MISSING, 4), (USAGE, 2)])
def test_an_answer_that_cannot_be_written_fails_and_an_error_keeps_its_code(
    store: Path, command: tuple[str, ...], code: int, where: str
) -> None:
    done = shell(where, *command, "--json", "--store", store)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert ("error: stdout cannot be written" in done.stderr) == (command is SOUND)


@pytest.mark.parametrize("where", [">/dev/full", ">&-", "<&-"])
def test_where_nothing_is_asked_for_stdout_does_not_matter(store: Path, where: str) -> None:
    done = shell(where, *SOUND, "--store", store)
    assert (done.returncode, done.stdout) == (0, "")
    assert "error" not in done.stderr


@pytest.mark.parametrize("where", ["2>/dev/full", "2>&-", "2>&- <&-"])
@pytest.mark.parametrize(("command", "code"), [(SOUND, 0), (MISSING, 4), (USAGE, 2)])
def test_talk_that_cannot_be_written_changes_nothing(
    store: Path, command: tuple[str, ...], code: int, where: str
) -> None:
    done = shell(where, *command, "--json", "--store", store)
    assert (done.returncode, done.stderr) == (code, "")
    answer = json.loads(done.stdout)
    assert answer["error"]["exit_code"] == code if code else answer["command"] == "inspect"


@pytest.mark.parametrize("where", [">&- 2>&-", ">/dev/full 2>/dev/full", ">&- 2>/dev/full <&-"])
def test_with_neither_the_code_is_all_there_is(store: Path, where: str) -> None:
    for command, code in ((SOUND, 1), (MISSING, 4)):
        done = shell(where, *command, "--json", "--store", store)
        assert (done.returncode, done.stdout, done.stderr) == (code, "", "")


@pytest.mark.parametrize("asked", ["--help", "--version"])
def test_help_that_cannot_be_written_is_an_error(asked: str) -> None:
    done = shell(">/dev/full", asked)
    assert done.returncode == 1
    assert done.stderr.startswith("error: stdout cannot be written\n  got: No space left on device")
    assert "Exception ignored" not in done.stderr


def test_a_reader_of_either_stream_that_leaves_early_sees_no_traceback(store: Path) -> None:
    done = shell("| true", *SOUND, "--json", "--store", store)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0)  # the code is that of `true`
    done = shell("2>&1 >/dev/null | true", *MISSING, "--store", store)
    assert (done.returncode, done.stdout) == (0, "")


def test_with_closed_streams_no_file_takes_their_places(store: Path, tmp_path: Path) -> None:
    """A library that writes to the places of stdout and stderr writes into no file."""
    code = (
        "import os, sys\n"
        "from vadkit.streams import hold_places\n"
        "hold_places()\n"
        "place = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT)\n"
        "os.write(1, b'noise'), os.write(2, b'noise')\n"
        "sys.exit(place)\n"
    )
    file = tmp_path / "file"
    command = ["sh", "-c", '"$@" <&- >&- 2>&-', "sh", sys.executable, "-c", code, str(file)]
    assert subprocess.run(command, check=False).returncode > 2
    assert file.read_bytes() == b""


def test_a_failure_after_the_answer_gives_no_second_one(
    vadkit: Callable[..., Any], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError("while talking")

    monkeypatch.setattr(inspect, "_tell", fail)
    answer = vadkit("inspect", "--json", "--store", store)
    assert answer.code == 1
    assert answer.json["command"] == "inspect"
    assert "unexpected error: RuntimeError: while talking" in answer.err


@pytest.mark.parametrize("error", [RuntimeError("a\nb \ud800"), MemoryError(), RecursionError(), OSError(5, "x")])
def test_whatever_happens_there_is_one_object(
    vadkit: Callable[..., Any], store: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_arguments: object, **_options: object) -> None:
        raise error

    monkeypatch.setattr("headhunt.stages.inspect.inspect", fail)
    answer = vadkit("inspect", "--json", "--store", store)
    assert answer.code == 1
    assert answer.json["error"]["type"] == type(error).__name__


def test_a_file_of_options_may_ask_for_json(vadkit: Callable[..., Any], store: Path, tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text("json = true\n")
    assert vadkit("inspect", "--config", tmp_path / "o.toml", "--store", store).json["command"] == "inspect"
    for more, code in ((["--c", "x"], 2), ([], 4)):
        answer = vadkit("fit", "--config", tmp_path / "o.toml", "--store", store, *more)
        assert (answer.code, answer.json["error"]["exit_code"]) == (code, code)
    assert vadkit("fit", "--store", store).out == ""


def test_a_stream_that_is_closed_is_no_terminal_and_has_no_number() -> None:
    for stream in (Stream(None), Output(None)):
        assert not stream.isatty()
        assert not hasattr(stream, "fileno")
    assert Stream(None).write("x") == 0
    with pytest.raises(OutputError, match="closed"):
        Output(None).write("x")
    assert app.exit_code(OutputError("x")) == 1
    assert console.answer is app.console.answer
