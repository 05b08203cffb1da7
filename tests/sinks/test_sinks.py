"""Events outside the store: formats, how one is chosen, and how one is added from outside in one file."""

from __future__ import annotations

import csv
import importlib
import io
import json
from pathlib import Path

import pytest

from headhunt.errors import UsageError
from headhunt.records import Event
from headhunt.sinks import SINKS, sink_for
from headhunt.stages.fit import fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import score
from headhunt.stages.select_heads import SelectConfig, select_heads
from tests.stages.synthetic import make_store

EVENTS = [Event("ä,1.mp4", 0, 48, 0.0, 1.92, 0.9, 0.8), Event("b.mp4", 48, 96, 1.92, 3.84, 0.7, 0.7)]
SETTINGS = {"sigma": 1.5, "tau": 0.65, "smoothing": "gaussian", "source": "given", "f1": None}


def test_json_holds_format_settings_and_events() -> None:
    data = json.loads(SINKS["json"](EVENTS, SETTINGS))
    assert list(data)[:2] == ["format", "version"]
    assert data["format"] == "headhunt-events"
    assert SETTINGS.items() <= data.items()
    assert [Event(**event) for event in data["events"]] == EVENTS


def test_csv_has_a_line_an_event() -> None:
    rows = list(csv.DictReader(io.StringIO(SINKS["csv"](EVENTS, SETTINGS).decode())))
    assert [row["video"] for row in rows] == ["ä,1.mp4", "b.mp4"]
    assert rows[1]["start_s"] == "1.920000"
    assert SINKS["csv"]([], SETTINGS).decode().count("\n") == 1


@pytest.mark.parametrize("name", ["x.json", "X.JSON", Path("y.csv")])
def test_the_ending_of_a_name_chooses(name: str | Path) -> None:
    assert sink_for(name) is SINKS[str(name).lower().rpartition(".")[2]]


@pytest.mark.parametrize("name", ["x.txt", "x", "x.json.gz"])
def test_another_ending_is_refused_with_those_that_exist(name: str) -> None:
    with pytest.raises(UsageError, match=r"\.json or \.csv"):
        sink_for(name)


def test_a_sink_from_outside_takes_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plain_text.py").write_text(
        "from headhunt.sinks import SINKS\n\n\n"
        "def render(events, settings):\n"
        "    return ''.join(f'{e.video} {e.start_s:.2f}\\n' for e in events).encode()\n\n\n"
        "SINKS['txt'] = render\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(SINKS, "_variants", dict(SINKS._variants))
    importlib.import_module("plain_text")
    make_store(tmp_path / "s")
    select_heads(tmp_path / "s", SelectConfig(k=2))
    fit(tmp_path / "s")
    score(tmp_path / "s")
    report = localize(tmp_path / "s", LocalizeConfig(calibrate=True), output=tmp_path / "found.txt")
    lines = (tmp_path / "found.txt").read_text().splitlines()
    assert lines == [f"{e.video} {e.start_s:.2f}" for e in report.events]
    assert lines
