from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headhunt.datasets.manifest import match, read, read_manifest, to_events, write_manifest
from headhunt.errors import ManifestError
from headhunt.records import Interval, ManifestRow
from tests.hostile import mutated
from tests.soak import drawn

HEADER = "video,split,label,events\n"


def written(folder: Path, content: str | bytes, name: str = "m.csv") -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(ManifestError) as caught:
        read_manifest(path)
    return str(caught.value)


def test_events_are_half_open_sorted_and_empty_means_unknown_or_none(tmp_path: Path) -> None:
    path = written(
        tmp_path, HEADER + "a.mp4,test,abnormal,300-400; 165 - 240\nb.mp4,,abnormal,\nc.mp4,,normal,\nd,,,\n"
    )
    assert read_manifest(path) == [
        ManifestRow("a.mp4", "test", "abnormal", (Interval(165, 240), Interval(300, 400))),
        ManifestRow("b.mp4", "", "abnormal", None),
        ManifestRow("c.mp4", "", "normal", ()),
        ManifestRow("d", "", "", None),
    ]


def test_a_class_name_is_the_category_unless_one_is_given(tmp_path: Path) -> None:
    path = written(tmp_path, "video,split,label,events,category\na,,Fighting,,\nb,,Fighting,,riot\nc,,abnormal,,\n")
    assert [row.category for row in read_manifest(path)] == ["Fighting", "riot", ""]
    assert all(row.abnormal for row in read_manifest(path))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_byte_order_mark_line_ends_blank_lines_and_other_columns_do_no_harm(
    tmp_path: Path, mark: str, end: str
) -> None:
    lines = ["fps,video,split,label,events", "25,a#b.c d.mp4,test,normal,", "", '30,"x,ü ""y"" .mp4 ",,abnormal,0-1']
    rows = read_manifest(written(tmp_path, mark + end.join(lines)))
    assert [row.video for row in rows] == ["a#b.c d.mp4", 'x,ü "y" .mp4 ']


def test_leading_spaces_of_a_name_are_kept(tmp_path: Path) -> None:
    assert read_manifest(written(tmp_path, HEADER + " a.mp4 ,,normal,"))[0].video == " a.mp4 "


def test_jsonl_takes_lists_strings_and_null_as_events(tmp_path: Path) -> None:
    events: list[object] = [[[0, 5], [7, 9]], "7-9;0-5", None, ""]
    lines = [{"video": f"{i}", "split": "", "label": "abnormal", "events": e} for i, e in enumerate(events)]
    rows = read_manifest(written(tmp_path, "\n".join(map(json.dumps, lines)), "m.JSONL"))
    both = (Interval(0, 5), Interval(7, 9))
    assert [row.events for row in rows] == [both, both, None, None]


ALPHABET = [*"ab.#=,;\"'\t\n\r\\ %{}é漢😀\u0301\u2028\x85\ufeff\x1c", "//"[:1], ".mp4"]


def nasty_rows(seed: int, count: int) -> list[ManifestRow]:
    """Rows with distinct hostile ids, as they come back from a file."""
    draw = random.Random(seed)
    rows: dict[str, ManifestRow] = {}
    while len(rows) < count:
        video = "".join(draw.choices(ALPHABET, k=draw.randint(1, 12)))
        if video.startswith("\\\\") or any(part in ("", ".", "..") for part in video.split("/")) or video[1:3] == ":\\":
            continue
        cuts = sorted(draw.sample(range(10**6), 2 * draw.randint(1, 4)))
        events = tuple(Interval(a, b) for a, b in zip(cuts[::2], cuts[1::2], strict=True))
        rows[video] = draw.choice(
            [
                ManifestRow(video, "train", "normal", ()),
                ManifestRow(video, "", "", None, ""),
                ManifestRow(video, "été, x", "abnormal", draw.choice([None, events]), draw.choice(["", 'a "b"'])),
                ManifestRow(video, "test", "car;crash", events, "car;crash"),
            ]
        )
    return list(rows.values())


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("seed", range(25))
def test_what_is_written_is_read_back(tmp_path: Path, suffix: str, seed: int) -> None:
    rows = nasty_rows(seed, 1 + 2 * seed)
    write_manifest(rows, tmp_path / f"m.{suffix}")
    assert read_manifest(tmp_path / f"m.{suffix}") == rows
    assert [path.name for path in tmp_path.iterdir()] == [f"m.{suffix}"]


def test_a_written_csv_is_what_the_csv_module_reads(tmp_path: Path) -> None:
    rows = nasty_rows(99, 200)
    write_manifest(rows, tmp_path / "m.csv")
    with (tmp_path / "m.csv").open(encoding="utf-8", newline="") as file:
        assert [line["video"] for line in csv.DictReader(file)] == [row.video for row in rows]


def test_unsorted_events_are_written_in_order(tmp_path: Path) -> None:
    write_manifest([ManifestRow("a", "", "abnormal", (Interval(5, 6), Interval(0, 1)))], tmp_path / "m.csv")
    assert (tmp_path / "m.csv").read_text() == "video,split,label,events,category\na,,abnormal,0-1;5-6,\n"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,,abnormal,5", "malformed event"),
        ("a,,abnormal,1.5-2", "malformed event"),
        ("a,,abnormal,-5-2", "malformed event"),
        ("a,,abnormal,0-5;", "malformed event"),
        ("a,,abnormal,٣-٥", "malformed event"),
        ("a,,abnormal,0-99999999999999999999", "malformed event"),
        ("a,,abnormal,9-5", "[9, 5)"),
        ("a,,abnormal,5-5", "[5, 5)"),
        ("a,,abnormal,0-5;4-9", "overlap"),
        ("a,,abnormal,0-5;0-5", "overlap"),
        ("a,,normal,0-5", "normal but has events"),
        ("a,,,0-5", "events without a label"),
        ("a,,Not_Normal,", "holds 'normal'"),
        ("a,tset,normal,", "nearly the name"),
        ("a,,0,", "label is a number"),
        ("a,,True,", "label is a number"),
        ("a,, normal,", "spaces around"),
        ("a,test ,normal,", "spaces around"),
        ("a,normal,", "wrong number of fields"),
        ("a,b,,normal,", "wrong number of fields"),
        ('"a,,normal,', "malformed CSV"),
        (",,normal,", "names no video"),
        ("x,train,normal,", "named twice"),
        ("a,,abnormal,05-Jan", "a spreadsheet made a date"),
        ("a,,abnormal,Oct 52", "a spreadsheet made a date"),
        ("a,,abnormal,01.02.2026", "a spreadsheet made a date"),
        ("a,,abnormal,46054", "a spreadsheet made a date"),
        ("a,train,,,", "wrong number of fields"),
        ("/data/a.mp4,,normal,", "absolute"),
        ("C:\\data\\a.mp4,,normal,", "absolute"),
        ("\\\\host\\a.mp4,,normal,", "absolute"),
        ("../a.mp4,,normal,", "'..'"),
        ("v/../../a.mp4,,normal,", "'..'"),
        ("./a.mp4,,normal,", "'.'"),
        ("v//a.mp4,,normal,", "empty part"),
        ("a" * 200_000 + ",,normal,", "field larger than"),
    ],
)
def test_a_bad_row_is_refused_with_file_and_line(tmp_path: Path, row: str, says: str) -> None:
    path = written(tmp_path, HEADER + '"x",,normal,\n"y\n1",,normal,\n\n' + row + "\n")
    message = refusal(path)
    assert f"{path}, line 6: " in message
    assert says in message


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "malformed JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "malformed JSON"),
        ('{"video": "a", "split": "", "label": "normal"}', "missing column events"),
        ('{"video": 3, "split": "", "label": "normal", "events": null}', "video is not text"),
        ('{"video": "a", "split": "", "label": 0, "events": null}', "label is not text"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": [[0, true]]}', "malformed event"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": [[0, 1.5]]}', "malformed event"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": [0, 5]}', "malformed event"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": {"a": 1}}', "malformed event"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": [[-1, 5]]}', "[-1, 5)"),
        ('{"video": "a", "split": "", "label": "abnormal", "events": []}', "empty list of events"),
        ('{"video": "\\ud800", "split": "", "label": "normal", "events": null}', "not valid Unicode"),
        ('{"video": "a\\u0000", "split": "", "label": "normal", "events": null}', "not valid Unicode"),
    ],
)
def test_a_bad_json_line_is_refused_with_file_and_line(tmp_path: Path, line: str, says: str) -> None:
    path = written(tmp_path, "\n" + line, "m.jsonl")
    message = refusal(path)
    assert f"{path}, line 2: " in message
    assert says in message


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "names no video"),
        (b"\n\n", "names no video"),
        (HEADER.encode(), "names no video"),
        (b"video,split,events\na,b,c", "missing column label"),
        (b"a.mp4,test,normal,\n", "missing column video, split, label, events"),
        (b"video|split|label|events\n", "separate the columns by commas"),
        (b'[{"video": "a"}]', "holds JSON"),
        (b"video,split,label,events,Category_\n", "misspelt column"),
        (b"video,split,label,events,catagory\n", "misspelt column"),
        (b"video,split,label,events,video\na,,normal,,b", "stands twice"),
        (b"\0\0\0\x20ftypisom", "not a text file"),
        ("video,split,label,events".encode("utf-16"), "not a text file"),
        (HEADER.encode() + b"caf\xe9.mp4,,normal,\n", "line 2: not UTF-8"),
    ],
)
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes, says: str) -> None:
    path = written(tmp_path, content)
    message = refusal(path)
    assert str(path) in message
    assert says in message


EXCEL = {
    "a first line that says the separator": "sep=;\r\nvideo;split;label;events\r\na,b;train;fire;0-5\r\n",
    "the same with commas after it": 'sep=,,,,\nvideo,split,label,events\n"a,b",train,fire,0-5\n',
    "semicolons": 'video;split;label;events\na,b;train;fire;"0-5"\n',
    "tabs": "video\tsplit\tlabel\tevents\na,b\ttrain\tfire\t0-5\n",
    "capitals": 'Video,SPLIT, Label ,Events\n"a,b",Train,fire,0-5\n',
    "empty columns at the end": 'video,split,label,events,,,\n"a,b",train,fire,0-5,,,\n,,,,,,\n',
    "empty columns in the header alone": 'video,split,label,events,,\n"a,b",train,fire,0-5\n',
    "an index": ',video,split,label,events\n0,"a,b",train,fire,0-5\n',
    "empty rows": '\n,,,\nvideo,split,label,events\n,,,\n"a,b",train,fire,0-5\n,,,\n',
    "a mark of the byte order": "\ufeffsep=\t\nvideo\tsplit\tlabel\tevents\na,b\ttrain\tfire\t0-5\n",
}


@pytest.mark.parametrize("text", EXCEL.values(), ids=EXCEL)
def test_what_a_spreadsheet_saves_is_read(tmp_path: Path, text: str) -> None:
    want = ManifestRow("a,b", "train", "fire", (Interval(0, 5),), "fire")
    assert read_manifest(written(tmp_path, text)) == [want]


def test_several_events_between_semicolons_need_quotes_and_a_bare_one_is_refused(tmp_path: Path) -> None:
    head = "video;split;label;events\n"
    rows = read_manifest(written(tmp_path, head + 'a;;fire;"0-5;7-9"\n'))
    assert rows[0].events == (Interval(0, 5), Interval(7, 9))
    assert "put a cell with ';' in it between double quotes" in refusal(written(tmp_path, head + "a;;fire;0-5;7-9\n"))


def test_json_keys_may_have_capitals_and_a_byte_order_mark_before_them(tmp_path: Path) -> None:
    line = '\ufeff{"Video": "a", "Split": "TEST", "Label": null, "Events": null, "Category": "None"}'
    assert read_manifest(written(tmp_path, line, "m.jsonl")) == [ManifestRow("a", "test")]
    twice = '{"video": "a", "split": "", "label": "normal", "Label": "fire", "events": null}'
    assert "stands twice" in refusal(written(tmp_path, twice, "m.jsonl"))


def test_lines_that_say_the_same_count_once_and_are_told(tmp_path: Path) -> None:
    path = written(tmp_path, HEADER + "a,test,normal,\nb,,fire,0-5\na,Test,Normal,\na,test,normal,\n")
    listing = read(path)
    assert [row.video for row in listing.rows] == ["a", "b"]
    assert listing.notes == (f"{path}: 2 lines repeat earlier ones and count once (line 4, 5)",)
    assert read(written(tmp_path, HEADER + "a,test,normal,\n")).notes == ()


@pytest.mark.parametrize("word", ["nan", "None", "N/A", "unknown"])
def test_what_means_not_known_is_so_in_every_cell(tmp_path: Path, word: str) -> None:
    path = written(
        tmp_path,
        f"video,split,label,events,category\na,{word},{word},{word},{word}\nb,,normal,{word},\nc,,fire,,{word}",
    )
    assert read_manifest(path) == [
        ManifestRow("a"), ManifestRow("b", "", "normal", ()), ManifestRow("c", "", "fire", None, "fire"),
    ]  # fmt: skip


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "none.csv")
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [ManifestRow("a"), ManifestRow("a")],
        [ManifestRow("../a")],
        [ManifestRow("a\udcff")],
        [ManifestRow("a", label="abnormal", events=())],
        [ManifestRow("a", label="abnormal", events=(Interval(0, 5), Interval(3, 9)))],
    ],
)
def test_rows_that_could_not_be_read_back_are_not_written_and_the_old_file_stays(
    tmp_path: Path, rows: list[ManifestRow]
) -> None:
    path = written(tmp_path, "old")
    with pytest.raises(ManifestError):
        write_manifest(rows, path)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_writing_where_there_is_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be written"):
        write_manifest([ManifestRow("a")], tmp_path / "none" / "m.csv")


def test_touching_events_are_two_events() -> None:
    assert to_events([(5, 9), (0, 5)], "here") == (Interval(0, 5), Interval(5, 9))


def test_match_is_exact_and_reports_both_leftovers() -> None:
    rows = [ManifestRow(name) for name in ("b.mp4", "A.mp4", "a.b.mp4")]
    result = match(rows, ["a.mp4", "a.b.mp4", "b.mp4"])
    assert result.pairs == ((rows[0], "b.mp4"), (rows[2], "a.b.mp4"))
    assert result.unmatched_rows == (rows[1],)
    assert result.unmatched_videos == ("a.mp4",)
    assert match([], []).pairs == ()


def test_match_refuses_repeats_on_either_side() -> None:
    with pytest.raises(ManifestError, match="stands twice"):
        match([], ["a", "a"])
    with pytest.raises(ManifestError, match="two rows"):
        match([ManifestRow("a"), ManifestRow("a", "test")], [])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["ped2", "fight", "excerpts"])
def test_real_manifests_name_the_videos_beside_them(real_data: Path, name: str) -> None:
    rows = read_manifest(real_data / name / "manifest.csv")
    assert all((real_data / name / row.video).is_file() for row in rows)


LINES = [
    {"video": "a.mp4", "split": "train", "label": "abnormal", "events": [[0, 48], [96, 100]], "category": "fire"},
    {"video": "b/c.mp4", "split": "", "label": "normal", "events": None},
]


def a_manifest_or_refused(path: Path) -> None:
    try:
        rows = read_manifest(path)
    except ManifestError:
        return
    for row in rows:
        assert all(isinstance(word, str) for word in (row.video, row.split, row.label, row.category))
        assert all(type(frame) is int for e in row.events or () for frame in (e.start_frame, e.end_frame))
    write_manifest(rows, path)
    assert [row.video for row in read_manifest(path)] == [row.video for row in rows]


@drawn()
@given(first=mutated(LINES[0]), second=mutated(LINES[1]))
def test_any_json_lines_are_a_manifest_or_refused(tmp_path: Path, first: bytes, second: bytes) -> None:
    a_manifest_or_refused(written(tmp_path, first + b"\n" + json.dumps(LINES[1]).encode(), "m.jsonl"))
    a_manifest_or_refused(written(tmp_path, first + b"\n" + second, "m.jsonl"))


CELLS = st.sampled_from(
    ("a.mp4", "train", "normal", "fire", "0-48", "1.9-3", "-1-2", "9" * 400 + "-1", '"', "x,y", "\0", "\r", "\ufeff",
     "'", "=1+1", "../x", "C:\\x", "NaN", "a\nb", "x" * 140_000, "é", "")
)  # fmt: skip
ROWS = st.lists(st.lists(CELLS | st.text(max_size=5), min_size=1, max_size=5), max_size=4)


@drawn()
@given(rows=ROWS, noise=st.binary(max_size=3))
def test_any_table_is_a_manifest_or_refused(tmp_path: Path, rows: list[list[str]], noise: bytes) -> None:
    table = HEADER + "\n".join(",".join(cells) for cells in rows)
    a_manifest_or_refused(written(tmp_path, table.encode("utf-8", "surrogatepass") + noise))


def test_a_key_that_stands_twice_in_a_line_is_refused(tmp_path: Path) -> None:
    line = '{"video": "a", "split": "", "label": "normal", "label": "abnormal", "events": null}'
    assert "line 1" in refusal(written(tmp_path, line, "m.jsonl"))


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_mask_a_video_comes_back_and_manifests_without_masks_are_as_they_were(tmp_path: Path, suffix: str) -> None:
    rows = [ManifestRow("a.mp4", "test", "normal", (), mask="masks/cam 1.png"), ManifestRow("b.mp4")]
    path = tmp_path / f"manifest{suffix}"
    write_manifest(rows, path)
    assert read_manifest(path) == rows
    write_manifest(rows[1:], path)
    assert "mask" not in path.read_text()


def test_a_misspelt_mask_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "manifest.csv"
    path.write_text("video,split,label,events,masks\na.mp4,,,,cam.png\n")
    with pytest.raises(ManifestError, match="misspelt column") as caught:
        read_manifest(path)
    assert caught.value.expected == "mask"
