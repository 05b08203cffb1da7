"""What is odd about a video is told when it is planned, once for each kind."""

from __future__ import annotations

from headhunt.extraction.preparation import notes_on
from headhunt.records import ManifestRow
from headhunt.store import PlannedVideo


def planned(name, *notes):
    return PlannedVideo(ManifestRow(name), 1, 25.0, 1.0, 1, (), None, notes=notes)


def test_notes_of_a_kind_are_one_line():
    told = notes_on([planned("a.avi", "2 of 9 packets"), planned("b.avi"), planned("c.avi", "3 of 8 packets", "odd")])
    assert told == ["a.avi: 2 of 9 packets (the same kind: c.avi)", "c.avi: odd"]
    many = notes_on([planned(f"{i}.avi", "odd") for i in range(6)])
    assert many == ["0.avi: odd (the same kind: 1.avi, 2.avi, 3.avi and 2 more)"]
    assert notes_on([]) == []
