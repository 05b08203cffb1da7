"""The store: what is written comes back, what is not finished does not count, what is foreign is refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray
import zarr

from headhunt import store as stores
from headhunt.errors import DamagedError, FingerprintError, ForeignStoreError, InputError, StoreError
from headhunt.records import Head, Interval, ManifestRow
from headhunt.store import RowStatus, ShardWriter, Store, VideoStatus
from tests.made_stores import PICKS, SPEC, features, fill, make, planned


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.b #1.mp4", 3), planned("ü/é.mp4", 300)])
    fill(store)
    store = Store(tmp_path / "s")
    rows = store.segments().row
    assert len(rows) == 303
    heads, context = features(rows.tolist())
    np.testing.assert_array_equal(store.layer(rows, 1, prompt="b"), heads[:, 1, 1])
    np.testing.assert_array_equal(store.context(rows, prompt="a"), context[:, 0])
    shuffled = np.random.default_rng(0).permutation(rows)
    picked = store.heads(shuffled, [Head(2, 1), Head(0, 3), Head(2, 0)], prompt="a")
    np.testing.assert_array_equal(picked, features(shuffled.tolist())[0][:, 0, [2, 0, 2], [1, 3, 0]])
    assert store.videos().path == ("a.b #1.mp4", "ü/é.mp4")
    assert store.heads(np.empty(0, np.int64), [Head(0, 0)], prompt="a").shape == (0, 1, 8)


def test_a_head_subset_is_stored_and_read_by_head(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s", heads=PICKS, context=False), [planned("a.mp4", 5)])
    fill(store, subset=True)
    rows = store.segments().row
    heads, _ = features(rows.tolist(), subset=True)
    np.testing.assert_array_equal(store.heads(rows, [Head(0, 3)], prompt="b")[:, 0], heads[:, 1, 1])
    for call in (
        lambda: store.heads(rows, [Head(1, 1)], prompt="a"),
        lambda: store.layer(rows, 0, prompt="a"),
        lambda: store.context(rows, prompt="a"),
        lambda: store.context(np.array([0]), prompt="c"),
    ):
        with pytest.raises(InputError):
            call()


def test_reading_heads_touches_only_their_layers(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 256)])
    fill(store)
    rows = store.segments().row
    assert store.root["features/heads"].chunks == (256, 1, 1, 4, 8)
    chunk_index = store.path / "features/heads/c/0/0/0/0/0"
    data = bytearray(chunk_index.read_bytes())
    # Ruin the bytes of the chunk of layer 0, found through the index at the end of the shard.
    n_chunks = SPEC.layers
    index = np.frombuffer(data[-(16 * n_chunks + 4) : -4], dtype="<u8").reshape(n_chunks, 2)
    offset, length = (int(v) for v in index[0])
    data[offset + length // 2] ^= 1
    chunk_index.write_bytes(data)
    store.heads(rows, [Head(1, 0), Head(2, 3)], prompt="a")
    with pytest.raises(StoreError, match="damaged"):
        store.heads(rows, [Head(0, 0)], prompt="a")


def test_a_row_that_was_never_written_is_an_error_not_a_number(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])
    fill(store, stop=2)
    store = Store(tmp_path / "s")
    assert store.segments().status.tolist() == [RowStatus.DONE, RowStatus.DONE, RowStatus.PLANNED]
    with pytest.raises(DamagedError, match="without data"):
        store.layer(store.segments().row, 0, prompt="a")


def test_xarray_reads_it_with_named_dimensions(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3, label="normal")])
    fill(store)
    stores.finish(store)
    opened = xarray.open_zarr(tmp_path / "s", group="features", consolidated=False)
    assert opened.heads.dims == ("segment", "prompt", "layer", "head", "channel")
    assert opened.context.dims == ("segment", "prompt", "hidden")
    np.testing.assert_array_equal(opened.heads.isel(segment=2, prompt=1), features([2])[0][0, 1])
    videos = xarray.open_zarr(tmp_path / "s", group="videos", consolidated=False)
    assert videos.path.values.tolist() == ["a.mp4"]
    assert videos.status.values.tolist() == [VideoStatus.DONE]
    assert "done" in videos.status.attrs["flag_meanings"]


def test_a_new_video_begins_at_the_next_shard(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])
    fill(store)
    store = stores.plan(store, [planned("b.mp4", 2)])
    assert store.segments().row.tolist() == [0, 1, 2, 256, 257]
    fill(store)
    np.testing.assert_array_equal(store.layer(np.array([257, 1]), 0, prompt="a"), features([257, 1])[0][:, 0, 0])


def test_planning_twice_adds_nothing(tmp_path: Path) -> None:
    videos = [planned("a.mp4", 3), planned("bad.mp4", 0, problem="no frames")]
    store = stores.plan(make(tmp_path / "s"), videos)
    again = stores.plan(store, videos)
    assert len(again.segments()) == 3
    assert again.videos().path == ("a.mp4", "bad.mp4")


def test_another_unit_of_a_known_video_is_added(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])
    store = stores.plan(store, [planned("a.mp4", 1, unit="video")])
    assert store.segments().unit.tolist() == [0, 0, 0, 1]
    assert len(store.videos()) == 1


def test_a_video_that_could_not_be_opened_is_planned_again(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 0, problem="no moov"), planned("b.mp4", 1)])
    assert (store.videos().status[0], store.videos().reason[0]) == (VideoStatus.FAILED, "no moov")
    store = stores.plan(store, [planned("a.mp4", 2)])
    fill(store)
    table = stores.finish(store).videos()
    assert table.path == ("a.mp4", "b.mp4")
    assert table.status.tolist() == [VideoStatus.DONE, VideoStatus.DONE]
    assert table.frames.tolist() == [96, 48]


def test_an_interrupted_plan_leaves_nothing_that_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])

    def die(*_args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headhunt.store.writer._add_truth", die)
        with pytest.raises(KeyboardInterrupt):
            stores.plan(store, [planned("b.mp4", 300)])
    store = Store(tmp_path / "s", writable=True)
    assert (store.videos().path, len(store.segments())) == (("a.mp4",), 3)
    store = stores.plan(store, [planned("c.mp4", 2)])
    fill(store)
    assert store.videos().path == ("a.mp4", "c.mp4")
    assert store.segments().done().row.tolist() == [0, 1, 2, 256, 257]


def test_video_status_follows_from_its_rows(tmp_path: Path) -> None:
    videos = [planned(f"{i}.mp4", 2, problem="cut short" if i == 3 else "") for i in range(5)]
    store = stores.plan(make(tmp_path / "s"), videos)
    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0)
        heads, context = features([0, 1, 2, 6, 7])
        writer.add([0, 1, 2, 6, 7], heads, context)
        for row in (3, 4, 5):
            writer.fail(row, f"row {row} is bad")
        writer.flush()
    table = stores.finish(store).videos()
    expected = [VideoStatus.DONE, VideoStatus.PARTIAL, VideoStatus.FAILED, VideoStatus.PARTIAL, VideoStatus.PLANNED]
    assert table.status.tolist() == expected
    assert table.reason == ("", "1 of 2 segments failed: row 3 is bad", "row 4 is bad", "cut short", "")
    # What failed is tried again; when it succeeds, nothing of the failure is left.
    fill(store)
    assert stores.finish(store).videos().reason == ("", "", "", "cut short", "")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"weights": "sha256:1"}, "weights"),
        ({"dtype": "bfloat16"}, "dtype"),
        ({"prompts": [{"id": "a", "text": "other"}]}, "prompts"),
        ({"heads": PICKS}, "heads"),
        ({"new": 1}, "new"),
    ],
)
def test_another_fingerprint_is_refused_and_the_difference_shown(tmp_path: Path, change: dict, word: str) -> None:
    make(tmp_path / "s")
    with pytest.raises(FingerprintError) as caught:
        make(tmp_path / "s", **change)
    assert f"{word}: store" in str(caught.value)
    assert caught.value.exit_code == 4
    make(tmp_path / "s")


def test_what_is_not_a_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "precious.txt").write_text("x")
    zarr.create_group(str(tmp_path / "zarr"), attributes={"format": "other"})
    zarr.create_group(str(tmp_path / "old"), attributes={"format": "headhunt-store", "version": 0})
    zarr.create_group(str(tmp_path / "torn"), attributes={"format": "headhunt-store", "version": 1})
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise" / "zarr.json").write_text("{")
    for name in ("file", "folder", "zarr", "old", "torn", "noise", "missing"):
        with pytest.raises(ForeignStoreError):
            Store(tmp_path / name)
    for name in ("file", "folder"):
        with pytest.raises(ForeignStoreError, match="in the way"):
            make(tmp_path / name)
    assert (tmp_path / "folder" / "precious.txt").read_text() == "x"


def test_an_interrupted_creation_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headhunt.store.writer.make_features", die)
        with pytest.raises(KeyboardInterrupt):
            make(tmp_path / "s")
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 1)])
    fill(store)
    assert store.segments().done().row.tolist() == [0]


def test_labels_are_replaced_and_features_left_alone(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 2), planned("b.mp4", 1, label="normal", events=())])
    fill(store)
    before = store.layer(np.array([0, 1, 2]), 0, prompt="a")
    row = ManifestRow("a.mp4", "train", "Fighting", (Interval(10, 20), Interval(50, 60)), "Fighting")
    table = stores.write_labels(store, {"a.mp4": row}).videos()
    assert table.label == ("Fighting", "normal")
    assert table.split == ("train", "")
    assert table.events == ((Interval(10, 20), Interval(50, 60)), ())
    assert table.abnormal == (True, False)
    table = stores.write_labels(store, {"a.mp4": ManifestRow("a.mp4", "test", "abnormal")}).videos()
    assert (table.events, table.split) == ((None, ()), ("test", ""))
    np.testing.assert_array_equal(store.layer(np.array([0, 1, 2]), 0, prompt="a"), before)


def test_the_store_holds_json_and_arrays_only(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])
    fill(store)
    for file in sorted((tmp_path / "s").rglob("zarr.json")):
        assert json.loads(file.read_text())["zarr_format"] == 3
    names = {f.name for f in (tmp_path / "s").rglob("*") if f.is_file() and "c" not in f.relative_to(tmp_path).parts}
    assert names <= {"zarr.json", "plan", "shard-000000"}
