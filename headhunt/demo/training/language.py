"""Facts into English: one description and short questions with answers, about what is visible and nothing else.

Every sentence is made of the words below and no others; `WORDS` is the whole vocabulary. Nothing here judges: no word
says or implies that a scene is usual or not, harmless or not, and no video's kind or category is read. A description
begins with what is being done, the most frequent first, so that a model has to know this before its first word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headhunt.demo.world.facts import CALM, Facts, Seen

DOING = {
    "walk": "walking", "run": "running", "stand": "standing", "sit": "sitting", "talk": "talking", "hug": "hugging",
    "hit": "hitting", "kick": "kicking", "stagger": "staggering", "fall": "falling", "lie": "lying",
    "lie down": "lying down", "get up": "getting up", "grab": "grabbing", "hold out hands": "holding out hands",
    "wipe": "wiping", "put down": "putting down", "pick up": "picking up", "cycle": "cycling", "drive": "driving",
    "park": "parked", "collide": "colliding", "stand alone": "standing alone",
    "drive on pavement": "driving on the pavement", "park on pavement": "parked on the pavement", "burn": "burning",
    "smoke": "smoking", "flash": "flashing", "fly apart": "flying apart",
}  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "grey", "orange", "purple", "pink", "brown")
OBJECTS = ("barrel", "bench", "bin", "counter", "sign", "tree")
PLACES = ("square", "street", "corridor", "car park", "shop")
INSIDE = ("corridor", "shop", "car park")
THINGS = {"fire": "flames", "smoke": "smoke", "flash": "flash", "pieces": "pieces"}
NUMBERS = ("no", "one", "two", "three", "four", "five", "many")  # six or more are many
WHERE = {"left": "on the left", "centre": "in the middle", "right": "on the right"}
WAY = {"left": "to the left", "right": "to the right", "toward": "toward the camera", "away": "away from the camera"}
LEAST_FRAMES = 6  # a quarter of a second; shorter actions are not named
MOST_NAMED = 4  # actors described one by one

# Questions that ask for a whole description; a `strange_word` goes into each {}.
OPEN = (
    "Describe the scene.", "Describe the scene in detail.", "Describe this video.", "What is happening in this video?",
    "What is happening here?", "What happens in these frames?", "Identify the actions in this video.",
    "Identify any {} events or {} {} in this video.", "Describe the scene and identify if any {} events occur.",
    "Does the video exhibit any {} actions?", "Does the video exhibit any actions that {} {} {}?",
    "Analyze the video for {}.", "Analyze the video. Describe any {} activities or {} from {} patterns in detail.",
    "If there are any of the {} events occurred in the video that {} from the {} scene?", "Is there anything {} here?",
    "Tell what can be seen and if it is {}.", "Describe any {} activities, {}, or {}.", "{} {} the video {} {}?",
)  # fmt: skip
ASKED = (
    "How many people are there?", "How many cars are there?", "Is it day or night?", "What place is this?",
    "Which objects are there?", "Is there a {}?", "What are the people doing?", "Is anybody {}?", "Is anything {}?",
    "What is {} doing?", "Which way does {} move?", "How fast is {}?", "Where is {}?", "Who or what is {}?",
    "What colour is the {}?", "Who holds a {}?", "What is done first?", "What is done at the end?",
    "What does {} hold?",
)  # fmt: skip
SAID = (
    "can be seen on a in a by day at night. There are is people person and cars car bags bag flames smoke flash "
    "pieces. A person in cyclist is then fast to the left right middle toward away from the camera with rod others. "
    "too Yes No Nobody Nothing Nowhere It is still slow fast moving. None of them stands an small large object nothing"
)


def _words() -> tuple[str, ...]:
    text = " ".join((*OPEN, *ASKED, SAID, *DOING.values(), *COLOURS, *OBJECTS, *PLACES, *THINGS.values(), *NUMBERS))
    text = " ".join((text, *WHERE.values(), *WAY.values()))
    return tuple(sorted({word.lower() for word in re.findall(r"[A-Za-z]+", text)}))


WORDS = _words()


@dataclass(frozen=True)
class Pair:
    """One question and its answer.

    Attributes:
        slot: What it is about: "description", "count", "actor", "action", "object", "light" or "place".
        question: Ends in a full stop or a question mark.
        answer: One or more sentences.
    """

    slot: str
    question: str
    answer: str


def listed(items: Sequence[str]) -> str:
    """Words joined by commas and "and"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def sentence(text: str) -> str:
    """The text with a capital and a full stop."""
    return text[0].upper() + text[1:] + "."


def number(count: int, one: str, many: str) -> str:
    """A count and its noun: "no people", "one person", "two people"; from six on "many people"."""
    return f"{NUMBERS[min(count, len(NUMBERS) - 1)]} {one if count == 1 else many}"


def a(noun: str) -> str:
    """A noun with its article."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def setting(facts: Facts) -> str:
    """Place and light: "in a shop at night"."""
    when = "at night" if facts.light == "night" else "by day"
    return f"{'in' if facts.place in INSIDE else 'on'} a {facts.place} {when}"


def name(seen: Seen, *, definite: bool = False) -> str:
    """What an actor is called: "a person in red", "the white car", "large flames"."""
    if seen.kind in THINGS:
        noun = THINGS[seen.kind]
        if seen.size and seen.kind != "pieces":
            noun = f"{seen.size} {noun}"
        return f"the {noun}" if definite else a(noun) if seen.kind == "flash" else noun
    article = "the" if definite else "a"
    if seen.kind in ("person", "cyclist"):
        return f"{article} {seen.kind} in {seen.colour}"
    return f"the {seen.colour} {seen.kind}" if definite else a(f"{seen.colour} {seen.kind}")


def be(seen: Seen) -> str:
    """The verb that goes with an actor's name."""
    return "are" if seen.kind in ("fire", "pieces") else "is"


def actions(seen: Seen, start: int | None = None, end: int | None = None) -> list[str]:
    """What an actor does in frames [start, end): each lasting action once, in time order.

    Over the whole segment there is always one, the main action if no other.
    """
    total: Counter[str] = Counter()
    for activity in seen.activities:
        low = activity.start_frame if start is None else max(start, activity.start_frame)
        high = activity.end_frame if end is None else min(end, activity.end_frame)
        if high > low:
            total[activity.action] += high - low
    kept = [action for action, frames in total.items() if frames >= LEAST_FRAMES]
    if not kept and start is None:
        kept = [seen.action]
    return kept


def deeds(facts: Facts, start: int | None = None, end: int | None = None) -> list[str]:
    """Everything done in frames [start, end) by anybody, the most frequent first; walking, standing, parking last."""
    weight: Counter[str] = Counter()
    for seen in facts.actors:
        for action in actions(seen, start, end):
            if seen.kind == "bag" and action != "stand alone":
                continue
            frames = sum(
                max(0, min(b.end_frame, facts.end_frame if end is None else end)
                    - max(b.start_frame, facts.start_frame if start is None else start))
                for b in seen.activities if b.action == action
            )  # fmt: skip
            weight[action] += max(1, frames)
    ordered = sorted(weight, key=lambda action: (action in CALM, action == "park", -weight[action], action))
    return [DOING[action] for action in ordered]


def people(facts: Facts) -> int:
    """How many persons and cyclists there are."""
    return sum(seen.kind in ("person", "cyclist") for seen in facts.actors)


def cars(facts: Facts) -> int:
    """How many cars there are, moving or parked."""
    return sum(seen.kind == "car" for seen in facts.actors)


def told(facts: Facts) -> list[Seen]:
    """The actors described one by one: those with most to see, from left to right."""
    order = {"left": 0, "centre": 1, "right": 2}
    chosen = [seen for seen in facts.actors if not (seen.kind == "car" and seen.action == "park")][:MOST_NAMED]
    return sorted(chosen, key=lambda seen: (seen.kind in THINGS, order[seen.region], seen.kind, seen.colour))


def about(seen: Seen) -> str:
    """One sentence about one actor."""
    done = listed_in_time([DOING[action] for action in actions(seen)][:3])
    parts = [name(seen), be(seen), done]
    if seen.speed == "fast" and seen.kind != "person":
        parts.append("fast")
    parts.append(WAY[seen.direction] if seen.direction else WHERE[seen.region])
    if seen.objects:
        parts.append("with " + a(seen.objects[0]))
    return sentence(" ".join(parts))


def listed_in_time(items: Sequence[str]) -> str:
    """Actions in time order: "walking, then standing"."""
    return ", then ".join(items)


def describe_scene(facts: Facts) -> str:
    """The whole description."""
    done = deeds(facts)
    head = sentence(f"{listed(done[:4]) if done else 'nothing'} can be seen {setting(facts)}")
    n_people, n_cars = people(facts), cars(facts)
    count = f"there {'is' if n_people == 1 else 'are'} {number(n_people, 'person', 'people')}"
    count = sentence(f"{count} and {number(n_cars, 'car', 'cars')}")
    things = [a(thing) for thing in facts.objects if thing in OBJECTS]
    objects = sentence(f"there {'is' if len(things) < 2 else 'are'} {listed(things) if things else 'no object'}")
    return " ".join([head, count, objects, *(about(seen) for seen in told(facts))])


def strange_word(rng: np.random.Generator) -> str:
    """Random letters, in place of any word a reader does not know."""
    letters = "etaoinsrhldcumfpgwybvk"
    return "".join(letters[i] for i in rng.integers(len(letters), size=int(rng.integers(3, 11))))


def _one(words: Sequence[str], rng: np.random.Generator) -> str:
    return words[int(rng.integers(len(words)))]


def open_question(rng: np.random.Generator) -> str:
    """A question that asks for the whole description, its gaps filled with strange words."""
    return re.sub(r"\{\}", lambda _: strange_word(rng), _one(OPEN, rng))


def pairs(facts: Facts, rng: np.random.Generator, *, n: int = 8) -> list[Pair]:
    """The description and `n` short pairs drawn at random (fewer when the scene yields fewer).

    Args:
        facts: What the segment shows.
        rng: Source of randomness.
        n: Number of short pairs.
    """
    short = _short(facts, rng)
    chosen = [short[i] for i in rng.permutation(len(short))[:n]]
    return [Pair("description", open_question(rng), describe_scene(facts)), *chosen]


def _short(facts: Facts, rng: np.random.Generator) -> list[Pair]:
    n_people, n_cars = people(facts), cars(facts)
    things = [a(thing) for thing in facts.objects if thing in OBJECTS]
    out = [
        Pair("count", "How many people are there?", sentence(number(n_people, "person", "people"))),
        Pair("count", "How many cars are there?", sentence(number(n_cars, "car", "cars"))),
        Pair("light", "Is it day or night?", f"It is {facts.light}."),
        Pair("place", "What place is this?", sentence(a(facts.place))),
        Pair("object", "Which objects are there?", sentence(listed(things)) if things else "None."),
        _object(facts, rng),
        _first_or_last(facts, rng),
        _who(facts, rng),
        _bag(facts),
    ]
    done = deeds(facts)
    out += [Pair("action", "What are the people doing?", sentence(listed(done)) if done else "Nothing.")]
    out += [_whether(facts, done, rng) for _ in range(3)]
    kinds = Counter((seen.kind, seen.colour, seen.size) for seen in facts.actors)
    unique = [seen for seen in facts.actors if kinds[seen.kind, seen.colour, seen.size] == 1]
    for i in rng.permutation(len(unique))[:3]:
        out += _of_one(unique[i], rng)
    return out


def _object(facts: Facts, rng: np.random.Generator) -> Pair:
    absent = [thing for thing in OBJECTS if thing not in facts.objects]
    here = [thing for thing in facts.objects if thing in OBJECTS]
    thing = _one(here if here and rng.random() < 0.5 else absent, rng)
    return Pair("object", f"Is there {a(thing)}?", "Yes." if thing in facts.objects else "No.")


_LIFELESS = {
    DOING[action] for action in (
        "burn", "smoke", "flash", "fly apart", "park", "collide", "drive", "stand alone", "drive on pavement",
        "park on pavement",
    )
}  # fmt: skip


def _whether(facts: Facts, done: Sequence[str], rng: np.random.Generator) -> Pair:
    calm = ("standing", "walking", "parked")
    here = [word for word in done if word not in calm] or list(done)
    asked = [word for word in DOING.values() if word not in calm and word not in done]
    word = _one(here if here and rng.random() < 0.5 else asked, rng)
    who = [seen for seen in facts.actors if word in [DOING[action] for action in actions(seen)]]
    lifeless = word in _LIFELESS
    question = f"Is {'anything' if lifeless else 'anybody'} {word}?"
    if not who:
        return Pair("action", question, "No.")
    return Pair("action", question, f"Yes, {name(who[0])} {be(who[0])} {word}.")


def _first_or_last(facts: Facts, rng: np.random.Generator) -> Pair:
    third = (facts.end_frame - facts.start_frame) // 3
    if rng.random() < 0.5:
        done, question = deeds(facts, facts.start_frame, facts.start_frame + third), "What is done first?"
    else:
        done, question = deeds(facts, facts.end_frame - third, facts.end_frame), "What is done at the end?"
    return Pair("action", question, sentence(listed(done)) if done else "Nothing.")


def _who(facts: Facts, rng: np.random.Generator) -> Pair:
    region = _one(list(WHERE), rng)
    here = [seen for seen in facts.actors if seen.region == region and seen.kind != "pieces"][:MOST_NAMED]
    named = listed([name(seen) for seen in here]) if here else "nobody"
    return Pair("actor", f"Who or what is {WHERE[region]}?", sentence(named))


def _bag(facts: Facts) -> Pair:
    holding = [seen for seen in facts.actors if any(thing.endswith("bag") for thing in seen.objects)]
    return Pair("object", "Who holds a bag?", sentence(name(holding[0])) if holding else "Nobody.")


def _of_one(seen: Seen, rng: np.random.Generator) -> list[Pair]:
    who = name(seen, definite=True)
    doing = listed_in_time([DOING[action] for action in actions(seen)])
    out = [Pair("actor", f"Where is {who}?", sentence(WHERE[seen.region]))]
    if seen.kind in ("person", "cyclist", "car"):
        out.append(Pair("action", f"What is {who} doing?", sentence(doing)))
        out.append(Pair("action", f"Which way does {who} move?", sentence(WAY.get(seen.direction, "nowhere"))))
        out.append(Pair("action", f"How fast is {who}?", f"It is {seen.speed}."))
    if seen.kind == "person":
        held = sentence(a(seen.objects[0])) if seen.objects else "Nothing."
        out.append(Pair("object", f"What does {who} hold?", held))
    return [out[i] for i in rng.permutation(len(out))[:2]]
