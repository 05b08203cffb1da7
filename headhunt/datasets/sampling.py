"""Choose a part of the videos by chance, the same part everywhere; knows rows of a manifest and nothing else."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction

from headhunt import labels
from headhunt.datasets.manifest import by_id
from headhunt.errors import UsageError
from headhunt.records import ManifestRow

_MIN_PER_CLASS = 2


def deal(abnormal: Mapping[str, bool], n_folds: int, *, seed: int = 0) -> dict[str, int]:
    """Deal names into folds, each class as evenly as it goes; the same on any machine, in any order of the names.

    Args:
        abnormal: Name -> its class.
        n_folds: How many folds, >= 1.
        seed: Of the dealing.

    Returns:
        Name -> fold, from 0.
    """

    def drawn(name: str) -> str:
        return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()

    ordered = [
        name for kind in (True, False) for name in sorted((n for n in abnormal if abnormal[n] is kind), key=drawn)
    ]
    return {name: place % n_folds for place, name in enumerate(ordered)}


def sample(
    rows: Iterable[ManifestRow], *, fraction: float | None = None, limit: int | None = None, seed: int = 0
) -> list[ManifestRow]:
    """A stratified random part of the rows: the calibration budget of HeadHunt-VAD (AAAI 2026), 1 % of the videos.

    Normal, abnormal and unlabelled videos keep their proportions (largest remainder). Inside a class every video is
    as likely as any other, and every category, of several the first, gets its share rounded up or down. The choice
    depends on the ids, classes and categories, `fraction`, `limit` and `seed` alone: not on the order of the rows, the
    machine or a library's version.

    Args:
        rows: Every video once.
        fraction: Part of the rows in (0, 1], rounded to the nearest number, halves up; raised where needed so that
            every class has 2 rows, or all it has.
        limit: At most so many rows, >= 1. It binds: with fewer than 2 a class, the classes get one in turn.
        seed: Of the choice.

    Returns:
        The chosen rows, sorted by id; all of them where neither `fraction` nor `limit` is given.

    Raises:
        UsageError: `fraction` or `limit` is out of range.
        ManifestError: A video stands twice.
    """
    if fraction is not None and not 0 < fraction <= 1:
        raise UsageError("the fraction of videos is out of range", got=fraction, expected="0 < fraction <= 1")
    if limit is not None and limit < 1:
        raise UsageError("the limit of videos is out of range", got=limit, expected="limit >= 1")
    rows = sorted(by_id(rows).values(), key=lambda row: row.video)
    strata = {abnormal: [row for row in rows if row.abnormal is abnormal] for abnormal in (False, True, None)}
    sizes = [len(stratum) for stratum in strata.values()]
    total = len(rows)
    if fraction is not None:
        # The decimal the user wrote, not its nearest binary number: 0.29 of 50 is 14.5, which rounds up.
        total = math.floor(Fraction(str(fraction)) * total + Fraction(1, 2))
        total = max(total, sum(min(_MIN_PER_CLASS, size) for size in sizes))
    if limit is not None:
        total = min(total, limit)
    chosen: list[ManifestRow] = []
    for (abnormal, stratum), count in zip(strata.items(), _shares(sizes, total), strict=True):
        chosen += _systematic(stratum, count, seed=seed, salt=str(abnormal))
    return sorted(chosen, key=lambda row: row.video)


def _shares(sizes: Sequence[int], total: int) -> list[int]:
    """Split `total` by `sizes`: first up to 2 each in turn, then always to the one furthest below its quota."""
    shares = [0] * len(sizes)
    for least in range(1, _MIN_PER_CLASS + 1):
        for i, size in enumerate(sizes):
            if size >= least and sum(shares) < total:
                shares[i] += 1
    for _ in range(total - sum(shares)):
        open_ = [i for i, size in enumerate(sizes) if shares[i] < size]
        neediest = max(open_, key=lambda i: total * sizes[i] - shares[i] * sum(sizes))
        shares[neediest] += 1
    return shares


def _systematic(rows: list[ManifestRow], count: int, *, seed: int, salt: str) -> list[ManifestRow]:
    """`count` rows at equal steps from a random start through the rows in order of category, shuffled inside it."""
    if count == 0:
        return []

    def draw(text: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{seed}\0{text}".encode("utf-8", "surrogatepass")).digest(), "big")

    def chief(row: ManifestRow) -> str:
        return next(iter(labels.classes(row.category)), row.label)

    ordered = sorted(rows, key=lambda row: (chief(row), draw(row.video)))
    start = draw(salt) % len(rows)
    return [ordered[(start + i * len(rows)) // count] for i in range(count)]
