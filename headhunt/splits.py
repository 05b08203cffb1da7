"""Names of splits: which spellings are one name, and which are refused; knows no file and no store.

Capitals and full-width letters do not count: `Test` is `test`. What looks like train, val or test but is not (testing,
tset, "test ") is refused, so that no spelling gets test labels past the guard. Every other word is a split of its own;
one that has test among its words (test_night, night-test-2) is a test split too: nothing is learnt from it.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from headhunt.errors import InputError

TRAIN, VAL, TEST = "train", "val", "test"
OTHER_WORDS = {
    "training": TRAIN,
    "trains": TRAIN,
    "trainset": TRAIN,
    "trainingset": TRAIN,
    "valid": VAL,
    "validate": VAL,
    "validation": VAL,
    "valset": VAL,
    "validset": VAL,
    "validationset": VAL,
    "vals": VAL,
    "vall": VAL,
    "vla": VAL,
    "testing": TEST,
    "tests": TEST,
    "testset": TEST,
    "testingset": TEST,
}
"""What else people call the three, letters alone."""
_LONG = {TRAIN: TRAIN, TEST: TEST} | {word: meant for word, meant in OTHER_WORDS.items() if len(word) > 6}
"""Words long enough for one with a slip in it to be known again."""
NOT_GIVEN = frozenset(("nan", "none", "n/a", "#n/a", "na", "<na>", "null", "unknown"))
"""What programs write into a cell that has nothing in it, in small letters."""


@lru_cache(maxsize=1024)
def canonical(word: str) -> str:
    """A split's name as it is kept and compared.

    >>> canonical("Test"), canonical("Fold 1"), canonical("nan")
    ('test', 'fold 1', '')

    Raises:
        InputError: It has spaces around it or unprintable characters, or is nearly train, val or test.
    """
    name = _folded(word)
    if name in NOT_GIVEN:
        return ""
    meant = _nearly(name)
    if name != name.strip() or not name.isprintable():
        hint = f"did you mean {meant!r}?" if meant else "write it without them"
        raise InputError(
            "the name of a split has spaces around it or unprintable characters", got=repr(word), hint=hint
        )
    if meant is not None:
        raise InputError(
            "this is nearly the name of another split",
            got=repr(word),
            expected=repr(meant),
            hint=f"write {meant!r}, or another word",
        )
    return name


@lru_cache(maxsize=1024)
def stored(word: str) -> str:
    """A name out of a store's column, which earlier versions took as it was written; nothing is refused.

    The usual other words for train, val and test are read as these; a typing error stays as it is, and `doubtful` finds
    it.
    """
    name = _folded(word).strip()
    if name in NOT_GIVEN:
        return ""
    letters = _letters(name)
    return letters if letters in (TRAIN, VAL, TEST) else OTHER_WORDS.get(letters, name)


def doubtful(name: str) -> str | None:
    """The split that a name out of a store is nearly that of; None for a sound one."""
    return _nearly(name)


def is_test(name: str) -> bool:
    """Whether a split is only evaluated on: the test split, what is nearly that, and what has test among its words."""
    folded = _folded(name)
    return _nearly(folded) == TEST or re.search(r"(?<![^\W\d_])test", folded) is not None


def _folded(word: str) -> str:
    return unicodedata.normalize("NFKC", word).casefold()


def _letters(name: str) -> str:
    return "".join(c for c in name if c.isalnum())


def _nearly(name: str) -> str | None:
    """The one of the three that a folded name is meant as but does not equal."""
    if name in (TRAIN, VAL, TEST):
        return None
    letters = _letters(name)
    if letters in (TRAIN, VAL, TEST):
        return letters
    if letters in OTHER_WORDS:
        return OTHER_WORDS[letters]
    return next((meant for word, meant in _LONG.items() if _one_slip(name.strip(), word)), None)


def _one_slip(name: str, known: str) -> bool:
    """Whether one letter is wrong, missing, too many, or changed places with the next: any but the first letter.

    Another first letter makes another word: rest, brain, west. So does a digit: test2 is a split of its own.
    """
    swapped = {known[:i] + known[i + 1] + known[i] + known[i + 2 :] for i in range(len(known) - 1)}
    if name in swapped:
        return True
    if name[:1] != known[0] or not name.isalpha() or abs(len(name) - len(known)) > 1:
        return False
    same = next((i for i, (a, b) in enumerate(zip(name, known, strict=False)) if a != b), min(len(name), len(known)))
    skip_name, skip_known = (len(name) >= len(known)), (len(name) <= len(known))
    return name[same + skip_name :] == known[same + skip_known :]
