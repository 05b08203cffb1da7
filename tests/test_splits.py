"""Names of splits: no spelling gets a test video past the guard, and no sound name is refused."""

from __future__ import annotations

import pytest

from headhunt import splits
from headhunt.configs import EvaluateConfig, ExtractConfig, FitConfig, LocalizeConfig, SelectConfig
from headhunt.errors import InputError, ManifestError, UsageError
from headhunt.records import ManifestRow

FOLDED = [
    ("Test", "test"), ("TEST", "test"), ("ｔｅｓｔ", "test"), ("Train", "train"), ("VAL", "val"), ("Fold 1", "fold 1"),
    ("", ""), ("nan", ""), ("N/A", ""), ("None", ""),
]  # fmt: skip
NEARLY = [
    ("testing", "test"), ("Testing", "test"), ("tests", "test"), ("test_set", "test"), ("Test-Set", "test"),
    ("test ", "test"), (" test", "test"), ("te st", "test"), ("test.", "test"), ("test\t", "test"), ("tset", "test"),
    ("tets", "test"), ("tst", "test"), ("teest", "test"), ("tesst", "test"), ("tesr", "test"), ("test\u200b", "test"),
    ("t\u0435st", "test"), ("tést", "test"), (" TRAIN", "train"), ("training", "train"), ("trian", "train"),
    ("trains", "train"), ("tarin", "train"), ("validation", "val"), ("Valid", "val"), ("val ", "val"), ("vla", "val"),
    ("validtion", "val"), ("tesing", "test"), ("traning", "train"),
]  # fmt: skip
OTHERS = [
    "fold1",
    "calibration",
    "eval",
    "all",
    "rest",
    "rain",
    "latest",
    "contest",
    "été, x",
    "van",
    "val2",
    "train_a",
]


@pytest.mark.parametrize(("word", "name"), FOLDED)
def test_capitals_and_what_stands_for_nothing_are_one_name(word: str, name: str) -> None:
    assert splits.canonical(word) == splits.stored(word) == ManifestRow("a", word).split == name


@pytest.mark.parametrize(("word", "meant"), NEARLY)
def test_what_is_nearly_train_val_or_test_is_refused_with_the_name_that_is_meant(word: str, meant: str) -> None:
    with pytest.raises(InputError) as caught:
        splits.canonical(word)
    assert repr(meant) in str(caught.value.hint)
    with pytest.raises(ManifestError, match="'a': "):
        ManifestRow("a", word)
    assert splits.is_test(word) == (meant == "test")


@pytest.mark.parametrize("word", OTHERS)
def test_every_other_word_is_a_split_of_its_own(word: str) -> None:
    assert splits.canonical(word) == splits.stored(word) == word
    assert splits.doubtful(word) is None
    assert not splits.is_test(word)


@pytest.mark.parametrize("word", ["test2", "test_night", "night-test", "Test (2023)"])
def test_a_split_with_test_among_its_words_is_a_test_split(word: str) -> None:
    assert splits.canonical(word) == word.casefold()
    assert splits.is_test(word)


@pytest.mark.parametrize(
    ("word", "name"),
    [("testing", "test"), ("Test ", "test"), ("tests", "test"), ("validation", "val"), ("Training", "train")],
)
def test_a_store_that_took_another_word_is_read_as_it_is_meant(word: str, name: str) -> None:
    assert splits.stored(word) == name


def test_a_typing_error_in_a_store_is_found() -> None:
    assert splits.doubtful(splits.stored("Tset")) == "test"
    assert splits.doubtful(splits.stored("trian")) == "train"


@pytest.mark.parametrize("config", [ExtractConfig, SelectConfig, FitConfig, LocalizeConfig, EvaluateConfig])
def test_every_option_for_a_split_takes_capitals_and_refuses_near_misses(config: type) -> None:
    assert config(split="Val").split == "val"
    assert config().split is None
    for word in ("testing", "test ", "trian"):
        with pytest.raises(UsageError, match="--split: "):
            config(split=word)
