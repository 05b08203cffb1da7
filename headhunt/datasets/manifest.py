"""The neutral manifest: which videos there are and what is known of them; it opens no video and knows no data set.

A manifest is CSV with the header `video,split,label,events` and optionally `category` and `mask`, or JSONL (suffix
`.jsonl`) with the same keys, in any case. UTF-8; what spreadsheets make of CSV (`headhunt.csv_rows`) is read as well.
One row a video:

- `video`: the id, a path relative to the folder of the videos, with `/` between its parts, kept exactly as written:
  dots, `#`, commas (in quotes), spaces and non-ASCII included. Absolute paths and the parts `.` and `..` are refused:
  an id must mean the same on every machine and may be used to name results.
- `split`: "train", "val", "test", another word, or empty; `headhunt.splits` says which spellings are one and which are
  refused.
- `label`: "normal", "abnormal", a class name (which is the category too where none is given), or empty when not known;
  `headhunt.labels` says what else means these.
- `events`: `start-end;start-end` in native frames, half-open; in JSONL also a list of `[start, end]`. Empty (or null)
  means none for a normal video and not known for every other. Events may touch but not overlap: whether overlapping
  intervals are one event or two is for their author to say.
- `category`: the class of the anomaly, or several, `explosion;shooting`, the chief one first; a video counts for each
  of them where metrics are given by class.
- `mask`: a PNG that is black where the picture is to be ignored (`headhunt.extraction.masks`), a path relative to the
  manifest, or empty.

Other columns are ignored, unless one looks like a misspelt `category` or `mask`. A row that stands twice counts once;
two that say different things of one video are refused.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from headhunt import csv_rows, labels
from headhunt.documents import MalformedError, parse_json
from headhunt.errors import HeadhuntError, InputError, ManifestError
from headhunt.files import write_atomic
from headhunt.records import Interval, ManifestRow

COLUMNS = ("video", "split", "label", "events")
OPTIONAL = ("category", "mask")
KNOWN = (*COLUMNS, *OPTIONAL)
_EVENT = re.compile(r"\s*([0-9]{1,15})\s*-\s*([0-9]{1,15})\s*")
_DATE = re.compile(
    r"[0-9][-. ][^\W\d_]{3}|[^\W\d_]{3}[-. ]?[0-9]|[0-9]+/[0-9]+|[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"|^[0-9]{1,2}\.[0-9]{1,2}\.|^[0-9]{5}$"  # the last is how a spreadsheet counts days
)
_EVENTS_FORM = "start-end;start-end in native frames with 0 <= start < end"
_ABSOLUTE = re.compile(r"/|\\\\|[A-Za-z]:[\\/]")


@dataclass(frozen=True)
class Listing:
    """What a manifest says.

    Attributes:
        rows: A row a video, in the file's order.
        notes: What the user should know, in sentences.
    """

    rows: tuple[ManifestRow, ...]
    notes: tuple[str, ...]


def read_manifest(path: Path | str) -> list[ManifestRow]:
    """Read a manifest; rows keep the file's order, events are sorted by time.

    Lines that say the same of one video count once; `read` tells of them.

    Args:
        path: The file, JSONL when its suffix is `.jsonl`, CSV otherwise.

    Raises:
        ManifestError: It cannot be read, or a row is malformed; file and line are named.
    """
    return list(read(path).rows)


def read(path: Path | str) -> Listing:
    """What `read_manifest` reads, with notes on it.

    Raises:
        ManifestError: As there.
    """
    path = Path(path)
    text = read_text(path)
    records = _jsonl_records(text, path) if path.suffix.lower() == ".jsonl" else _csv_records(text, path)
    found: dict[str, tuple[int, ManifestRow]] = {}
    repeated: list[int] = []
    for line, fields in records:
        where = f"{path}, line {line}"
        row = _row(fields, where)
        first, same = found.setdefault(row.video, (line, row))
        if same != row:
            raise ManifestError(
                f"{where}: {row.video!r} is named twice, and not with the same words", got=f"first on line {first}"
            )
        if first != line:
            repeated.append(line)
    if not found:
        raise ManifestError(f"{path} names no video", expected=f"the header {','.join(COLUMNS)} and a row a video")
    return Listing(tuple(row for _, row in found.values()), repeats(repeated, path))


def repeats(lines: Sequence[int], path: Path) -> tuple[str, ...]:
    """A note on lines that say once more what an earlier one said; none where there are none."""
    if not lines:
        return ()
    shown = ", ".join(map(str, lines[:5])) + (", ..." if len(lines) > 5 else "")
    what = (
        "a line repeats an earlier one and counts"
        if len(lines) == 1
        else f"{len(lines)} lines repeat earlier ones and count"
    )
    return (f"{path}: {what} once (line {shown})",)


def write_manifest(rows: Iterable[ManifestRow], path: Path | str) -> None:
    """Write what `read_manifest` reads, whole or not at all.

    Reading it back gives the same rows, but for two spellings: events None of a normal row come back as (), and a class
    name as label comes back as category too where that was empty.

    Args:
        rows: At least one row, every video once.
        path: The file, JSONL when its suffix is `.jsonl`, CSV otherwise.

    Raises:
        ManifestError: There is no row, a row could not be read back, or the file cannot be written.
    """
    path, rows = Path(path), list(rows)
    if not rows:
        raise ManifestError(f"there is no row to write to {path}")
    for row in rows:
        _check_row(row, repr(row.video))
    by_id(rows)
    write = _jsonl_text if path.suffix.lower() == ".jsonl" else _csv_text
    try:
        write_atomic(path, write(rows).encode())
    except HeadhuntError as error:
        raise ManifestError(error.what, got=error.got, hint=error.hint) from error


def read_text(path: Path) -> str:
    """The text of a manifest, list or annotation file, without its byte order mark, line ends as they are.

    Raises:
        ManifestError: It cannot be read or is not UTF-8 text.
    """
    try:
        with path.open("rb") as file:
            head = file.read(1 << 16)  # looked at first: a video given by mistake is not read whole
            if b"\0" in head:
                raise ManifestError(f"{path} is not a text file", expected="UTF-8 text", hint="save it as UTF-8")
            data = head + file.read()
    except OSError as error:
        raise ManifestError(f"{path} cannot be read", got=error.strerror, expected="a text file") from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ManifestError(
            f"{path}, line {line}: not UTF-8", got=f"byte 0x{data[error.start]:02x}", hint="save it as UTF-8"
        ) from error


def to_events(pairs: Iterable[tuple[int, int]], where: str) -> tuple[Interval, ...]:
    """Intervals sorted by start from pairs of native frames, half-open.

    Raises:
        ManifestError: One is empty, reversed or negative, or two overlap; `where` begins the message.
    """
    try:
        events = tuple(sorted(Interval(start, end) for start, end in pairs))
    except InputError as error:
        raise ManifestError(f"{where}: {error.what}", got=error.got, expected=_EVENTS_FORM) from error
    for earlier, later in pairwise(events):
        if later.start_frame < earlier.end_frame:
            got = _events_text([earlier, later])
            raise ManifestError(f"{where}: events overlap", got=got, hint="write them as one event, or apart")
    return events


@dataclass(frozen=True)
class Match:
    """An exact join of manifest rows and videos; nothing is lost: what found no partner is listed.

    Attributes:
        pairs: Row and id of the video it speaks of, in the order of the rows.
        unmatched_rows: Rows whose video is not there.
        unmatched_videos: Ids of which no row speaks, in their order.
    """

    pairs: tuple[tuple[ManifestRow, str], ...]
    unmatched_rows: tuple[ManifestRow, ...]
    unmatched_videos: tuple[str, ...]


def match(rows: Iterable[ManifestRow], ids: Iterable[str]) -> Match:
    """Join rows and videos by equality of their ids.

    Raises:
        ManifestError: An id stands twice on one side.
    """
    rows, ids = list(rows), list(ids)
    named = by_id(rows)
    known = set(ids)
    if len(known) != len(ids):
        raise ManifestError("a video to match stands twice", got=next(i for i in ids if ids.count(i) > 1))
    return Match(
        pairs=tuple((row, row.video) for row in rows if row.video in known),
        unmatched_rows=tuple(row for row in rows if row.video not in known),
        unmatched_videos=tuple(video for video in ids if video not in named),
    )


def by_id(rows: Iterable[ManifestRow]) -> dict[str, ManifestRow]:
    """Rows by their video's id, in their order.

    Raises:
        ManifestError: Two speak of one video.
    """
    named: dict[str, ManifestRow] = {}
    for row in rows:
        if row.video in named:
            raise ManifestError("two rows speak of one video", got=repr(row.video))
        named[row.video] = row
    return named


def _row(fields: Mapping[str, object], where: str) -> ManifestRow:
    """One row from its columns, checked."""
    words: dict[str, str] = {}
    for name in ("video", "split", "label", *OPTIONAL):
        value = fields.get(name)
        value = "" if value is None else value
        if not isinstance(value, str):
            raise ManifestError(f"{where}: {name} is not text", got=repr(value), expected="a string")
        words[name] = value
    events = _events(fields["events"], where)
    label = words["label"]
    try:
        label = labels.canonical(label)
        if label == labels.NORMAL and events is None:
            events = ()
        given = "" if labels.not_known(words["category"]) else words["category"]
        category = given or ("" if label in ("", labels.NORMAL, labels.ABNORMAL) else label)
        row = ManifestRow(words["video"], words["split"], label, events, category, words["mask"])
    except InputError as error:
        raise ManifestError(
            f"{where}: {error.what}", got=error.got, expected=error.expected, hint=error.hint
        ) from error
    _check_row(row, where)
    return row


def _events(value: object, where: str) -> tuple[Interval, ...] | None:
    """Intervals sorted by start, or None for an empty cell or null."""
    if value is None or (isinstance(value, str) and labels.not_known(value)):
        return None
    pairs: list[tuple[int, int]] = []
    for part in value.split(";") if isinstance(value, str) else value if isinstance(value, list) else [value]:
        found = _EVENT.fullmatch(part) if isinstance(part, str) else None
        if found:
            pairs.append((int(found[1]), int(found[2])))
        elif isinstance(part, list) and [type(number) for number in part] == [int, int] and max(part) < 10**15:
            pairs.append((part[0], part[1]))
        else:
            date = isinstance(part, str) and _DATE.search(part)
            hint = "a spreadsheet made a date of it: have the column as text" if date else None
            raise ManifestError(f"{where}: malformed event", got=repr(part), expected=_EVENTS_FORM, hint=hint)
    return to_events(pairs, where)


def _check_row(row: ManifestRow, where: str) -> None:
    """Raise where a row would not come back from a file, or says two things."""
    _check_id(row.video, where)
    for name, word in (("label", row.label), ("category", row.category), ("mask", row.mask)):
        if word != word.strip() or not word.isprintable():
            raise ManifestError(f"{where}: {name} has spaces around it or unprintable characters", got=repr(word))
    if re.fullmatch(r"[-+]?[0-9.]+|true|false", row.label, re.IGNORECASE):
        # As a class name it would be abnormal, and 0 is nearly always meant as normal.
        raise ManifestError(f"{where}: label is a number", got=repr(row.label), expected="normal, abnormal or a class")
    if row.events == () and row.label != "normal":
        expected = "null (None) where the events are not known, label normal where there are none"
        raise ManifestError(f"{where}: label {row.label!r} with an empty list of events", expected=expected)
    if row.events and not row.label:
        raise ManifestError(f"{where}: events without a label", expected="label abnormal or a class name")
    to_events([(event.start_frame, event.end_frame) for event in row.events or ()], where)


def _check_id(video: str, where: str) -> None:
    if re.search("[\0\ud800-\udfff]", video):  # surrogates stand for bytes of a file name that are not Unicode
        raise ManifestError(f"{where}: the name of a video is not valid Unicode", got=ascii(video), hint="rename it")
    if _ABSOLUTE.match(video):
        raise ManifestError(f"{where}: absolute path", got=video, expected="a path relative to the videos' folder")
    if any(part in ("", ".", "..") for part in video.split("/")):
        hint = "name videos relative to one folder above them all"
        raise ManifestError(f"{where}: a path with an empty part, '.' or '..'", got=repr(video), hint=hint)


def _check_columns(names: Iterable[str], where: str) -> None:
    names = list(names)
    missing = [name for name in COLUMNS if name not in names]
    if missing:
        hint = "separate the columns by commas" if len(names) == 1 else None
        what, expected = f"{where}: missing column {', '.join(missing)}", ", ".join(COLUMNS)
        raise ManifestError(what, got=", ".join(names), expected=expected, hint=hint)
    extra = {name.strip().casefold(): name for name in names if name not in (*COLUMNS, *OPTIONAL)}
    for wanted in OPTIONAL:
        close = difflib.get_close_matches(wanted, extra, n=1, cutoff=0.8) if wanted not in names else []
        if close:
            raise ManifestError(f"{where}: misspelt column", got=repr(extra[close[0]]), expected=wanted)


def _csv_records(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """First line and columns of each row."""
    if re.match(r"\s*[\[{]", text):
        raise ManifestError(f"{path} holds JSON", expected="CSV", hint="one object a line, in a file ending in .jsonl")
    try:
        table = csv_rows.read(text, path, columns=KNOWN)
        if table.names:
            _check_columns(table.names, f"{path}, line {table.line}")
        yield from table.rows
    except InputError as error:
        raise ManifestError(error.what, got=error.got, expected=error.expected, hint=error.hint) from error


def _known(name: str) -> str:
    """The name of a key as it is known, whatever its capitals."""
    folded = name.strip().casefold()
    return folded if folded in KNOWN else name


def _jsonl_records(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, object]]]:
    """Line and keys of each row; only a line feed ends a line, other separators may stand inside a name."""
    for line, content in enumerate(text.split("\n"), start=1):
        if not content.strip():
            continue
        where = f"{path}, line {line}"
        try:
            fields = parse_json(content)
        except MalformedError as error:
            raise ManifestError(f"{where}: malformed JSON", got=error, expected="one JSON object a line") from error
        if not isinstance(fields, dict):
            raise ManifestError(f"{where}: not a JSON object", got=type(fields).__name__, expected="an object")
        named = {_known(name): value for name, value in fields.items()}
        if len(named) != len(fields):
            raise ManifestError(f"{where}: a key stands twice", got=", ".join(fields))
        _check_columns(named, where)
        yield line, named


def _csv_text(rows: Sequence[ManifestRow]) -> str:
    more = _more(rows)
    cells = [
        (row.video, row.split, row.label, _events_text(row.events or ()), *(getattr(row, name) for name in more))
        for row in rows
    ]
    return csv_rows.write([(*COLUMNS, *more), *cells])


def _jsonl_text(rows: Sequence[ManifestRow]) -> str:
    text, more = "", _more(rows)
    for row in rows:
        events = row.events and [[event.start_frame, event.end_frame] for event in sorted(row.events)]
        cells = (row.video, row.split, row.label, events, *(getattr(row, name) for name in more))
        text += json.dumps(dict(zip((*COLUMNS, *more), cells, strict=True)), ensure_ascii=False) + "\n"
    return text


def _more(rows: Iterable[ManifestRow]) -> tuple[str, ...]:
    """The columns that are written after those that every manifest has."""
    return OPTIONAL if any(row.mask for row in rows) else OPTIONAL[:1]


def _events_text(events: Iterable[Interval]) -> str:
    return ";".join(f"{event.start_frame}-{event.end_frame}" for event in sorted(events))
