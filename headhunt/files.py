"""Write a file whole or not at all; knows nothing of what is in it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from headhunt.errors import HeadhuntError


def write_atomic(path: str | Path, data: bytes) -> None:
    """Replace a file in one step: whoever reads it sees the old content or the new, never a part.

    Raises:
        HeadhuntError: The disk refuses.
    """
    path = Path(path)
    scratch: Path | None = None
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        scratch = Path(name)
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        umask = os.umask(0)
        os.umask(umask)
        scratch.chmod(0o666 & ~umask)
        scratch.replace(path)
    except OSError as error:
        if scratch is not None:
            scratch.unlink(missing_ok=True)
        raise HeadhuntError(
            f"cannot write {path}",
            got=error.strerror or error,
            hint="check that the folder exists, may be written and has room",
        ) from error
