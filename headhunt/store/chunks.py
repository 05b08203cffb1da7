"""Reading Zarr so that nothing is made up: a chunk that is not there is an error, not its fill value.

Knows arrays and their chunks, no tables, features or artefacts.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from zarr.abc.store import ByteRequest
from zarr.core.buffer import Buffer, BufferPrototype
from zarr.storage import WrapperStore

from headhunt.errors import DamagedError

WHOLE: Any = {"write_empty_chunks": True}
"""Configuration of an array whose chunks are all written, whatever they hold: one that is not there is lost."""


class MissingChunkError(OSError):
    """A chunk that an array should have is not there."""


class Present(WrapperStore[Any]):
    """A store in which reading a chunk that is not there raises `MissingChunkError`."""

    async def get(self, key: str, prototype: BufferPrototype, byte_range: ByteRequest | None = None) -> Buffer | None:
        """The bytes at `key`; None only where they are metadata."""
        found: Buffer | None = await self._store.get(key, prototype, byte_range)
        if found is None and not key.endswith("zarr.json"):
            raise MissingChunkError(f"{key} is not there")
        return found


def checksummed() -> list[Any]:
    """Compressors of a table's chunks: small on repeats, and whatever was altered is noticed."""
    from zarr.codecs import Crc32cCodec, ZstdCodec

    return [ZstdCodec(level=3), Crc32cCodec()]


UNREADABLE = (ValueError, TypeError, RuntimeError, OSError, KeyError, IndexError, OverflowError)
"""What Zarr and its codecs raise of bytes that are not what they should be."""


@contextmanager
def sound(place: Path, what: str, *, hint: str) -> Iterator[None]:
    """Turn whatever reading raises into one error that names what is damaged.

    Args:
        place: The store's folder.
        what: What is read, such as "segments/status".
        hint: The next step for the user.

    Raises:
        DamagedError: It cannot be read.
    """
    try:
        yield
    except UNREADABLE as error:
        raise DamagedError(
            f"{what} of {place} is damaged", got=f"{type(error).__name__}: {error}", hint=hint
        ) from error


def write_fill(array: Any, folder: Path, numbers: Iterable[int]) -> None:
    """Write out chunks of a one-dimensional array that are all fill, where nobody else has written them meanwhile.

    Args:
        array: The array.
        folder: Of the array.
        numbers: Places of the chunks along the axis.

    Raises:
        OSError: The disk refuses.
    """
    import zarr
    from zarr.core.buffer import default_buffer_prototype
    from zarr.storage import MemoryStore

    make = default_buffer_prototype().buffer.from_bytes
    files: dict[str, Any] = {"zarr.json": make((folder / "zarr.json").read_bytes())}
    one = zarr.open_array(MemoryStore(files), mode="r+", zarr_format=3).with_config(WHOLE)
    one[: array.chunks[0]] = array.fill_value
    data = files["c/0"].to_bytes()
    (folder / "c").mkdir(exist_ok=True)
    scratch = folder / f".{secrets.token_hex(8)}.partial"
    try:
        scratch.write_bytes(data)
        for number in numbers:
            with suppress(FileExistsError):
                os.link(scratch, folder / "c" / str(number))
    finally:
        scratch.unlink(missing_ok=True)


def damaged_chunks(array: Any, end: int) -> list[str]:
    """Names of the chunks, along the first axis up to row `end`, that cannot be read, with what is wrong.

    Args:
        array: An array of a `Present` store.
        end: One past the last row that counts.
    """
    found, step = [], array.chunks[0]
    for number, first in enumerate(range(0, end, step)):
        try:
            array[first : min(first + step, end)]
        except UNREADABLE as error:
            rest = "/0" * (array.ndim - 1)
            found.append(f"{array.path}/c/{number}{rest}: {type(error).__name__}: {error}")
    return found
