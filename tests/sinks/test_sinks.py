"""Events outside the store: formats, how one is chosen, and how one is added from outside in one file."""

from __future__ import annotations

import csv
import importlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headhunt.errors import InputError, UsageError
from headhunt.records import Event
from headhunt.sinks import EVENT_READERS, SINKS, read_events, sink_for
from headhunt.stages.fit import fit
from headhunt.stages.localize import LocalizeConfig, localize
from headhunt.stages.score import score
from headhunt.stages.select_heads import SelectConfig, select_heads
from tests.stages.synthetic import make_store

EVENTS = [Event("ä,1.mp4", 0, 48, 0.0, 1.92, 0.9, 0.8), Event("b.mp4", 48, 96, 1.92, 3.84, 0.7, 0.7)]
HEAD = b"video,start_frame,end_frame,start_s,end_s,peak_score,mean_score\n"
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


NASTY = st.text(
    st.sampled_from("=+-@'\t\r\n\v\f\x1c\x85\u2028\x00\x1b\u200b\ufeff,;\"\\ a1")
    | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
)  # fmt: skip
FRAMES = st.tuples(st.integers(0, 10**9), st.integers(1, 10**6)).map(lambda pair: (pair[0], sum(pair)))
TIMES = st.integers(0, 10**12).map(lambda millionths: millionths / 10**6)


@st.composite
def one_event(draw: st.DrawFn) -> Event:
    return Event(draw(NASTY), *draw(FRAMES), *(draw(TIMES) for _ in range(2)), *(draw(TIMES) % 1 for _ in range(2)))


@given(st.lists(one_event(), max_size=4), st.sampled_from(["csv", "json"]))
def test_what_is_written_is_read_back_whatever_the_names(events: list[Event], ending: str) -> None:
    data = SINKS[ending](events, SETTINGS)
    found = EVENT_READERS[ending](data, "x")
    assert [(e.video, e.start_frame, e.end_frame) for e in found] == [
        (e.video, e.start_frame, e.end_frame) for e in events
    ]
    for one, other in zip(found, events, strict=True):
        for name in ("start_s", "end_s", "peak_score", "mean_score"):
            assert getattr(one, name) == pytest.approx(getattr(other, name), abs=1e-6)


@given(NASTY)
def test_no_cell_is_a_formula_and_no_control_character_is_bare(name: str) -> None:
    text = SINKS["csv"]([replace(EVENTS[0], video=name)], SETTINGS).decode()
    (cell,) = [row["video"] for row in csv.DictReader(io.StringIO(text, newline=""))]
    assert cell.lstrip()[:1] not in tuple("=+-@")
    assert cell[:1] not in tuple("\t\r\n")
    line = text.partition("\n")[2]
    if not name.isprintable() or any(mark in name for mark in ',;"'):
        assert line.startswith('"')


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1.mp4", "'=1+1.mp4"),
        ("+49.mp4", "'+49.mp4"),
        ("-front/a.mp4", "'-front/a.mp4"),
        ("@SUM(A1).mp4", "'@SUM(A1).mp4"),
        ("\t=1.mp4", '"\'\t=1.mp4"'),
        (" =1.mp4", "' =1.mp4"),
        ("'quoted'.mp4", "''quoted'.mp4"),
        ("\x1b[31m.mp4", '"\x1b[31m.mp4"'),
        ("a=b-c@d.mp4", "a=b-c@d.mp4"),
    ],
)
def test_formulas_are_written_as_text_and_read_as_they_were(name: str, cell: str) -> None:
    data = SINKS["csv"]([replace(EVENTS[0], video=name)], SETTINGS)
    assert data.decode().split("\n")[1].startswith(cell + ",0,48,")
    assert EVENT_READERS["csv"](data, "x")[0].video == name


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "\ufeff" + text.replace("\n", "\r\n"),
        lambda text: "sep=;\n" + text.replace(",0,", ";0;").replace(",", ";").replace("ä;1", "ä,1"),
        lambda text: text.replace("\n", ",,\n") + ",,,,,,,,\n",
        lambda text: text.replace("start_frame", "Start_Frame").replace("video", "VIDEO"),
        lambda text: text.replace("1.920000", "1.92"),
    ],
    ids=["byte order mark", "semicolons", "commas at the end", "capitals", "shorter numbers"],
)
def test_events_that_a_spreadsheet_saved_again_are_read(tmp_path: Path, change: Callable[[str], str]) -> None:
    (tmp_path / "e.csv").write_text(change(SINKS["csv"](EVENTS, SETTINGS).decode()), newline="")
    assert read_events(tmp_path / "e.csv") == EVENTS
    (tmp_path / "e.json").write_bytes(b"\xef\xbb\xbf" + SINKS["json"](EVENTS, SETTINGS))
    assert read_events(tmp_path / "e.json") == EVENTS


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        ("e.csv", b"", "missing column"),
        ("e.csv", b"video,start\na,1\n", "missing column"),
        ("e.csv", HEAD + b"a,0,x,0,1,0,0\n", "line 2: end_frame is not a number"),
        ("e.csv", HEAD + b"a,0,1.0,0,1,0,0\n", "end_frame is not a number"),
        ("e.csv", HEAD + b'a,0,1,"0,5",1,0,0\n', "points in numbers"),
        ("e.csv", HEAD + b"a,0,1,nan,1,0,0\n", "start_s is not a number"),
        ("e.csv", HEAD + b"a,5,5,0,1,0,0\n", "must not be empty"),
        ("e.csv", HEAD + b"a,0,1,0,1,0\n", "wrong number of fields"),
        ("e.csv", HEAD + b"\xff,0,1,0,1,0,0\n", "not UTF-8"),
        ("e.json", b"{", "not JSON"),
        ("e.json", b"[]", "another format"),
        ("e.json", b'{"format": "headhunt-events", "version": 1}', "no list of events"),
        ("e.json", b'{"format": "headhunt-events", "version": 1, "events": [1]}', "event 0 is malformed"),
        ("e.json", b'{"format": "headhunt-events", "version": 1, "events": [{"video": 1}]}', "video 1"),
    ],
)
def test_what_holds_no_events_is_refused(tmp_path: Path, name: str, data: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError) as caught:
        read_events(tmp_path / name)
    assert says in str(caught.value)
    assert str(tmp_path / name) in str(caught.value)


def test_events_are_read_from_files_that_are_there_and_of_a_known_ending(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_events(tmp_path / "none.csv")
    with pytest.raises(UsageError, match=r"\.json or \.csv"):
        read_events(tmp_path / "e.srt")


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
