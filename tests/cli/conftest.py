"""A store written row by row instead of by a model, and a way to call the program as a user does."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from headhunt.fingerprint import Fingerprint
from headhunt.records import Interval, ManifestRow, ModelSpec, Segment
from headhunt.store import PlannedVideo, ShardWriter, claim_shard, create, finish, plan

LAYERS, HEADS, DIM, HIDDEN, SEGMENTS = 3, 4, 8, 16, 4
PROMPTS = [{"id": "a", "text": "Is it odd?"}, {"id": "b", "text": "Describe."}]
FINGERPRINT = {
    "weights": "sha256:0",
    "dtype": "float32",
    "attention": "sdpa",
    "prompts": PROMPTS,
    "heads": "all",
    "context": "final",
    "sampling": {"length": 48, "stride": 48, "n_frames": 16, "tail": "keep"},
    "frame_text": "<image>",
    "system": None,
}
SIZES = ModelSpec(layers=LAYERS, heads=HEADS, head_dim=DIM, hidden=HIDDEN)


def make_store(path: Path, *, seed: int = 0, broken: bool = True) -> Path:
    """Eight videos of four segments, half of them abnormal in their second half, four in each of train and test.

    Head (1, 2) tells abnormal segments, the others are noise; `broken` adds a video that could not be opened.
    """
    store = create(
        path,
        fingerprint=Fingerprint.from_json(FINGERPRINT),
        spec=SIZES,
        info={"scoring": "b", "model": "written", "revision": None, "notes": []},
    )
    planned, positive = [], []
    for i in range(8):
        abnormal, n = i % 2 == 1, SEGMENTS * 48
        events = (Interval(n // 2, n),) if abnormal else ()
        row = ManifestRow(f"{i}.mp4", "train" if i < 4 else "test", "abnormal" if abnormal else "normal", events)
        cut = tuple(Segment(row.video, 48 * k, 48 * k + 48) for k in range(SEGMENTS))
        times = np.array([[s.start_frame / 25, s.end_frame / 25] for s in cut])
        planned.append(PlannedVideo(row, n, 25.0, n / 25, 100, cut, times))
        positive += [abnormal and s.start_frame >= n // 2 for s in cut]
    if broken:
        row = ManifestRow("é[bold]\x1b[31m.mp4")
        planned.append(PlannedVideo(row, 0, np.nan, np.nan, 3, (), np.empty((0, 2)), problem="not a video"))
    store = plan(store, planned)
    rng = np.random.default_rng(seed)
    heads = rng.normal(size=(len(positive), len(PROMPTS), LAYERS, HEADS, DIM)).astype(np.float32)
    heads[np.array(positive), :, 1, 2] += 3
    context = rng.normal(size=(len(positive), len(PROMPTS), HIDDEN)).astype(np.float32)
    with claim_shard(store, 0) as held:
        assert held
        writer = ShardWriter(store, 0)
        writer.add(writer.pending(), heads, context)
        writer.flush()
    finish(store)
    return path


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store that `store` copies."""
    return make_store(tmp_path_factory.mktemp("store") / "made.zarr")


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """A store of its own for one test."""
    return shutil.copytree(made, tmp_path / "made.zarr")


@dataclass(frozen=True)
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one object on stdout; anything besides it is an error."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        assert self.out.endswith("\n")
        assert self.out.count("\n") == 1
        return json.loads(self.out, parse_constant=refuse)


def call(*arguments: object, env: dict[str, str] | None = None) -> Answer:
    """Run a command in this process."""
    from vadkit.app import app

    runner = CliRunner(env=env)
    result: Result = runner.invoke(app, [str(a) for a in arguments], prog_name="vadkit")
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return Answer(result.exit_code, result.stdout, result.stderr)


@pytest.fixture
def vadkit(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Answer]:
    """`call`, with an environment that cannot reach into it."""
    for name in ("VADKIT_STORE", "VADKIT_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    # The program sets these where stderr is no terminal; what it sets is taken back after the test.
    for name in ("TQDM_DISABLE", "HF_HUB_DISABLE_PROGRESS_BARS"):
        monkeypatch.setenv(name, "1")
    return call


def spawn(*arguments: object, cwd: Path | None = None, **env: str) -> Answer:
    """Run a command as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "vadkit", *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, **env},
        timeout=120,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def process() -> Callable[..., Answer]:
    """`spawn`."""
    return spawn
