"""A variable of a MATLAB file: numbers, or a cell of numbers; knows nothing of labels.

Files of version 5 to 7 are read here, every size checked, since SciPy's reader may crash at a damaged one. Those of
version 7.3 are HDF5 and need h5py.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from headhunt.errors import ManifestError

Numbers = npt.NDArray[np.generic]
MAX_BYTES = 1 << 32
"""Of one variable, decompressed."""
_TYPES = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_MATRIX, _COMPRESSED = 14, 15
_CELL, _NUMERIC = 1, range(6, 16)  # classes of arrays; between them stand structures, objects, text and sparse ones
_COMPLEX = 0x800
_HEADER = 128
_VERSION_7_3 = b"MATLAB 7.3"


class _AbsentError(Exception):
    """There is no such variable; says which there are."""


def read(path: Path, name: str) -> Numbers | list[Numbers]:
    """A variable of a file, of a cell its elements in MATLAB's order.

    Raises:
        ManifestError: It cannot be read or has no such variable; or it is of version 7.3 and h5py is not installed.
    """
    try:
        data = path.read_bytes()
        if data.startswith(_VERSION_7_3):
            return _read_hdf5(path, name)
        return _read_5(data, name)
    except _AbsentError as error:
        raise ManifestError(f"{path} has no variable {name}", got=str(error) or "no variable at all") from None
    except (OSError, ValueError, zlib.error) as error:
        what = f"{path} cannot be read"
        raise ManifestError(what, got=error, expected="a MATLAB file of version 5, 6, 7 or 7.3") from error


def _read_5(data: bytes, name: str) -> Numbers | list[Numbers]:
    order = {b"IM": "<", b"MI": ">"}.get(data[_HEADER - 2 : _HEADER])
    if order is None:
        raise ValueError("another kind of file")
    names = []
    for kind, content in _elements(memoryview(data)[_HEADER:], order):
        if kind == _COMPRESSED:
            (kind, content), *_ = _elements(memoryview(_inflated(content)), order)
        if kind != _MATRIX:
            continue
        called, values = _matrix(content, order, only=name)
        if called == name:
            if values is None:
                raise ValueError(f"{name} holds no numbers")
            return values
        names.append(called)
    raise _AbsentError(", ".join(filter(None, names)))


def _elements(data: memoryview, order: str) -> Iterator[tuple[int, memoryview]]:
    """Kind and content of each element."""
    place = 0
    while place < len(data):
        if len(data) - place < 8:
            raise ValueError("cut short")
        kind, size = (int(number) for number in np.frombuffer(data[place : place + 8], f"{order}u4"))
        start = place + 8
        if kind >> 16:  # a small one has its size and content in place of the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
            if size > 4:
                raise ValueError("damaged: an element larger than its place")
        if size > len(data) - start:
            raise ValueError("cut short")
        yield kind, data[start : start + size]
        place = start + size
        place += 0 if kind == _COMPRESSED else -place % 8


def _inflated(content: memoryview) -> bytes:
    decoder = zlib.decompressobj()
    data = decoder.decompress(content, MAX_BYTES)
    if not decoder.eof:
        raise ValueError(f"cut short, or more than {MAX_BYTES} bytes")
    return data


def _matrix(content: memoryview, order: str, *, only: str | None = None) -> tuple[str, Numbers | list[Numbers] | None]:
    """Name and values of an array; None of one that holds no numbers, or is called otherwise than `only`."""
    if not content:
        return "", np.zeros((0, 0))  # an empty place of a cell
    parts = _elements(content, order)
    flags = int(np.frombuffer(_next(parts, 6), f"{order}u4")[0])
    kind = flags & 0xFF
    if kind != _CELL and kind not in _NUMERIC:
        return _name_of_another(parts), None
    shape = np.frombuffer(_next(parts, 5), f"{order}i4").tolist()
    name = bytes(_next(parts, 1)).decode("ascii", "replace")
    if only is not None and name != only:
        return name, None
    if len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"damaged: an array of shape {tuple(shape)}")
    if kind == _CELL:
        return name, _cell(list(parts), math.prod(shape), order)
    if flags & _COMPLEX:
        raise ValueError(f"{name} holds complex numbers")
    stored, numbers = next(parts, (0, memoryview(b"")))
    if stored not in _TYPES:
        raise ValueError(f"damaged: numbers of kind {stored}")
    values = np.frombuffer(numbers, order + _TYPES[stored])
    if len(values) != math.prod(shape):
        raise ValueError(f"damaged: {len(values)} values in an array of shape {tuple(shape)}")
    return name, values.reshape(shape, order="F")


def _cell(parts: list[tuple[int, memoryview]], n: int, order: str) -> list[Numbers]:
    if len(parts) != n or any(kind != _MATRIX for kind, _ in parts):
        raise ValueError(f"damaged: {len(parts)} arrays in a cell of {n}")
    found = [_matrix(content, order)[1] for _, content in parts]
    if not all(isinstance(one, np.ndarray) for one in found):
        raise ValueError("a cell that holds other than numbers")
    return [one for one in found if isinstance(one, np.ndarray)]


def _next(parts: Iterator[tuple[int, memoryview]], expected: int) -> memoryview:
    kind, content = next(parts, (0, memoryview(b"")))
    if kind != expected or (expected != 1 and not len(content)):
        raise ValueError(f"damaged: an element of kind {kind} instead of {expected}")
    return content


def _name_of_another(parts: Iterator[tuple[int, memoryview]]) -> str:
    """The name of an array of another class, as far as it is where arrays have it."""
    return next((bytes(content).decode("ascii", "replace") for kind, content in parts if kind == 1), "")


def _read_hdf5(path: Path, name: str) -> Numbers | list[Numbers]:
    """The same of a file of version 7.3, whose axes are the other way round."""
    try:
        import h5py
    except ImportError:
        raise ManifestError(
            f"{path} is a MATLAB file of version 7.3, which is HDF5",
            hint="pip install h5py, or save it in MATLAB with -v7",
        ) from None
    try:
        with h5py.File(path, "r") as file:
            if name not in file:
                raise _AbsentError(", ".join(one for one in file if not one.startswith("#")))
            values = file[name]
            if values.dtype != h5py.ref_dtype:
                return np.asarray(values[()]).T
            cells = [file[reference] for reference in np.ravel(values[()])]
            # An empty place of a cell is stored as its shape.
            return [np.zeros((0, 0)) if "MATLAB_empty" in cell.attrs else np.asarray(cell[()]).T for cell in cells]
    except (KeyError, RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"damaged, or no numbers: {error}") from error
