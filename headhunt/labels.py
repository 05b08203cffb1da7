"""Words for what a video shows: which mean normal, abnormal or not known, and which may not be guessed at.

Knows no file. Files are written by people and programs: pandas writes nan, data sets call their folders
Testing_Normal_Videos_Anomaly, and none of these is a class of anomaly.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from headhunt.errors import InputError

NORMAL, ABNORMAL = "normal", "abnormal"
NOT_KNOWN = frozenset(("", "nan", "none", "n/a", "#n/a", "na", "<na>", "null", "unknown", "?", "-"))
"""What stands for a label or a class that nobody knows, in small letters."""
_NORMAL = re.compile(
    "(?:training|testing|train|test|val)?normal(?:videos?|clips?)?(?:events?|foreventrecognition|part|anomaly)?"
)


@lru_cache(maxsize=1024)
def canonical(label: str) -> str:
    """A label as it is kept: "normal", "abnormal", "" for not known, or a class of anomaly as it was written.

    >>> canonical("Testing_Normal_Videos_Anomaly"), canonical("N/A"), canonical("Fighting")
    ('normal', '', 'Fighting')

    Raises:
        InputError: It has spaces around it or unprintable characters, or is a class whose name holds "normal": as a
            class it would be abnormal, which may not be meant.
    """
    if not not_known(label) and (label != label.strip() or not label.isprintable()):
        raise InputError("label has spaces around it or unprintable characters", got=repr(label))
    found = stored(label)
    if found not in (NORMAL, ABNORMAL) and holds_normal(found):
        raise InputError(
            "a class whose name holds 'normal' may be either",
            got=repr(label),
            expected="label normal or abnormal",
            hint="give the label, and this name as category",
        )
    return found


@lru_cache(maxsize=1024)
def stored(label: str) -> str:
    """The same for a label out of a store, which earlier versions took as it was written; nothing is refused."""
    if not_known(label):
        return ""
    letters = _letters(label)
    return NORMAL if _NORMAL.fullmatch(letters) else ABNORMAL if letters == ABNORMAL else label


def not_known(word: str) -> bool:
    """Whether a word stands for no label or class at all."""
    return _folded(word).strip() in NOT_KNOWN


def classes(category: str) -> tuple[str, ...]:
    """The classes that a category names, several with a semicolon between them, in their order.

    >>> classes("explosion;shooting"), classes("car accident"), classes("")
    (('explosion', 'shooting'), ('car accident',), ())
    """
    return tuple(dict.fromkeys(filter(None, map(str.strip, category.split(";")))))


def holds_normal(name: str) -> bool:
    """Whether a name has "normal" in it, other than in "abnormal"."""
    folded = re.sub(r"abnormal|(?<![^\W\d_])ab[\W_]+normal", "", _folded(name))
    return "normal" in folded or "normal" in _letters(folded)


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def _letters(word: str) -> str:
    return "".join(c for c in _folded(word) if c.isalpha())
