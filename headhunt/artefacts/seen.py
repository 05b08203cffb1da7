"""Which videos something was learnt from, known again by what is in their files; knows no stage.

A video is a pair of its id and the digest of its file's content. An id is a path, which may change while the file stays
the same, and may name another file elsewhere; so where both sides have a digest, that alone decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headhunt.store import VideoTable

Seen = tuple[str, str]
"""Id and digest of the content, "" where the store has none."""


def seen(videos: VideoTable, index: Iterable[int]) -> tuple[Seen, ...]:
    """Some videos of a store as pairs, sorted by id."""
    contents: tuple[str, ...] | None = getattr(videos, "digest", None)
    return tuple(sorted((videos.path[i], "" if contents is None else contents[i]) for i in set(map(int, index))))


def of_json(data: Any) -> tuple[Seen, ...]:
    """Pairs out of the facts of an artefact; what is no list of pairs of text is left out."""
    pairs = data if isinstance(data, (list, tuple)) else ()
    whole = [pair for pair in pairs if isinstance(pair, (list, tuple)) and [type(part) for part in pair] == [str, str]]
    return tuple((pair[0], pair[1]) for pair in whole)


def join(*several: Iterable[Seen]) -> tuple[Seen, ...]:
    """All of several lists, each pair once, sorted."""
    return tuple(sorted({pair for some in several for pair in some}))


def again(learnt: Iterable[Seen], among: Iterable[Seen]) -> list[str]:
    """Ids of those videos that were learnt from, sorted.

    Args:
        learnt: What was learnt from, in whatever store.
        among: The videos in question.
    """
    learnt = list(learnt)
    contents = {content for _, content in learnt if content}
    ids = {name for name, _ in learnt}
    nameless = {name for name, content in learnt if not content}
    return sorted(name for name, content in among if content in contents or name in (nameless if content else ids))
