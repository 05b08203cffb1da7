"""Opening a store: is it one, and does it say of itself what a store says? Knows no tables, features or artefacts."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headhunt.documents import shown
from headhunt.errors import ArtefactError, ForeignStoreError, StoreError
from headhunt.fingerprint import Fingerprint
from headhunt.records import Json, ModelSpec
from headhunt.schemas import checked
from headhunt.store.damage import ABSENT, reading
from headhunt.store.layout import FORMAT, VERSION
from headhunt.store.locks import disk_error
from headhunt.store.schemas import Info, RootAttributes, SegmentsAttributes


@dataclass(frozen=True)
class Opened:
    """What a store says of itself, and its root.

    Attributes:
        root: The Zarr group.
        fingerprint: What its features depend on.
        spec: Sizes of the model.
        info: What features do not depend on.
        planned: How many videos and rows are valid.
    """

    root: Any
    fingerprint: Fingerprint
    spec: ModelSpec
    info: Json
    planned: Json


def open_store(path: Path, *, writable: bool) -> Opened:
    """Open a store's root and check what it says.

    Raises:
        ForeignStoreError: Not there, not a headhunt store, or of another version.
        DamagedError: It does not say what a store says.
        StoreError: It cannot be read, or not be written to though it should be.
    """
    import zarr

    if not path.exists():
        raise ForeignStoreError(
            f"no store at {path}", hint="make one with `vadkit extract`, or name another with --store"
        )
    if writable and path.is_dir() and not os.access(path, os.W_OK | os.X_OK):
        raise disk_error(path, OSError(errno.EACCES, "it may not be written to"))
    try:
        root: Any = zarr.open_group(str(path), mode="r+" if writable else "r", zarr_format=3)
        attributes: Json = dict(root.attrs)
    except Exception as error:  # zarr raises whatever its parsers do
        if isinstance(error, OSError) and error.errno not in ABSENT:
            hint = "check the permissions, or name another store with --store"
            raise StoreError(f"{path} cannot be opened", got=error.strerror, hint=hint) from error
        raise ForeignStoreError(
            f"{path} is not a headhunt store", got=f"{type(error).__name__}: {error}", expected="a Zarr v3 folder"
        ) from error
    form, version = attributes.get("format"), attributes.get("version")
    if form != FORMAT:
        raise ForeignStoreError(f"{path} is a Zarr folder but not a headhunt store", got=shown(form), expected=FORMAT)
    if type(version) is not int or version != VERSION:
        raise ForeignStoreError(
            f"{path} is of another version", got=shown(version), expected=VERSION, hint="extract again"
        )
    again = "extract again, or put a copy of {} in its place"
    with reading(str(path), hint=again.format(path / "zarr.json")):
        found = checked(RootAttributes, attributes, "its attributes are not those of a store")
        fingerprint = Fingerprint.from_json(found.fingerprint, source="the fingerprint")
        if not fingerprint.prompts:
            raise ArtefactError("the fingerprint names no prompt")
        checked(Info, found.info, "its info is not that of a store")
    with reading(str(path / "segments"), hint=again.format(path / "segments" / "zarr.json")):
        rows = checked(SegmentsAttributes, dict(root["segments"].attrs), "the count of its rows is missing")
    return Opened(root, fingerprint, ModelSpec(**found.spec.model_dump()), found.info, rows.planned.model_dump())
