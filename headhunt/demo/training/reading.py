"""Descriptions parsed back into slots, whoever wrote them: the inverse of `language`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headhunt.demo.training.language import DOING, NUMBERS, OBJECTS

_NOUN = r"(?P<kind>person|cyclist|car|bag|flames|smoke|flash|pieces)"
_HEAD = re.compile(r"(?P<done>.+?) can be seen (?:on|in) an? (?P<place>.+?) (?P<light>by day|at night)\Z")
_COUNT = re.compile(r"There (?:is|are) (?P<people>\w+) (?:person|people) and (?P<cars>\w+) cars?\Z")
_OBJECTS = re.compile(r"There (?:is|are) (?P<objects>.+)\Z")
_PERSON = re.compile(rf"A {_NOUN} in (?P<colour>\w+) is (?P<rest>.+)\Z")
_THING = re.compile(rf"(?:An? )?(?:(?P<colour>\w+) )?{_NOUN} (?:is|are) (?P<rest>.+)\Z", re.IGNORECASE)


@dataclass(frozen=True)
class Read:
    """What a description says, slot by slot; what it does not say is None or empty.

    Attributes:
        actions: Actions in the first sentence.
        place: One of `PLACES`.
        light: "day" or "night".
        people: How many people.
        cars: How many cars.
        objects: Furniture.
        actors: (kind, colour, actions) of each sentence about one actor.
        grammatical: Whether `describe_scene` could have written every sentence.
    """

    actions: frozenset[str]
    place: str | None
    light: str | None
    people: int | None
    cars: int | None
    objects: frozenset[str] | None
    actors: tuple[tuple[str, str, tuple[str, ...]], ...]
    grammatical: bool


def read(text: str) -> Read:
    """Parse a description, whoever wrote it."""
    sentences = [part.removesuffix(".") for part in text.strip().split(". ")]
    head = _HEAD.match(sentences[0])
    count = _COUNT.match(sentences[1]) if len(sentences) > 1 else None
    things = _OBJECTS.match(sentences[2]) if len(sentences) > 2 else None
    actors, good = [], bool(head and count and things) and text.endswith(".")
    for part in sentences[3:]:
        match = _PERSON.match(part) or _THING.match(part)
        done = _doings(match["rest"]) if match else ()
        if match is None or not done:
            good = False
            continue
        actors.append((match["kind"], (match["colour"] or "").lower(), done))
    listed_ = _split(head["done"].lower()) if head else []
    objects = [word.split()[-1] for word in _split(things["objects"])] if things else []
    known = set(DOING.values()) | {"nothing"}
    good = good and set(listed_) <= known and set(objects) <= {*OBJECTS, "object"}
    return Read(
        actions=frozenset(listed_) & frozenset(DOING.values()),
        place=head["place"] if head else None,
        light=head["light"].split()[-1] if head else None,
        people=_number(count["people"]) if count else None,
        cars=_number(count["cars"]) if count else None,
        objects=frozenset(objects) - {"object"} if things else None,
        actors=tuple(actors),
        grammatical=good,
    )


def _split(text: str) -> list[str]:
    return re.split(r", | and ", text)


def _number(word: str) -> int | None:
    return NUMBERS.index(word) if word in NUMBERS else None


def _doings(rest: str) -> tuple[str, ...]:
    out = []
    for part in rest.split(", then "):
        fits = [word for word in DOING.values() if part == word or part.startswith(word + " ")]
        if not fits:
            return ()
        out.append(max(fits, key=len))
    return tuple(out)
