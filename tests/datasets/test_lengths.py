"""Annotated events against the length of their video."""

from __future__ import annotations

import pytest

from headhunt.datasets.lengths import Annotated, check
from headhunt.errors import ManifestError
from headhunt.records import Interval


@pytest.mark.parametrize(
    ("start", "end", "cut", "outside"),
    [
        (0, 50, False, False), (49, 50, False, False), (10, 52, True, False), (49, 51, True, False),
        (50, 51, False, True), (60, 70, False, True),
    ],
)  # fmt: skip
def test_an_event_lies_inside_reaches_past_the_end_or_lies_outside(
    start: int, end: int, cut: bool, outside: bool
) -> None:
    video = Annotated("a", (Interval(start, end),), 50)
    assert (bool(video.cut), bool(video.outside)) == (cut, outside)


def test_where_the_length_or_the_events_are_not_known_nothing_is_said() -> None:
    assert check([Annotated("a", (Interval(60, 70),), 0), Annotated("b", None, 50), Annotated("c", (), 50)]) == ()


def test_videos_with_an_event_outside_are_refused_by_name_and_the_first_few_are_listed() -> None:
    videos = [Annotated(f"{i}", (Interval(0, 9), Interval(60 + i, 70 + i)), 50) for i in range(7)]
    with pytest.raises(ManifestError, match="7 videos have an event") as caught:
        check(videos)
    assert "0 (60-70 of 50 frames); 1 (61-71 of 50 frames)" in str(caught.value)
    assert "and 2 more" in str(caught.value)
    with pytest.raises(ManifestError, match="1 video has an event"):
        check(videos[:1])


def test_events_that_are_cut_and_damaged_videos_are_told() -> None:
    (cut, lost) = check(
        [Annotated("a", (Interval(10, 52), Interval(4, 5)), 50), Annotated("b", (Interval(60, 70),), 50, damaged=True)]
    )
    assert cut == "1 event ends past the video, kept as given and cut at use: a (10-52 of 50 frames)"
    assert lost == "1 video has an event that begins at or past the end: not used (b (60-70 of 50 frames))"
