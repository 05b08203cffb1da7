"""Descriptions and questions against the facts they are made of, and the words they may use."""

from __future__ import annotations

import re

import numpy as np
import pytest

from headhunt.demo.training import language, reading
from headhunt.demo.world import CATEGORIES, LOOK_ALIKES, describe, plan_video
from headhunt.demo.world.facts import Activity, Facts, Seen

# Words that say or imply a judgement, a label or a kind of case.
FORBIDDEN_TEXT = """
normal abnormal anomaly anomalies anomalous unusual usual strange weird odd ordinary typical atypical irregular regular
danger dangerous hazard hazards safe safety unsafe risk threat threatening alarm alert warning emergency urgent
suspicious suspect violence violent violation crime criminal illegal legal offence police attack attacker victim fight
fighting fights brawl assault abuse abusing harm injury injured hurt wound rob robbery robber steal stealing stolen
theft thief burglary shoplifting vandal vandalism vandalise damage destroy break broken accident accidents crash crashed
incident explosion explode exploding blast arson fire chase chasing chased pursue flee fleeing escape panic riot
scatter abandoned abandon left-behind bad good wrong right-wrong allowed forbidden should expected unexpected deviate
deviation deviations rare common event-free problem attention label category class
"""
FORBIDDEN = set(FORBIDDEN_TEXT.split())


def segments(n: int = 12):
    for seed in range(n):
        plan = plan_video(seed, kind="abnormal" if seed % 2 else "normal", category=None)
        for start in (0, plan.n_frames // 3, plan.n_frames // 2, plan.n_frames - 48):
            yield describe(plan, start, start + 48)


def person(colour: str = "red", **changes: object) -> Seen:
    values: dict[str, object] = {
        "index": 0, "kind": "person", "colour": colour, "action": "walk", "activities": (Activity("walk", 0, 48),),
        "direction": "left", "speed": "slow", "objects": (), "region": "centre", "low": 0.7,
    }  # fmt: skip
    return Seen(**(values | changes))  # type: ignore[arg-type]


def scene(*actors: Seen, light: str = "day", place: str = "street", objects: tuple[str, ...] = ()) -> Facts:
    return Facts(place, light, 0, 48, actors, objects)  # type: ignore[arg-type]


def test_the_vocabulary_judges_nothing() -> None:
    assert not set(language.WORDS) & FORBIDDEN
    parts = {stem for word in ("normal", "anomal", "danger", "violen", "crim", "suspic", "accident") for stem in [word]}
    assert not [word for word in language.WORDS if any(stem in word for stem in parts)]


def test_no_category_is_a_word_unless_it_is_the_name_of_a_visible_action() -> None:
    spoken = set(language.WORDS)
    assert {name for name in CATEGORIES if name in spoken} == set()
    assert {name for name in LOOK_ALIKES if name in spoken} <= {"barrel", "park"}  # a thing, and part of "car park"


def test_every_text_is_made_of_the_vocabulary_alone() -> None:
    rng = np.random.default_rng(0)
    for facts in segments():
        for pair in language.pairs(facts, rng, n=30):
            words = set(re.findall(r"[a-z]+", pair.answer.lower()))
            assert words <= set(language.WORDS), pair
            if pair.slot != "description":
                assert set(re.findall(r"[a-z]+", pair.question.lower())) <= set(language.WORDS), pair
            assert not words & FORBIDDEN


def test_texts_do_not_depend_on_what_kind_of_video_it_is() -> None:
    # `Facts` has no field that holds the kind, the category or the intervals.
    assert set(Facts.__dataclass_fields__) == {"place", "light", "start_frame", "end_frame", "actors", "objects"}


def test_a_description_reads_back_as_what_it_says() -> None:
    for facts in segments():
        read = reading.read(language.describe_scene(facts))
        assert read.grammatical
        assert (read.place, read.light) == (facts.place, facts.light)
        many = len(language.NUMBERS) - 1
        assert read.people == min(many, sum(seen.kind in ("person", "cyclist") for seen in facts.actors))
        assert read.cars == min(many, sum(seen.kind == "car" for seen in facts.actors))
        assert read.objects == set(facts.objects)
        assert len(read.actors) <= language.MOST_NAMED


def test_an_empty_scene_is_described() -> None:
    text = language.describe_scene(scene())
    assert text == ("Nothing can be seen on a street by day. There are no people and no cars. There is no object.")
    read = reading.read(text)
    assert read.grammatical
    assert (read.people, read.cars, read.objects, read.actors) == (0, 0, frozenset(), ())


def test_one_person_is_described_word_for_word() -> None:
    text = language.describe_scene(scene(person(objects=("green bag",)), light="night", objects=("tree",)))
    assert text == (
        "Walking can be seen on a street at night. There is one person and no cars. There is a tree. "
        "A person in red is walking to the left with a green bag."
    )


def test_more_than_five_are_many() -> None:
    text = language.describe_scene(scene(*(person(index=i) for i in range(7))))
    assert "There are many people and no cars." in text
    assert reading.read(text).people == language.NUMBERS.index("many") == 6
    assert "five people" in language.describe_scene(scene(*(person(index=i) for i in range(5))))


def test_a_bag_that_stands_alone_is_told_and_one_beside_somebody_is_not_in_the_head() -> None:
    bag = {"kind": "bag", "direction": "", "speed": "still"}
    alone = person(action="stand alone", activities=(Activity("stand alone", 0, 48),), **bag)
    text = language.describe_scene(scene(alone))
    assert text.startswith("Standing alone can be seen on a street by day.")
    assert "A red bag is standing alone in the middle." in text
    assert reading.read(text).grammatical
    beside = person(action="stand", activities=(Activity("stand", 0, 48),), **bag)
    assert language.describe_scene(scene(beside)).startswith("Nothing can be seen")


def test_what_lasts_less_than_a_quarter_of_a_second_is_not_named() -> None:
    both = person(activities=(Activity("walk", 0, 43), Activity("run", 43, 48)))
    assert language.actions(both) == ["walk"]
    brief = person(action="run", activities=(Activity("run", 40, 44),))
    assert language.actions(brief) == ["run"]  # something is always said


def test_actions_are_told_in_time_order_and_the_lively_ones_first_in_the_head() -> None:
    facts = scene(person(activities=(Activity("walk", 0, 30), Activity("fall", 30, 48)), direction=""))
    text = language.describe_scene(facts)
    assert text.startswith("Falling and walking can be seen")
    assert "is walking, then falling in the middle." in text


@pytest.mark.parametrize("text", ["", ".", "A A A.", "Walking can be seen.", "There are two people and one car."])
def test_what_is_no_description_is_not_grammatical(text: str) -> None:
    assert not reading.read(text).grammatical


def test_a_broken_sentence_is_noticed() -> None:
    good = language.describe_scene(scene(person()))
    assert reading.read(good).grammatical
    assert not reading.read(good.replace("is walking", "is")).grammatical
    assert not reading.read(good.removesuffix(".")).grammatical


def test_questions_about_one_actor_name_only_one_that_is_alone_of_its_sort() -> None:
    facts = scene(person(), person(index=1), person("blue", index=2))
    rng = np.random.default_rng(1)
    asked = [pair.question for _ in range(20) for pair in language.pairs(facts, rng, n=40)]
    assert any("the person in blue" in question for question in asked)
    assert not any("the person in red" in question for question in asked)


def test_yes_and_no_are_about_equally_frequent() -> None:
    rng = np.random.default_rng(2)
    answers = [
        pair.answer.startswith("Yes")
        for facts in segments(20)
        for pair in language.pairs(facts, rng, n=40)
        if pair.answer.startswith(("Yes", "No."))
    ]
    assert 0.35 < np.mean(answers) < 0.65


def test_pairs_follow_from_their_source_of_chance() -> None:
    facts = next(segments(1))
    one, two = (language.pairs(facts, np.random.default_rng(5)) for _ in range(2))
    assert one == two


def test_strange_words_are_letters() -> None:
    rng = np.random.default_rng(3)
    for _ in range(50):
        assert re.fullmatch(r"[a-z]{3,10}", language.strange_word(rng))
        assert "{" not in language.open_question(rng)
