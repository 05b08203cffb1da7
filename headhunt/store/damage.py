"""What is read from a store and is not what was written: told as damage, whoever finds it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from headhunt.documents import shown
from headhunt.errors import DamagedError, HeadhuntError, InputError, StoreError

ABSENT = {None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR}
"""Numbers of errors that say that a file is not what it should be; the others say that it cannot be read now."""


@contextmanager
def reading(what: str, *, hint: str = "make it again, or put a copy in its place") -> Iterator[None]:
    """Read something of a store inside this block, and nothing else.

    Args:
        what: What is read, for the message.
        hint: The next step for the user.

    Raises:
        DamagedError: It cannot be understood.
        StoreError: The system refuses to read it, or it does not fit into memory.
    """
    try:
        yield
    except InputError as error:
        raise DamagedError(f"{what} is damaged", got=error.line, hint=hint) from error
    except HeadhuntError:
        raise
    except MemoryError as error:
        raise StoreError(f"{what} does not fit into memory", hint="close other programs, or use more memory") from error
    except Exception as error:  # zarr and its codecs raise many kinds
        if isinstance(error, OSError) and error.errno not in ABSENT:
            hint = "check the disk and the permissions"
            raise StoreError(f"{what} cannot be read", got=error.strerror, hint=hint) from error
        raise DamagedError(
            f"{what} is damaged", got=f"{type(error).__name__}: {shown(str(error))}", hint=hint
        ) from error
