"""Whatever the metadata of a store say, they are read as they were written or called damaged: exit code 4."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headhunt.artefacts import calibrations, events, freshness, head_sets, scorers, scores
from headhunt.artefacts.tables import events_table, scores_table
from headhunt.errors import DamagedError, HeadhuntError, InputError, StaleError, StoreError
from headhunt.records import Head
from headhunt.stages.evaluate import EvaluateConfig, evaluate
from headhunt.stages.inspect import inspect
from headhunt.store import Store
from headhunt.store.damage import reading
from headhunt.store.layout import KINDS
from tests.hostile import mutated
from tests.soak import drawn
from tests.stages.synthetic import chain, make_store


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "s"
    make_store(path, rows=None, n_segments=3)
    chain(path)
    return path


def look(path: Path) -> None:
    """Read everything that a store says of itself."""
    store = Store(path)
    repr(store)
    table = store.segments()
    store.videos()
    store.heads(table.done().row[:2], store.subset or [Head(1, 2)], prompt=store.prompts[0])
    store.context(table.done().row[:2], prompt=store.prompts[0])
    for kind in KINDS:
        for name in store.names(kind):
            freshness.check(store, store.artefact(kind, name))
    head_sets.of(store.artefact("heads"))
    scorers.of(store.artefact("scorers"))
    found, _ = scores.load(store, None)
    scores.fitted_on(found)
    list(scores.by_video(store, found))
    settled = store.artefact("events")
    calibrations.of(settled)
    calibrations.of(store.artefact("calibrations"))
    events.scores_of(settled)
    scores_table(store)
    events_table(store)
    inspect(path)


METADATA = ("", "segments", "videos", "features", "features/heads", "truth", "segments/status", "videos/path", "heads",
            "heads/rss", "scorers/logistic", "scores/logistic", "calibrations/logistic", "events/logistic",
            "metrics/logistic", "scores/logistic/score", "events/logistic/smoothed")  # fmt: skip


@contextmanager
def changed(path: Path, text: bytes) -> Iterator[None]:
    """A file with other content, for a while."""
    sound = path.read_bytes()
    path.write_bytes(text)
    try:
        yield
    finally:
        path.write_bytes(sound)


@drawn(suite=100)
@given(data=st.data(), where=st.sampled_from(METADATA))
def test_any_metadata_are_read_or_called_damaged(whole: Path, data: st.DataObject, where: str) -> None:
    file = whole / where / "zarr.json"
    with changed(file, data.draw(mutated(json.loads(file.read_text())))), suppress(StoreError):
        look(whole)


@drawn(suite=40)
@given(data=st.data(), where=st.sampled_from(METADATA))
def test_a_stage_on_any_metadata_measures_or_refuses(whole: Path, data: st.DataObject, where: str) -> None:
    file = whole / where / "zarr.json"
    with changed(file, data.draw(mutated(json.loads(file.read_text())))), suppress(HeadhuntError):
        evaluate(whole, EvaluateConfig(n_bootstrap=0))


def attributes(path: Path, **change: object) -> bytes:
    """The metadata of a group with some attributes changed."""
    data = json.loads(path.read_text())
    data["attributes"] |= change
    return json.dumps(data).encode()


SIZES = {"layers": 3, "heads": 4, "head_dim": 6, "hidden": 10}


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("", {"version": True, "format": "headhunt-store"}),
        ("", {"spec": SIZES | {"layers": "3"}}),
        ("", {"spec": SIZES | {"layers": True}}),
        ("", {"spec": SIZES | {"layers": 10**400}}),
        ("", {"spec": SIZES | {"layers": 4}}),
        ("", {"spec": SIZES | {"hidden": 11}}),
        ("", {"spec": None}),
        ("", {"info": []}),
        ("", {"fingerprint": []}),
        ("", {"fingerprint": {"prompts": [{"id": 1, "text": "x"}]}}),
        ("", {"fingerprint": {"prompts": "ab"}}),
        ("", {"fingerprint": {"heads": [[1.9, 0]]}}),
        ("", {"fingerprint": {"heads": [[True, 0]]}}),
        ("", {"fingerprint": {"sampling": {"length": "48"}}}),
        ("", {"fingerprint": {"sampling": {"every": 1}}}),
        ("segments", {"planned": None}),
        ("segments", {"planned": {"videos": 20}}),
        ("segments", {"planned": {"videos": -1, "rows": 256}}),
        ("segments", {"planned": {"videos": 20, "rows": 256.0}}),
        ("segments", {"planned": {"videos": 20, "rows": 10**6}}),
        ("segments", {"planned": {"videos": 21, "rows": 256}}),
        ("heads/rss", {"facts": {"head_set": {"format": "headhunt-heads", "version": 1}}}),
        ("heads/rss", {"made_by": None}),
        ("scorers/logistic", {"facts": None}),
        ("scorers/logistic", {"facts": {}}),
        ("scorers/logistic", {"made_by": {"stage": "fit"}}),
        ("scores/logistic", {"facts": {"fitted_on": "0.mp4"}}),
        ("scores/logistic", {"digest": 3}),
        ("events/logistic", {"facts": {"sigma": "1.5"}}),
    ],
    ids=str,
)
def test_what_a_group_says_is_strict_in_its_types(whole: Path, where: str, change: dict[str, object]) -> None:
    file = whole / where / "zarr.json"
    with changed(file, attributes(file, **change)), pytest.raises(StoreError) as caught:
        look(whole)
    assert caught.value.exit_code == 4


def test_features_of_fewer_rows_than_planned_are_damaged(whole: Path) -> None:
    file = whole / "features" / "heads" / "zarr.json"
    data = json.loads(file.read_text())
    data["shape"][0] = 1
    with changed(file, json.dumps(data).encode()), pytest.raises(DamagedError, match="features/heads"):
        look(whole)


@pytest.mark.parametrize("name", ["../../s/scores/logistic", "", ".", "logistic/score", "x" * 300, "\udcff", "a\0b"])
def test_a_name_that_cannot_be_is_not_there(whole: Path, name: str) -> None:
    with pytest.raises(StaleError, match="has no scores"):
        Store(whole).artefact("scores", name)


def test_a_current_result_of_a_hostile_name_is_not_there(whole: Path) -> None:
    for name in (3, ["logistic"], "../heads/rss", True):
        file = whole / "scores" / "zarr.json"
        with changed(file, attributes(file, current=name)), pytest.raises(StoreError):
            Store(whole).artefact("scores")


def test_keys_of_a_later_version_are_passed_over(whole: Path) -> None:
    for where in ("", "segments"):
        file = whole / where / "zarr.json"
        with changed(file, attributes(file, later={"x": 1})):
            look(whole)


def test_a_disk_that_refuses_is_not_damage_and_an_error_of_ours_stays_itself() -> None:
    with pytest.raises(StoreError, match="x cannot be read") as caught, reading("x"):
        raise PermissionError(errno.EACCES, "Permission denied")
    assert not isinstance(caught.value, DamagedError)
    with pytest.raises(StaleError, match="old"), reading("x"):
        raise StaleError("old")
    with pytest.raises(DamagedError, match="x is damaged\n  got: bad"), reading("x"):
        raise InputError("bad")
    with pytest.raises(StoreError, match="memory"), reading("x"):
        raise MemoryError
    with pytest.raises(KeyboardInterrupt), reading("x"):
        raise KeyboardInterrupt
