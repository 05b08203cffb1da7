"""The videos asked for against what a store knows of them: which are new, which grew, and which are others by now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from headhunt import video
from headhunt.configs.extract import ExtractConfig
from headhunt.extraction.masks import Mask
from headhunt.extraction.preparation import units_of
from headhunt.extraction.sources import Source
from headhunt.records import ManifestRow
from headhunt.store import Store, VideoTable
from headhunt.store.layout import UNITS
from headhunt.video import Change, Identity


@dataclass
class Changes:
    """How videos stand.

    Attributes:
        new: Those to be planned: not known, without rows of a unit that is wanted, or grown and to be done anew.
        changed: What changed of those whose rows hold no longer, in words.
        redo: Row in /videos -> bytes it was planned for, of those that grew and are to be done anew.
        seen: Row in /videos -> modified_ns and digest, where the store has others or none.
        relabelled: How many have another label than the store's.
        notes: What the user should know, in sentences.
    """

    new: list[Source] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    redo: dict[int, int] = field(default_factory=dict)
    seen: dict[int, tuple[int, str]] = field(default_factory=dict)
    relabelled: int = 0
    notes: list[str] = field(default_factory=list)


def changes_of(sources: Sequence[Source], store: Store, config: ExtractConfig, masks: Mapping[str, Mask]) -> Changes:
    """How the videos asked for stand."""
    table, rows = store.videos(), store.segments()
    place = {path: i for i, path in enumerate(table.path)}
    have: dict[int, set[str]] = {}
    for index, unit in zip(rows.video.tolist(), rows.unit.tolist(), strict=True):
        have.setdefault(index, set()).add(UNITS[unit])
    changes = Changes()
    for source in sources:
        index = place.get(source.row.video)
        if index is None:
            changes.new.append(source)
            continue
        known = have.get(index, set())
        if known and not _holds(source, table, index, config, masks, changes):
            continue
        if not {*units_of(source, config)} <= known:
            changes.new.append(_labelled(source, table, index))
    return changes


def _holds(
    source: Source,
    table: VideoTable,
    index: int,
    config: ExtractConfig,
    masks: Mapping[str, Mask],
    changes: Changes,
) -> bool:
    """Whether the rows of a known video are those of the file that is there now; what is not so is written down."""
    name, row = source.row.video, source.row
    then = Identity(int(table.bytes[index]), int(table.modified_ns[index]), table.digest[index])
    change, now = video.compare(source.path, then)
    mask = masks.get(name)
    if change != Change.GONE and (mask.digest if mask is not None else "") != table.mask[index]:
        changes.changed.append(f"{name}: another mask than it was extracted with")
        return False
    if change in {Change.GROWN, Change.LARGER}:
        _grew(source, table, index, change, config, changes)
        return False
    if change == Change.OTHER:
        size = video.size_on_disk(source.path)
        other = f"{then.bytes} bytes then, {size} now" if size != then.bytes else "as large as then, but another file"
        changes.changed.append(f"{name}: {other}")
        return False
    if now != then:
        changes.seen[index] = (now.modified_ns, now.digest)
    changes.relabelled += bool(row.label) and (row.label, row.split) != (table.label[index], table.split[index])
    return True


def _grew(
    source: Source, table: VideoTable, index: int, change: Change, config: ExtractConfig, changes: Changes
) -> None:
    name, then = source.row.video, int(table.bytes[index])
    grew = f"{name} grew since it was planned ({then} bytes then, {video.size_on_disk(source.path)} now)"
    if config.grown == "redo":
        changes.redo[index] = then
        changes.new.append(_labelled(source, table, index))
        changes.notes.append(f"{grew}: it is extracted anew")
        return
    kept = "its segments are kept as planned, what was added is not extracted; --grown redo extracts it anew"
    if change == Change.LARGER:
        why = "does not begin as it did" if table.digest[index] else "nobody knows whether it begins as it did"
        kept = f"finished segments are kept, no others are computed, since it {why}; --grown redo extracts it anew"
    changes.notes.append(f"{grew}: {kept}")


def _labelled(source: Source, table: VideoTable, index: int) -> Source:
    """A video with the labels that the store has, where nothing is known of it now."""
    row = source.row
    if row.split or row.label or row.events is not None or row.category:
        return source
    known = ManifestRow(
        row.video, table.split[index], table.label[index], table.events[index], table.category[index], row.mask
    )
    return replace(source, row=known)
