"""Words for what a video shows: what means normal or unknown is never a class of anomaly."""

from __future__ import annotations

import pytest

from headhunt import labels
from headhunt.errors import InputError, ManifestError
from headhunt.records import ManifestRow


@pytest.mark.parametrize("word", ["", "nan", "NaN", "None", "none", "N/A", "n/a", "unknown", "Unknown", "null", "<NA>"])
def test_what_means_not_known_is_no_class(word: str) -> None:
    row = ManifestRow("a", "train", word, None, word)
    assert (row.label, row.abnormal, row.category) == ("", None, "")
    assert labels.stored(word) == ""


@pytest.mark.parametrize(
    "word",
    [
        "normal", "Normal", "NORMAL", "Normal_Videos", "NormalVideos", "normal videos", "Testing_Normal_Videos_Anomaly",
        "Training_Normal_Videos_Anomaly", "Training-Normal-Videos-Part-1", "Normal_Videos_for_Event_Recognition",
        "Normal_Videos_event",
    ],
)  # fmt: skip
def test_what_data_sets_call_normal_is_normal(word: str) -> None:
    assert ManifestRow("a", "train", word, ()).abnormal is False
    assert labels.stored(word) == "normal"


@pytest.mark.parametrize(
    ("category", "classes"),
    [
        ("", ()),
        ("fire", ("fire",)),
        ("fire;riot", ("fire", "riot")),
        (" riot ; fire;;riot", ("riot", "fire")),
        ("car accident, minor", ("car accident, minor",)),
        (";", ()),
    ],
)
def test_a_category_names_classes_with_semicolons_between(category: str, classes: tuple[str, ...]) -> None:
    assert labels.classes(category) == classes


@pytest.mark.parametrize("word", ["abnormal", "Abnormal", "ab-normal"])
def test_abnormal_is_no_class_either(word: str) -> None:
    assert ManifestRow("a", "", word).label == "abnormal"


@pytest.mark.parametrize(
    "word", ["Fighting", "Abnormal_Crowd", "abnormalities", "ab_normal gait", "car;crash", "Nanny"]
)
def test_classes_stay_as_they_are_written(word: str) -> None:
    assert (labels.canonical(word), labels.stored(word)) == (word, word)


@pytest.mark.parametrize(
    "word", ["normal_walking", "NotNormal", "non-normal", "normality", "paranormal", "normal/abnormal", "lab normal"]
)
def test_a_class_with_normal_in_its_name_is_refused_with_a_hint(word: str) -> None:
    with pytest.raises(InputError, match="holds 'normal'") as caught:
        labels.canonical(word)
    assert "category" in str(caught.value.hint)
    with pytest.raises(ManifestError):
        ManifestRow("a", "train", word)
    assert ManifestRow("a", "train", "abnormal", None, word).category == word
    assert labels.stored(word) == word
