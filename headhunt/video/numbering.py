"""Which packets of a file show a frame, and in which order; knows no file and no times but their order."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from headhunt.arrays import Bool, Float64, Int64
from headhunt.video import pictures
from headhunt.video.packets import Found
from headhunt.video.trial import Trial


@dataclass(frozen=True, eq=False)
class Numbered:
    """The frames of a file.

    Attributes:
        places: int64 (n,), the packet of each frame, in presentation order.
        silent: bool (m,), packets that hold no frame of their own.
        leading: How many frames at the start lean on what came before the file, and are left out.
        broken: How many frames at the start cannot be decoded though nothing came before them.
        by_decoder: Whether the order is the one in which the decoder gave them, not that of their times.
        lost_fields: How many single fields gave nothing, not even together with another.
    """

    places: Int64
    silent: Bool
    leading: int
    broken: int
    by_decoder: bool
    lost_fields: int


def number(found: Found, trial: Trial, starts: list[int], times_s: Float64 | None) -> Numbered:
    """Number the frames of a file.

    Args:
        found: Its packets.
        trial: What came of decoding: everything, where its packets do not say what they show.
        starts: Packets with which further recordings begin.
        times_s: float64 (m,), presentation times, NaN where there is none; None where they do not tell the order.
    """
    fields, unsure = _fields(found, trial), found.holds(pictures.UNSURE, pictures.LEADING)
    asked = found.holds(pictures.EMPTY) | fields | unsure
    gave = trial.gave | (trial.refused & unsure) | _damaged_fields(fields, trial)
    # What came before a key frame that cannot be decoded is no reason for frames that are lost.
    broken = found.start == pictures.BROKEN or (found.start == pictures.INSIDE and 0 <= found.alone < trial.start)
    inside = found.start == pictures.INSIDE and not broken
    shown = (found.holds(pictures.SHOWN) & ~fields) | (asked & gave)
    by_decoder = times_s is None or bool(np.any(np.isnan(times_s[shown])))
    ranks = trial.ranks if times_s is None or by_decoder else times_s
    if not by_decoder:
        gave |= found.holds(pictures.LEADING) & ~_before_its_key(found.keys, ranks)
    shown |= asked & gave
    leading = np.zeros(len(found), dtype=np.bool_)
    first = int(np.argmax(shown))
    if inside:
        leading |= ranks < ranks[trial.start]
    elif found.start == pictures.OPEN:
        leading |= ranks < min(ranks[first], ranks[trial.start])  # which may be whole: a closed group
    if by_decoder and (inside or (found.start == pictures.OPEN and first == trial.start)):
        # Ones that are stored behind the first frame and shown before it, which the decoder left out.
        behind = np.flatnonzero(trial.gave[trial.start + 1 :])
        end = trial.start + 1 + (int(behind[0]) if len(behind) else 0)
        leading[trial.start + 1 : end] = True
    for start, end in itertools.pairwise([*starts, len(found)]):  # further recordings
        leading[start:end] |= _leading(found.keys[start:end], ranks[start:end])
    leading &= shown | unsure
    shown &= ~leading
    places = np.flatnonzero(shown)
    fields[: trial.start] = False
    return Numbered(
        places=places[np.argsort(ranks[places], kind="stable")],
        silent=asked & ~shown & ~leading,
        leading=int(leading.sum()),
        broken=int(np.sum(ranks[places] < ranks[trial.start])) if broken else 0,
        by_decoder=by_decoder,
        lost_fields=max(0, int(fields.sum()) - 2 * int((fields & gave).sum())),
    )


def _before_its_key(keys: Bool, ranks: Float64) -> Bool:
    """Bool (m,), packets that are shown before the key frame which is stored before them."""
    key = np.maximum.accumulate(np.where(keys, np.arange(len(keys)), 0))
    return np.asarray(ranks < ranks[key], dtype=np.bool_)


def _fields(found: Found, trial: Trial) -> Bool:
    """Bool (m,), packets of single fields; where most are, one that is too damaged to tell is taken for one."""
    fields = found.holds(pictures.FIELD)
    if 2 * fields.sum() > len(found):
        fields |= found.holds(pictures.SHOWN) & trial.refused
    return fields


def _damaged_fields(fields: Bool, trial: Trial) -> Bool:
    """Bool (m,), fields with which a frame begins that is lost: refused by the decoder, and no second one."""
    damaged, open_frame = np.zeros(len(fields), dtype=np.bool_), False
    for place in np.flatnonzero(fields).tolist():
        damaged[place] = trial.refused[place] and not open_frame
        open_frame = bool(trial.gave[place] or damaged[place])
    return damaged


def _leading(keys: Bool, ranks: Float64) -> Bool:
    """Bool (m,), packets of a recording behind another that lean on what came before its first key frame."""
    key = int(np.argmax(keys)) if np.any(keys) else 0
    return np.asarray((ranks < ranks[key]) | (np.arange(len(keys)) < key), dtype=np.bool_)
