"""A group is read as it was at one moment, whoever writes it meanwhile, and only if it holds what was written."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import numpy as np
import pytest

from headhunt.errors import DamagedError
from headhunt.store import groups
from tests.soak import soak

LOADS = soak(suite=300, full=10_000)


def write(folder: Path, value: int, **more: object) -> None:
    arrays = {
        "a": (np.full(50, value), ("n",)),
        "b": (np.full((3, 2), -value, np.float32), ("m", "k")),
        "names": (np.array([f"é{value}", ""], dtype=object), ("t",)),
    }
    plain = {name: values for name, (values, _) in arrays.items()}
    groups.write(folder, {"value": value, "digest": groups.digest(value, plain)} | more, arrays)


def read(folder: Path) -> groups.Group | None:
    return groups.read(folder, lambda attributes: attributes["value"], hint="make it again")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    assert read(tmp_path / "g") is None
    write(tmp_path / "g", 7)
    found = read(tmp_path / "g")
    assert found is not None
    assert found.attributes["value"] == 7
    assert list(found.arrays) == ["a", "b", "names"]
    assert found.arrays["b"].tolist() == [[-7.0, -7.0]] * 3
    assert found.arrays["names"].tolist() == ["é7", ""]


@pytest.mark.soak
def test_a_reader_beside_a_looping_writer_never_sees_parts_of_two(tmp_path: Path) -> None:
    write(tmp_path / "g", 0)
    stop, written = threading.Event(), [0]

    def loop() -> None:
        while not stop.is_set():
            written[0] += 1
            write(tmp_path / "g", written[0])

    writer = threading.Thread(target=loop)
    writer.start()
    try:
        seen = set()
        for _ in range(LOADS):
            found = read(tmp_path / "g")
            assert found is not None
            value = found.attributes["value"]
            assert (found.arrays["a"] == value).all()
            assert (found.arrays["b"] == -value).all()
            assert found.arrays["names"][0] == f"é{value}"
            seen.add(value)
    finally:
        stop.set()
        writer.join()
    assert len(seen) > 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["g"]


def test_whatever_is_altered_is_noticed(tmp_path: Path) -> None:
    """One bit in the middle of each chunk, then each file cut short, emptied and gone."""
    write(tmp_path / "g", 3)
    files = sorted(f for f in (tmp_path / "g").rglob("*") if f.is_file())
    assert len(files) == 7
    for file in files:
        whole = file.read_bytes()
        middle = len(whole) // 2
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        metadata = file.name == "zarr.json"  # the name of a dimension, or of the seal itself, may differ
        for wrong in (*(() if metadata else (flipped,)), whole[:middle], b"", None):
            file.unlink() if wrong is None else file.write_bytes(wrong)
            with pytest.raises(DamagedError, match="g is damaged"):
                read(tmp_path / "g")
            file.write_bytes(whole)
    assert read(tmp_path / "g") is not None


@pytest.mark.parametrize("key", ["value", "made"])
def test_what_is_said_of_a_group_is_sealed(tmp_path: Path, key: str) -> None:
    write(tmp_path / "g", 3, made={"inputs": {"heads/rss": "sha256:0"}})
    file = tmp_path / "g" / "zarr.json"
    data = json.loads(file.read_text())
    data["attributes"][key] = 4
    file.write_text(json.dumps(data))
    with pytest.raises(DamagedError, match="is not that of what"):
        read(tmp_path / "g")


def test_numbers_of_another_type_with_the_same_bytes_are_noticed(tmp_path: Path) -> None:
    write(tmp_path / "g", 3)
    file = tmp_path / "g" / "a" / "zarr.json"
    file.write_text(file.read_text().replace('"int64"', '"float64"'))
    with pytest.raises(DamagedError):
        read(tmp_path / "g")


def test_a_writer_killed_between_the_two_names_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "g", 1)
    plainly = Path.rename

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".new"):
            raise KeyboardInterrupt
        return plainly(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        patch.setattr("shutil.rmtree", lambda *_args, **_options: None)
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / "g", 2)
    assert not (tmp_path / "g").exists()
    monkeypatch.setattr(groups, "REPLACED_S", 0.0)
    found = read(tmp_path / "g")
    assert found is not None
    assert found.attributes["value"] == 1
