"""A shard has one writer, and what it finished stays."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import zarr

from headhunt import store as stores
from headhunt.errors import StoreError
from headhunt.store import RowStatus, ShardWriter, Store
from tests.made_stores import features, fill, make, planned


def test_a_shard_has_one_writer(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 1)])
    with stores.claim_shard(store, 0) as first, stores.claim_shard(store, 0) as second:
        assert (first, second) == (True, False)
    with stores.claim_shard(store, 0) as third:
        assert third


def test_a_full_disk_leaves_what_was_finished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 4)])
    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0)
        writer.add([0, 1], *features([0, 1]))
        writer.flush()

        def full(*_args: object, **_options: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        writer.add([2, 3], *features([2, 3]))
        with monkeypatch.context() as patch:
            patch.setattr(zarr.Array, "__setitem__", full)
            with pytest.raises(StoreError, match="No space left") as caught:
                writer.flush()
    assert "finished rows are kept" in str(caught.value)
    assert caught.value.exit_code == 4
    store = Store(tmp_path / "s", writable=True)
    assert store.segments().status.tolist() == [RowStatus.DONE] * 2 + [RowStatus.PLANNED] * 2
    fill(store)
    np.testing.assert_array_equal(store.layer(np.arange(4), 0, prompt="a"), features([0, 1, 2, 3])[0][:, 0, 0])


def test_a_row_that_reuses_another_says_so_until_it_has_features_of_its_own(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 4)])
    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0)
        writer.add([1], *features([1]))
        writer.reuse(2, 1)
        writer.flush()
        table = Store(tmp_path / "s").segments()
        assert table.status.tolist() == [RowStatus.PLANNED, RowStatus.DONE, RowStatus.DONE, RowStatus.PLANNED]
        assert table.source.tolist() == [-1, -1, 1, -1]
        assert table.done().source.tolist() == [-1, 1]
        got = store.layer(np.array([1, 2]), 2, prompt="b")
        np.testing.assert_array_equal(got[0], got[1])
        np.testing.assert_array_equal(store.context(np.array([2]), prompt="a"), features([1])[1][:, 0])
        again = ShardWriter(store, 0)
        assert again.source[:3].tolist() == [-1, -1, 1]
        again.add([2], *features([2]))
        again.flush()
    assert Store(tmp_path / "s").segments().source.tolist() == [-1] * 4


def test_a_row_is_never_done_before_what_it_reuses_is_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 2)])
    names: list[str] = []
    original = zarr.Array.__setitem__
    monkeypatch.setattr(
        zarr.Array, "__setitem__", lambda self, *args: (names.append(self.basename), original(self, *args))[1]
    )
    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0, flush_s=0.0)
        writer.add([0], *features([0]))
        writer.wait()
        names.clear()
        writer.reuse(1, 0)
        writer.wait()
    assert names[-2:] == ["source", "status"]


def test_rows_are_taken_while_others_are_written_and_each_write_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 4)])
    begun, go_on = threading.Event(), threading.Event()
    original = ShardWriter._sync

    def slow(self: ShardWriter, name: str, array: object) -> None:
        begun.set()
        assert go_on.wait(30)
        original(self, name, array)

    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0, flush_s=0.0)
        with monkeypatch.context() as patch:
            patch.setattr(ShardWriter, "_sync", slow)
            writer.add([0], *features([0]))
            assert begun.wait(30)
            writer.flush_s = 1000.0
            writer.add([1], *features([1]))  # not held up by the write that goes on
            assert Store(tmp_path / "s").segments().status.tolist() == [1, 1, 1, 1]  # no status before its data
            go_on.set()
            writer.wait()
        assert Store(tmp_path / "s").segments().status.tolist() == [2, 1, 1, 1]  # as it was when the write began
        writer.flush()
    found = Store(tmp_path / "s")
    assert found.segments().status.tolist() == [2, 2, 1, 1]
    np.testing.assert_array_equal(found.layer(np.arange(2), 0, prompt="a"), features([0, 1])[0][:, 0, 0])
    assert not [thread for thread in threading.enumerate() if thread.name == "vadkit-write"]


def test_what_went_wrong_with_a_write_is_raised_by_the_next_call_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 2)])

    def full(*_args: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0, flush_s=0.0)
        with monkeypatch.context() as patch:
            patch.setattr(ShardWriter, "_sync", full)
            writer.add([0], *features([0]))
            with pytest.raises(StoreError, match="No space left"):
                writer.add([1], *features([1]))
        assert Store(tmp_path / "s").segments().status.tolist() == [1, 1]
        writer.flush()
    assert Store(tmp_path / "s").segments().status.tolist() == [2, 2]


def test_a_store_without_the_column_of_reused_rows_is_read_extended_and_filled(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 2)])
    fill(store, stop=1)
    shutil.rmtree(tmp_path / "s" / "segments" / "source")  # as it was before there was such a column
    del store.root["segments"].attrs["complete"]
    store = stores.plan(Store(tmp_path / "s", writable=True), [planned("b.mp4", 3)])
    fill(store)
    table = Store(tmp_path / "s").segments()
    assert set(table.status) == {RowStatus.DONE}
    assert table.source.tolist() == [-1] * 5
    np.testing.assert_array_equal(store.layer(table.row, 0, prompt="a"), features(table.row.tolist())[0][:, 0, 0])
    assert not (tmp_path / "s" / "segments" / "source").exists()


def test_a_partial_shard_is_written_after_the_given_time(tmp_path: Path) -> None:
    store = stores.plan(make(tmp_path / "s"), [planned("a.mp4", 3)])
    with stores.claim_shard(store, 0):
        writer = ShardWriter(store, 0, flush_s=0.0)
        writer.add([0], *features([0]))
        writer.wait()
        assert Store(tmp_path / "s").segments().status.tolist() == [2, 1, 1]
        slow = ShardWriter(store, 0, flush_s=1000.0)
        slow.add([1], *features([1]))
        slow.wait()
        assert Store(tmp_path / "s").segments().status.tolist() == [2, 1, 1]
