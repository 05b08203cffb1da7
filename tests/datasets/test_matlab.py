from __future__ import annotations

import random
import struct
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from headhunt.datasets import matlab
from headhunt.errors import ManifestError
from tests import made_labels


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("dtype", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 4), (2, 3, 5), (0, 4), (1, 300)])
def test_arrays_are_read_as_they_were_written(tmp_path: Path, compressed: bool, dtype: str, shape: tuple) -> None:
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    variables = {"before": "text", "gt": values, "after": {"a": 1}, "sparse": csc_array(np.eye(2))}
    savemat(tmp_path / "a.mat", variables, do_compression=compressed)
    found = matlab.read(tmp_path / "a.mat", "gt")
    assert isinstance(found, np.ndarray)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_cell_keeps_its_order(tmp_path: Path, compressed: bool) -> None:
    cell = np.empty((2, 2), object)
    for i in range(4):
        cell[i % 2, i // 2] = np.full((2, i), i, np.uint8)  # MATLAB counts down the columns
    savemat(tmp_path / "a.mat", {"volLabel": cell}, do_compression=compressed)
    found = matlab.read(tmp_path / "a.mat", "volLabel")
    assert isinstance(found, list)
    assert [one.shape for one in found] == [(2, i) for i in range(4)]
    assert [set(one.ravel().tolist()) for one in found] == [set(), {1}, {2}, {3}]


@pytest.mark.parametrize("order", ["<", ">"])
def test_numbers_stored_smaller_than_their_class_are_read_in_either_byte_order(tmp_path: Path, order: str) -> None:
    def element(kind: int, content: bytes) -> bytes:
        return struct.pack(f"{order}II", kind, len(content)) + content + b"\0" * (-len(content) % 8)

    matrix = (
        element(6, struct.pack(f"{order}II", 6, 0))  # of doubles
        + element(5, struct.pack(f"{order}ii", 1, 6))
        + element(1, b"gt")
        + element(2, bytes([0, 1, 1, 0, 0, 9]))  # kept as bytes, as MATLAB does where they fit
    )
    header = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack(f"{order}H", 0x0100) + (b"IM" if order == "<" else b"MI")
    (tmp_path / "a.mat").write_bytes(header + element(14, matrix))
    assert np.asarray(matlab.read(tmp_path / "a.mat", "gt")).tolist() == [[0, 1, 1, 0, 0, 9]]


@pytest.mark.parametrize(
    "value", ["text", {"a": 1}, np.array([1j]), csc_array(np.eye(2)), np.array([["a", 1]], object)]
)
def test_what_holds_no_numbers_is_refused(tmp_path: Path, value: object) -> None:
    savemat(tmp_path / "a.mat", {"gt": value})
    with pytest.raises(ManifestError, match="cannot be read"):
        matlab.read(tmp_path / "a.mat", "gt")


def test_a_variable_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"one": np.eye(2), "two": {"a": 1}})
    with pytest.raises(ManifestError, match="no variable gt") as caught:
        matlab.read(tmp_path / "a.mat", "gt")
    assert "one, two" in str(caught.value)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_damaged_file_is_refused_or_read_and_nothing_else(tmp_path: Path, compressed: bool) -> None:
    cell = np.empty((1, 4), object)
    cell[0, :] = [made_labels.mask(label) for label in (0, 1, 1, 0)]
    path = tmp_path / "a.mat"
    savemat(path, {"volLabel": cell}, do_compression=compressed)
    whole, chance, refused = path.read_bytes(), random.Random(0), 0
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(chance.randint(1, 4)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        path.write_bytes(damaged[: chance.choice((len(damaged), chance.randrange(len(damaged))))])
        try:
            assert len(matlab.read(path, "volLabel")) == 4
        except ManifestError:
            refused += 1
    assert refused > 100
