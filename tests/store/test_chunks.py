"""No chunk of a store is made up: each is removed, cut short and altered in turn, and every reader says so."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import zarr

from headhunt import store as stores
from headhunt.errors import DamagedError, StoreError
from headhunt.records import Interval, ManifestRow, Segment
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.inspect import inspect
from headhunt.stages.label import label
from headhunt.stages.select_heads import SelectConfig, select_heads
from headhunt.store import Store
from headhunt.store.layout import SEGMENT_COLUMNS, VIDEO_COLUMNS
from tests.made_stores import fill, make, planned
from tests.stages.synthetic import chain, make_store, manifest_rows


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "s"
    make_store(path)
    chain(path)
    return path


def chunks(path: Path) -> list[str]:
    files = (f for f in path.rglob("*") if f.is_file() and f.name != "zarr.json")
    return sorted(f.relative_to(path).as_posix() for f in files if "c" in f.parts and ".locks" not in f.parts)


def altered(data: bytes) -> Iterator[bytes | None]:
    middle = len(data) // 2
    yield None
    yield data[:middle]
    yield data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def test_every_chunk_is_there_whatever_it_holds(whole: Path) -> None:
    have = chunks(whole)
    for table, columns in (("videos", VIDEO_COLUMNS), ("segments", SEGMENT_COLUMNS)):
        assert {f"{table}/{name}/c/0" for name in columns} <= set(have)
    told = inspect(whole, verify=True)
    assert (told["damaged"], told["absent"]) == ([], [])


def test_each_chunk_lost_cut_or_altered_is_told_by_all_that_read_it(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(whole, tmp_path / "s"))
    silent = []
    have = chunks(path)
    assert len(have) > 50
    for name in have:
        file = path / name
        data = file.read_bytes()
        for wrong in altered(data):
            file.unlink() if wrong is None else file.write_bytes(wrong)
            kind = "lost" if wrong is None else "cut" if len(wrong) < len(data) else "altered"
            damaged = inspect(path, verify=True)["damaged"]
            words = name.split("/c/")[0].removesuffix("/c").split("/")
            if not any(all(word in line for word in words) for line in damaged):
                silent.append((name, kind, "inspect", damaged))
            try:
                if name.startswith("features/"):
                    select_heads(path, SelectConfig(k=2, name="again"))
                else:
                    evaluate(path, EvaluateConfig(n_bootstrap=0, name="again"))
            except StoreError:
                pass
            else:
                if not name.startswith("features/context"):  # which that command does not read
                    silent.append((name, kind, "command"))
            file.write_bytes(data)
    assert silent == []


def test_labels_that_are_lost_are_written_anew_by_a_manifest_of_all_videos(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(whole, tmp_path / "s"))
    before = Store(path).videos()
    for name in ("videos/split/c/0", "videos/events_known/c/0", "truth/start_frame/c/0"):
        (path / name).unlink()
    with pytest.raises(DamagedError, match=r"truth|videos"):
        Store(path).videos()
    lines = [
        f"{row.video},{row.split},{row.label},"
        + ";".join(f"{e.start_frame}-{e.end_frame}" for e in row.events or ())
        + f",{row.category}"
        for row in manifest_rows()
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(["video,split,label,events,category", *lines]) + "\n")
    label(tmp_path / "manifest.csv", path)
    after = Store(path).videos()
    assert (after.split, after.label, after.category) == (before.split, before.label, before.category)
    assert [e or () for e in after.events] == [e or () for e in before.events]


def early(path: Path) -> list[str]:
    """Make a store look as an earlier version wrote it: chunks that are all fill are not there; gives their names."""
    gone = []
    root = zarr.open_group(str(path), mode="r+", zarr_format=3)
    for table in ("videos", "segments"):
        del root[table].attrs["complete"]
        for name, array in root[table].arrays():
            for number in range(-(-array.shape[0] // 256)):
                values = np.asarray(array[number * 256 : (number + 1) * 256])
                same = np.isnan(values) if values.dtype.kind == "f" else values == array.fill_value
                if np.all(same):
                    (path / table / name / "c" / str(number)).unlink()
                    gone.append(f"{table}/{name}/c/{number}")
    return sorted(gone)


def test_a_store_made_before_may_lack_chunks_that_are_all_fill_and_the_next_writer_adds_them(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 300, label="normal", events=())])
    fill(store)
    then = Store(tmp_path / "s").segments()
    gone = early(tmp_path / "s")
    assert {"segments/reason/c/1", "videos/split/c/0"} <= set(gone)
    told = inspect(tmp_path / "s", verify=True)
    assert (told["damaged"], sorted(told["absent"])) == ([], gone)
    stores.finish(Store(tmp_path / "s", writable=True))
    told = inspect(tmp_path / "s", verify=True)
    assert (told["damaged"], told["absent"]) == ([], [])
    now = Store(tmp_path / "s").segments()
    assert now.reason == then.reason
    for name in ("unit", "source", "start_frame"):
        np.testing.assert_array_equal(getattr(now, name), getattr(then, name))
    (tmp_path / "s" / "segments/reason/c/1").unlink()
    with pytest.raises(DamagedError, match="segments/reason/c/1"):
        Store(tmp_path / "s").segments()


LOST = [
    *(f"segments/{name}/c/1" for name in ("video", "start_frame", "end_frame", "start_s", "end_s", "status")),
    *(f"videos/{name}/c/0" for name in ("path", "frames", "fps", "duration_s", "bytes", "label", "events_known")),
    "videos/problem/c/0",
]


@pytest.mark.parametrize("lost", LOST)
def test_in_a_store_made_before_a_lost_chunk_that_another_column_contradicts_is_told(tmp_path: Path, lost: str) -> None:
    fire = planned("a.mp4", 300, label="fire", category="fire", events=(Interval(48, 96),))
    store = stores.plan(make(tmp_path / "s"), [fire, planned("b.mp4", 0, problem="no frames")])
    fill(store)
    stores.finish(Store(tmp_path / "s", writable=True))
    early(tmp_path / "s")
    (tmp_path / "s" / lost).unlink()
    with pytest.raises(DamagedError, match=r"lost|damaged"):
        Store(tmp_path / "s").videos()


def test_in_a_store_made_before_a_lost_unit_of_whole_videos_is_told(tmp_path: Path) -> None:
    row = Segment("a.mp4", 0, 144, "video")
    spanning = stores.PlannedVideo(ManifestRow("a.mp4"), 144, 25.0, 5.76, 10, (row,), np.array([[0.0, 5.76]]))
    stores.plan(stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)]), [spanning])
    early(tmp_path / "s")
    assert Store(tmp_path / "s").segments().unit.tolist() == [0, 0, 0, 1]
    (tmp_path / "s" / "segments/unit/c/1").unlink()
    with pytest.raises(DamagedError, match="segments/unit/c/1"):
        Store(tmp_path / "s").segments()


def test_in_a_store_made_before_a_lost_split_is_told_by_what_was_made_from_it(whole: Path, tmp_path: Path) -> None:
    path = Path(shutil.copytree(whole, tmp_path / "s"))
    early(path)
    (path / "videos/split/c/0").unlink()
    with pytest.raises(DamagedError, match="videos/split/c/0"):
        select_heads(path, SelectConfig(k=2))
