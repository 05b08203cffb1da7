"""Several processes over one plan give what one gives; what goes wrong in one is told and ends the others."""

from __future__ import annotations

import multiprocessing
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from headhunt.chains import devices
from headhunt.chains.devices import extract_on_devices
from headhunt.errors import ComputeError, ModelError, StoreError, UsageError
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import RowStatus, Store
from tests.made_videos import write_video


@pytest.fixture(scope="module")
def config(tiny: Path) -> ExtractConfig:
    return ExtractConfig(model=str(tiny), n_frames=2, batch_size=2, decoders=0, prompt_ids=("p1",))


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    write_video(folder / "a.mp4", 144)
    write_video(folder / "b.mp4", 96)
    (folder / "broken.mp4").write_text("no video")
    return folder


def in_shards(videos: Path, store: Path, config: ExtractConfig) -> Path:
    """A store in which each video is planned, in a shard of its own, and nothing is computed."""
    for name in ("a", "b"):
        extract([videos / f"{name}.mp4"], store, replace(config, shard=(7, 8)))
    return store


def test_two_processes_give_what_one_gives(videos: Path, config: ExtractConfig, tmp_path: Path) -> None:
    alone, together = (in_shards(videos, tmp_path / f"{name}.zarr", config) for name in ("alone", "together"))
    expected = extract([videos], alone, config)
    seen: list[tuple[str, int, int]] = []
    both = replace(config, devices=("cpu", "cpu"))
    report = extract_on_devices([videos], together, both, progress=lambda *told: seen.append(told))
    assert report == replace(expected, store=str(together))
    assert (report.rows_done, report.rows_kept, report.elsewhere) == (7, 0, 0)
    assert [name for name, _ in report.failed] == ["broken.mp4"]
    one, two = Store(alone), Store(together)
    assert set(two.segments().status) == {RowStatus.DONE}
    for name in ("heads", "context"):
        assert one.root[f"features/{name}"][:].tobytes() == two.root[f"features/{name}"][:].tobytes()
    assert [told for told in seen if told[0] == "segments"]
    assert all(done <= total for _, done, total in seen)


def test_what_goes_wrong_on_one_device_is_raised_and_no_process_is_left(
    videos: Path, config: ExtractConfig, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="cuda:77"):
        extract_on_devices([videos], tmp_path / "s.zarr", replace(config, devices=("cpu", "cuda:77")))
    assert multiprocessing.active_children() == []


class Gone:
    exitcode = -9


def test_a_process_that_died_without_a_word_is_named() -> None:
    devices._check([Gone()], ["cuda:0"], [])
    with pytest.raises(ComputeError, match=r"the process on cuda:1 died\n  got: exit status -9"):
        devices._check([Gone(), Gone()], ["cuda:0", "cuda:1"], [1])


def test_devices_divide_the_shards_themselves(config: ExtractConfig, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="divide the shards"):
        extract_on_devices([tmp_path], tmp_path / "s.zarr", replace(config, shard=(0, 2), devices=("cpu",)))


def test_one_device_is_named_in_one_way(config: ExtractConfig) -> None:
    with pytest.raises(UsageError, match="takes the place of --device"):
        replace(config, device="cpu", devices=("cpu", "cpu"))


@pytest.mark.parametrize("devices", [(), ("cpu", "cpu")])
def test_a_place_where_no_store_can_be_is_refused_before_a_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, devices: tuple[str, ...]
) -> None:
    def begun(*_arguments: object, **_options: object) -> NoReturn:
        raise AssertionError("work was begun")

    monkeypatch.setattr("headhunt.stages.extract.Decoders", begun)
    monkeypatch.setattr("headhunt.chains.devices.multiprocessing.get_context", begun)
    (tmp_path / "a.mp4").write_text("x")
    (tmp_path / "torn").mkdir()
    (tmp_path / "torn" / "zarr.json").write_text("{")
    for name in ("a.mp4", "a.mp4/store", "torn"):
        with pytest.raises(StoreError):
            extract_on_devices(tmp_path / "a.mp4", tmp_path / name, ExtractConfig(devices=devices))
