"""Open a store and read from it: tables, features, artefacts. Artefacts are also written through it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from headhunt.arrays import Float32, Int64
from headhunt.errors import DamagedError, InputError
from headhunt.files import StrPath
from headhunt.records import Head, Json, canonical_json
from headhunt.store import artefacts, columns, features
from headhunt.store.artefacts import Artefact
from headhunt.store.cache import unchanged
from headhunt.store.chunks import Present
from headhunt.store.damage import reading
from headhunt.store.groups import Arrays
from headhunt.store.layout import (
    KINDS,
    RowStatus,
)
from headhunt.store.locks import disk_error
from headhunt.store.opening import open_store
from headhunt.store.reading import Tables
from headhunt.store.tables import SEGMENT_ARRAYS, SegmentTable, VideoTable

T = TypeVar("T")


def _sealed(table: T) -> T:
    """A table whose arrays cannot be written to: others have it too."""
    for value in vars(table).values():
        if isinstance(value, np.ndarray):
            value.flags.writeable = False
    return table


class Store:
    """A store on disk.

    Args:
        path: Its folder.
        writable: Open for writing artefacts too.

    Raises:
        StoreError: Not there, not a headhunt store, of another version, or damaged.
    """

    def __init__(self, path: StrPath, *, writable: bool = False) -> None:
        import zarr
        from zarr.storage import LocalStore

        self.path = Path(path)
        opened = open_store(self.path, writable=writable)
        self.root: Any = opened.root
        # What is read is read through this one: a chunk that is not there is an error.
        self._present: Any = zarr.open_group(Present(LocalStore(self.path, read_only=True)), mode="r", zarr_format=3)
        self.fingerprint, self.spec = opened.fingerprint, opened.spec
        self.info: Json = opened.info
        self.planned: Json = opened.planned
        self.tables = Tables(
            path=self.path,
            present=self._present,
            loose=self.root,
            n_videos=int(self.planned["videos"]),
            n_rows=int(self.planned["rows"]),
            length=self.fingerprint.sampling.length,
            split_in_use=self._split_in_use,
        )

    @property
    def prompts(self) -> tuple[str, ...]:
        """Ids of the prompts, in the order of the feature arrays' prompt axis."""
        return tuple(prompt.id for prompt in self.fingerprint.prompts)

    def place_of_prompt(self, prompt: str) -> int:
        """Place of a prompt on the prompt axis.

        Raises:
            InputError: The store was not extracted with that prompt.
        """
        if prompt not in self.prompts:
            raise InputError(
                f"{self.path} has no prompt {prompt!r}", got=", ".join(self.prompts), hint="extract with that prompt"
            )
        return self.prompts.index(prompt)

    @property
    def subset(self) -> tuple[Head, ...] | None:
        """The heads that were extracted, or None for all."""
        return self.fingerprint.heads

    @property
    def has_context(self) -> bool:
        """Whether the context was extracted."""
        with reading(f"features of {self.path}"):
            return "context" in self.root["features"]

    def videos(self) -> VideoTable:
        """All videos; the arrays cannot be written to."""
        return self._unchanged(("videos", "segments", "truth"), lambda: self.tables.videos(self.segments()))

    def _unchanged(self, groups: tuple[str, ...], read: Callable[[], T]) -> T:
        place = self.path.resolve()
        # This object sees what was planned when it was opened, whatever came later.
        key = (place, groups, self.planned["videos"], self.planned["rows"])
        with reading(f"{self.path}: {' or '.join(groups)}", hint=columns.HINT):
            return unchanged(key, [place / group for group in groups], lambda: _sealed(read()))

    def _split_in_use(self) -> str:
        """A split that something in this store was made from, so that there must be one; "" where none is named."""
        made = [artefact.made_by["config"].get("split") for artefact in self._artefacts(("heads", "scorers"))]
        measured = [artefact.facts.get("split") for artefact in self._artefacts(("metrics",))]
        return next((str(split) for split in (*made, *measured) if split), "")

    def _artefacts(self, kinds: Sequence[str]) -> Iterator[Artefact]:
        for kind in kinds:
            for name in self.names(kind):
                yield self.artefact(kind, name)

    def present(self, name: str) -> Any:
        """An array, in which reading a chunk that is not there raises `MissingChunkError`."""
        return self._present[name]

    def segments(self) -> SegmentTable:
        """All planned rows, padding left out; its arrays cannot be written to."""
        return self._unchanged(("segments",), self.tables.segments)

    def to_xarray(self) -> Any:
        """The features of all planned rows as an xarray Dataset, read when they are used.

        Its dimensions are segment, prompt, layer and head (or pick) and channel; prompts carry their ids, segments
        their video, frames, times, unit and status. Rows that are not done are NaN.

        Raises:
            InputError: xarray is not installed.
        """
        try:
            import xarray as xr
        except ImportError as error:
            raise InputError("xarray is not installed", hint="pip install 'vadkit[xarray]'") from error
        table, paths = self.segments(), self.videos().path
        stored = xr.open_zarr(str(self.path), group="features", consolidated=False, chunks=None)
        rows = {name: ("segment", getattr(table, name)) for name in (*SEGMENT_ARRAYS[1:], "row")}
        video = np.array([paths[int(i)] for i in table.video], dtype=object)
        return stored.isel(segment=table.row).assign_coords(prompt=list(self.prompts), video=("segment", video), **rows)

    def __repr__(self) -> str:
        table = self.segments()
        done = int((table.status == RowStatus.DONE).sum())
        kept = "all heads" if self.subset is None else f"{len(self.subset)} chosen heads"
        names = {kind: self.names(kind) for kind in KINDS}
        made = ", ".join(f"{kind}/{n[0]}" if len(n) == 1 else f"{len(n)} {kind}" for kind, n in names.items() if n)
        return (
            f"<Store {self.path}: {self.planned['videos']} videos, {done} of {len(table)} rows done, {kept} of "
            f"{self.spec.layers} x {self.spec.heads}, prompts {', '.join(self.prompts)}{'; ' + made if made else ''}>"
        )

    def layer(self, rows: Int64, layer: int, *, prompt: str) -> Float32:
        """All heads of one layer, float32 (n, h, d); see `layers`."""
        return self.layers(rows, range(layer, layer + 1), prompt=prompt)[:, 0]

    def layers(self, rows: Int64, layers: range, *, prompt: str) -> Float32:
        """All heads of some layers.

        Args:
            rows: Places in the feature arrays (n,), any order.
            layers: Layers that follow each other, 0-based. Several at once cost little more than one when rows are few.
            prompt: Id of the prompt.

        Returns:
            float32 (n, len(layers), h, d).

        Raises:
            InputError: The store holds a head subset.
            DamagedError: A row was never written, or a chunk is lost or altered.
        """
        if self.subset is not None:
            raise InputError(
                f"{self.path} holds {len(self.subset)} chosen heads only", hint="extract without --heads for this step"
            )
        p = self.place_of_prompt(prompt)
        return features.read_layers(self._feature("heads"), self.path, rows, layers, p)

    def heads(self, rows: Int64, heads: Sequence[Head], *, prompt: str) -> Float32:
        """Chosen heads; only the chunks they are in are touched, each once.

        Returns:
            float32 (n, k, d), heads in the order asked for.

        Raises:
            InputError: A head is not in the store.
            DamagedError: A row was never written, or a chunk is lost or altered.
        """
        array, p = self._feature("heads"), self.place_of_prompt(prompt)
        if self.subset is not None:
            return features.read_picks(array, self.path, rows, heads, p, subset=self.subset)
        return features.read_heads(array, self.path, rows, heads, p)

    def context(self, rows: Int64, *, prompt: str) -> Float32:
        """Context, float32 (n, hidden).

        Raises:
            InputError: It was not extracted.
            DamagedError: A row was never written, or a chunk is lost or altered.
        """
        if not self.has_context:
            raise InputError(f"{self.path} holds no context", hint="extract again with --context")
        return features.read_context(self._feature("context"), self.path, rows, self.place_of_prompt(prompt))

    def _feature(self, name: str) -> Any:
        """An array of features, of the shape that the store's sizes, prompts and heads give.

        Raises:
            DamagedError: It is not.
        """
        spec = self.spec
        row = (spec.layers, spec.heads) if self.subset is None else (len(self.subset),)
        expected = (len(self.prompts), *((*row, spec.head_dim) if name == "heads" else (spec.hidden,)))
        with reading(f"features/{name} of {self.path}", hint=columns.HINT):
            array = self._present[f"features/{name}"]
            shape = array.shape
        rows = self.planned["rows"]
        if shape[1:] != expected or shape[0] < rows:
            raise DamagedError(f"features/{name} of {self.path} are damaged", got=shape, expected=(rows, *expected))
        return array

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of the complete artefacts of a kind, sorted."""
        return artefacts.names(self.path, kind)

    def current(self, kind: str) -> str | None:
        """Name of the artefact of a kind that was made last; None when there is none."""
        return artefacts.current(self.root, self.path, kind)

    def artefact(self, kind: str, name: str | None = None) -> Artefact:
        """Read an artefact; without a name the one made last.

        Raises:
            StaleError: It is not there, or was not finished.
            DamagedError: It does not hold what was written.
        """
        return artefacts.read(self.root, self.path, kind, name)

    def write_artefact(
        self,
        kind: str,
        name: str,
        *,
        stage: str,
        config: Json,
        seed: int | None,
        inputs: Mapping[str, str],
        facts: Json,
        arrays: Arrays,
    ) -> Artefact:
        """Write an artefact group, in place of one of that name, and make it the current one of its kind.

        Args:
            kind: "heads", "scorers", "scores", "events" or "metrics".
            name: Letters, digits, dot, dash and underscore.
            stage: The stage that made it.
            config: Its configuration.
            seed: Its seed, None when no chance was involved.
            inputs: What it was made from: name -> digest.
            facts: Anything else, as JSON.
            arrays: name -> (array, dimension names).

        Raises:
            InputError: No such name can be given.
            StoreError: The disk refuses; an artefact of that name is as it was.
        """
        try:
            return artefacts.write(
                self.root,
                self.path,
                kind,
                name,
                stage=stage,
                config=config,
                seed=seed,
                inputs=inputs,
                facts=facts,
                arrays=arrays,
            )
        except OSError as error:
            raise disk_error(self.path / kind / name, error) from error

    def rows_digest(self, table: SegmentTable) -> str:
        """Digest of what a set of rows is: their videos, frames, units and status (not the features themselves)."""
        paths = self.videos().path
        rows = zip(table.video, table.start_frame, table.end_frame, table.unit, table.status, strict=True)
        plain = [[paths[int(v)], int(a), int(b), int(u), int(s)] for v, a, b, u, s in rows]
        anew = self.tables.planned_anew()
        # Their rows may be cut as those before, but they are of another file.
        for place in np.flatnonzero(np.isin(table.video, anew)).tolist():
            plain[place].append(int(table.row[place]))
        return f"sha256:{hashlib.sha256(canonical_json(plain).encode()).hexdigest()}"
