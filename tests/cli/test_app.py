"""Exit codes and errors: one table, whatever the command."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headhunt import errors
from vadkit import app

Call = Callable[..., Any]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.HeadhuntError("x"), 1),
        (errors.VideoError("x"), 1),
        (errors.ModelError("x"), 1),
        (errors.LabelError("x"), 1),
        (errors.ComputeError("x"), 1),
        (errors.UsageError("x"), 2),
        (errors.StoreError("x"), 4),
        (errors.ForeignStoreError("x"), 4),
        (errors.FingerprintError("x"), 4),
        (errors.StaleError("x"), 4),
        (errors.StoreBusyError("x"), 4),
        (ValueError("x"), 1),
        (app.TyperException("x"), 1),
    ],
)
def test_exit_codes_of_exceptions(error: Exception, code: int) -> None:
    assert app.exit_code(error) == code


def test_errors_are_told_in_four_parts_and_as_json_besides(vadkit: Call, store: Path) -> None:
    answer = vadkit("select-heads", "--split", "test", "--json", "--store", store)
    assert answer.code == 2
    assert answer.json == {
        "error": {
            "type": "UsageError",
            "what": "labels of test videos are not for selecting or fitting",
            "got": None,
            "expected": None,
            "next": "name another --split",
            "exit_code": 2,
        }
    }
    assert answer.err == "error: labels of test videos are not for selecting or fitting\n  next: name another --split\n"


def test_no_store_is_4(vadkit: Call, tmp_path: Path) -> None:
    for command in (["inspect"], ["score"], ["fit"], ["evaluate"], ["localize"], ["select-heads"]):
        answer = vadkit(*command, "--store", tmp_path / "none.zarr", "--json")
        assert (answer.code, answer.json["error"]["type"]) == (4, "ForeignStoreError")


def test_what_is_missing_in_the_store_is_4_and_names_the_command_to_run(vadkit: Call, store: Path) -> None:
    answer = vadkit("fit", "--store", store, "--json")
    assert (answer.code, answer.json["error"]["type"]) == (4, "StaleError")
    assert answer.json["error"]["next"] == "run `vadkit select-heads` first"


@pytest.mark.parametrize(
    "arguments",
    [
        ["nosuch"],
        ["fit", "--nosuch"],
        ["fit", "--method", "nosuch"],
        ["fit", "--seed", "-1"],
        ["fit", "--seed", "x"],
        ["label"],
        ["extract"],
        ["extract", "v", "--shard", "2/2"],
        ["extract", "v", "--shard", "1"],
        ["extract", "v", "--shard", "1/²"],
        ["extract", "v", "--length", "0"],
        ["extract", "v", "--batch-size", "all"],
        ["extract", "v", "--batch-size", "0"],
        ["extract", "v", "--devices", "cpu,"],
        ["extract", "v", "--devices", "cpu,cpu", "--device", "cpu"],
        ["extract", "v", "--devices", "cpu,cpu", "--shard", "0/2"],
        ["extract", "v", "--skip-still", "much"],
        ["extract", "v", "--skip-still=-1"],
        ["extract", "v", "--fraction", "0"],
        ["extract", "v", "--heads", "nosuch", "--store", "none.zarr"],
        ["select-heads", "--k", "0"],
        ["select-heads", "--k", "many"],
        ["fit", "--method", "logistic", "--epochs", "5"],
        ["fit", "--method", "steer", "--c", "2"],
        ["fit", "--method", "svm", "--raw"],
        ["localize", "-o", "events.txt"],
        ["localize", "--calibrate", "--from", "x"],
        ["run", "v", "-o", "events.txt"],
        ["run", "v"],
        ["run", "v", "--from", "vadkit.zarr"],
        ["manifest", "folder", ".", "--annotations", "x"],
        ["manifest", "ucf-crime", ".", "--normal", "x"],
    ],
    ids=" ".join,
)
def test_usage_is_2_in_words_and_as_json(vadkit: Call, arguments: list[str]) -> None:
    answer = vadkit(*arguments, "--json")
    assert answer.code == 2
    assert answer.json["error"]["type"] == "UsageError"
    assert answer.json["error"]["exit_code"] == 2
    assert answer.err
    assert "Traceback" not in answer.err


def test_options_of_another_method_are_refused_by_name(vadkit: Call) -> None:
    answer = vadkit("fit", "--method", "mlp", "--c", "0.5")
    assert (
        answer.err
        == "error: --c does not belong to mlp\n  expected: only with logistic, svm, context, heads-and-context\n"
    )


def test_an_unexpected_exception_is_one_line_and_1(
    vadkit: Call, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder.json").mkdir()
    arguments = ("select-heads", "--store", store, "--output", tmp_path / "folder.json")
    answer = vadkit(*arguments, "--json")
    assert answer.code == 1
    assert answer.json["error"]["exit_code"] == 1
    assert "Traceback" not in answer.err
    monkeypatch.setenv("VADKIT_DEBUG", "1")
    assert "Traceback" in vadkit(*arguments).err


def test_no_arguments_show_help_and_are_usage(vadkit: Call) -> None:
    for arguments in ([], ["extract"]):
        assert vadkit(*arguments).code == 2


def test_version(vadkit: Call) -> None:
    from headhunt import __version__

    assert vadkit("--version").out == f"vadkit {__version__}\n"


def test_the_store_is_taken_from_the_environment(vadkit: Call, store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VADKIT_STORE", str(store))
    assert vadkit("inspect", "--json").json["store"] == str(store)


def test_a_reader_that_has_gone_is_no_traceback(store: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "vadkit", "inspect", "--json", "--store", str(store)]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    os.close(write)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ctrl_c_is_130_and_says_how_to_go_on(store: Path, tmp_path: Path, number: signal.Signals) -> None:
    """The manifest is a pipe nobody writes to, so the command waits inside its work until it is interrupted."""
    pipe = tmp_path / "labels.csv"
    os.mkfifo(pipe)
    command = [sys.executable, "-m", "vadkit", "label", str(pipe), "--store", str(store), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        holder = _open_when_read(pipe, running)
        time.sleep(0.2)
        running.send_signal(number)
        out, err = running.communicate(timeout=60)
        os.close(holder)
    assert running.returncode == 130
    assert out == ""
    assert err == "interrupted; run the same command again to go on\n"


def _open_when_read(pipe: Path, running: subprocess.Popen[str]) -> int:
    """Open a pipe for writing as soon as the process reads it."""
    for _ in range(600):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:  # nobody reads yet
            assert running.poll() is None, running.communicate()
            time.sleep(0.1)
    raise AssertionError("the command did not read its manifest")


def test_module_and_entry_point_are_the_same_program() -> None:
    for program in ([sys.executable, "-m", "vadkit"], [str(Path(sys.executable).with_name("vadkit"))]):
        done = subprocess.run([*program, "fit", "--c", "x", "--json"], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert json.loads(done.stdout)["error"]["exit_code"] == 2
