"""Annotated events against the length of their video: which reach past its end, and which cannot be of this file.

An event that begins inside a video and ends past it is kept as given and cut where it is used: UCF-Crime has five. One
that begins at or past the end belongs to another file; a video that has one is neither learnt from nor measured on.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from headhunt.errors import ManifestError
from headhunt.records import Interval

SHOWN = 5


@dataclass(frozen=True)
class Annotated:
    """The events of one video, and how long it is.

    Attributes:
        video: Its id.
        events: Its annotated events, None where they are not known.
        frames: Its native frames; 0 where nobody knows, as of a file that cannot be opened.
        damaged: Whether a part of the file is missing: its annotation may be right all the same.
    """

    video: str
    events: Sequence[Interval] | None
    frames: int
    damaged: bool = False

    @property
    def outside(self) -> tuple[Interval, ...]:
        """Events that begin at or past the end."""
        return tuple(e for e in self.events or () if 0 < self.frames <= e.start_frame)

    @property
    def cut(self) -> tuple[Interval, ...]:
        """Events that begin inside and end past the end."""
        return tuple(e for e in self.events or () if e.start_frame < self.frames < e.end_frame)


def check(videos: Iterable[Annotated]) -> tuple[str, ...]:
    """Notes on events that reach past the end of their video.

    Raises:
        ManifestError: An event begins at or past the end of a video that is not damaged.
    """
    videos = list(videos)
    wrong = [video for video in videos if video.outside and not video.damaged]
    if wrong:
        raise ManifestError(
            f"{_count(len(wrong), 'video has', 'videos have')} an event that begins at or past the end",
            got=listed((v, v.outside) for v in wrong),
            expected="events inside their videos",
            hint="does the annotation belong to this file? Correct the manifest",
        )
    notes = []
    if cut := [video for video in videos if video.cut]:
        number = _count(sum(len(v.cut) for v in cut), "event ends", "events end")
        notes.append(f"{number} past the video, kept as given and cut at use: {listed((v, v.cut) for v in cut)}")
    if lost := [video for video in videos if video.outside]:
        notes.append(left_out(lost))
    return tuple(notes)


def left_out(videos: Collection[Annotated]) -> str:
    """What to say of videos that are not used because they have an event outside."""
    number = _count(len(videos), "video has", "videos have")
    return f"{number} an event that begins at or past the end: not used ({listed((v, v.outside) for v in videos)})"


def listed(videos: Iterable[tuple[Annotated, Sequence[Interval]]]) -> str:
    """Videos with some of their events, the first few."""
    texts = [
        f"{v.video} ({', '.join(f'{e.start_frame}-{e.end_frame}' for e in events[:SHOWN])} of {v.frames} frames)"
        for v, events in videos
    ]
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return "; ".join(texts[:SHOWN]) + more


def _count(number: int, one: str, several: str) -> str:
    return f"{number} {one if number == 1 else several}"
