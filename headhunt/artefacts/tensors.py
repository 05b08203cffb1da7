"""The arrays of a safetensors file: its header is read as strictly as any other document."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt
from safetensors import numpy as safetensors_numpy

from headhunt.documents import MalformedError, parse_json

MOST_BYTES = 1 << 30
LENGTH_BYTES = 8  # of the header, little-endian, in front of it


def read(blob: bytes) -> dict[str, npt.NDArray[Any]]:
    """Name -> array.

    Raises:
        MalformedError: The bytes are not a whole safetensors file.
    """
    length = int.from_bytes(blob[:LENGTH_BYTES], "little")
    if len(blob) < LENGTH_BYTES + length:
        raise MalformedError(f"the header of the arrays would have {length} bytes, the file has {len(blob)}")
    parse_json(blob[LENGTH_BYTES : LENGTH_BYTES + length])
    try:
        return safetensors_numpy.load(blob)
    except Exception as error:  # types that NumPy lacks, sizes that do not fit: many kinds
        raise MalformedError(f"not safetensors: {type(error).__name__}: {error}") from error
