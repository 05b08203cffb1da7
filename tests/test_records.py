"""Records refuse what makes no sense, and say so."""

from __future__ import annotations

import pytest

from headhunt.errors import ArtefactError, InputError, ManifestError
from headhunt.records import Event, Head, HeadSet, Interval, ManifestRow, Prompt, Segment, canonical_json, check_format


@pytest.mark.parametrize(("start", "end"), [(0, 0), (5, 4), (-1, 3)])
def test_empty_and_negative_ranges_are_refused(start: int, end: int) -> None:
    for make in (
        lambda: Interval(start, end),
        lambda: Segment("a.mp4", start, end),
        lambda: Event("a.mp4", start, end, 0.0, 1.0, 0.5, 0.5),
    ):
        with pytest.raises(InputError, match="0 <= start < end"):
            make()


def test_a_row_without_a_label_is_neither_normal_nor_abnormal() -> None:
    assert [ManifestRow("a", label=label).abnormal for label in ("", "normal", "abnormal", "fire")] == [
        None, False, True, True,
    ]  # fmt: skip
    with pytest.raises(ManifestError, match="labelled normal but has events"):
        ManifestRow("a", label="normal", events=(Interval(0, 1),))
    with pytest.raises(ManifestError, match="names no video"):
        ManifestRow("")


def test_heads_are_ordered_by_layer_then_head_and_printed_as_pairs() -> None:
    assert sorted([Head(2, 0), Head(0, 9), Head(0, 1)]) == [Head(0, 1), Head(0, 9), Head(2, 0)]
    assert str(Head(18, 4)) == "(18, 4)"
    with pytest.raises(InputError):
        Head(-1, 0)


def test_a_head_set_comes_back_from_json_under_the_keys_of_the_first_edition() -> None:
    made = HeadSet((Head(1, 2), Head(0, 3)), (0.9, 0.1), "rss", {"rows": 3})
    data = made.to_json()
    assert data["metric"] == "rss"
    assert list(data)[:2] == ["format", "version"]
    assert HeadSet.from_json(data) == made


@pytest.mark.parametrize(
    "change",
    [{"heads": []}, {"heads": [[1, 2], [1, 2]]}, {"scores": [1.0]}, {"scores": [1.0, float("inf")]}, {"heads": [[1]]}],
)
def test_a_damaged_head_set_is_refused(change: dict[str, object]) -> None:
    data = HeadSet((Head(1, 2), Head(0, 3)), (0.9, 0.1), "rss").to_json()
    with pytest.raises(ArtefactError):
        HeadSet.from_json(data | change)


@pytest.mark.parametrize("data", [None, [], {}, {"format": "other", "version": 1}, {"format": "mine", "version": 2}])
def test_another_format_or_version_is_told(data: object) -> None:
    with pytest.raises(ArtefactError):
        check_format(data, "mine", 1, source="a file")


@pytest.mark.parametrize(("id_", "text"), [("", "A?"), ("a", " "), (" a", "A?"), ("a,b", "A?"), ("a", "see <image>")])
def test_prompts_that_cannot_be_asked_are_refused(id_: str, text: str) -> None:
    with pytest.raises(ArtefactError):
        Prompt(id_, text)


def test_equal_values_give_equal_text() -> None:
    assert (
        canonical_json({"b": 1, "a": [1.5, "é"]})
        == canonical_json({"a": [1.5, "é"], "b": 1})
        == '{"a":[1.5,"é"],"b":1}'
    )
