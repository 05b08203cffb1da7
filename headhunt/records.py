"""Frozen values that cross module borders and check their own shapes; they compute nothing and open no file."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from headhunt import labels, splits
from headhunt.documents import shown
from headhunt.errors import ArtefactError, InputError, ManifestError

Json = dict[str, Any]
Unit = Literal["segment", "video"]

TEST = splits.TEST
"""The split that is only evaluated on: its labels are never selected, fitted or tuned with."""

IMAGE = "<image>"
"""Where a frame goes in the text around frames."""

HEADS_FORMAT = "headhunt-heads"
HEADS_VERSION = 1


@dataclass(frozen=True, order=True)
class Interval:
    """A half-open range of native frames.

    Attributes:
        start_frame: First frame, >= 0.
        end_frame: One past the last frame, > start_frame.
    """

    start_frame: int
    end_frame: int

    def __post_init__(self) -> None:
        if not 0 <= self.start_frame < self.end_frame:
            raise InputError(
                "an interval of frames must not be empty or negative",
                got=f"[{self.start_frame}, {self.end_frame})",
                expected="0 <= start < end",
            )


@dataclass(frozen=True)
class Segment:
    """One row of extraction: the part of a video one forward pass sees.

    Attributes:
        video: Id of the video.
        start_frame: First native frame.
        end_frame: One past the last native frame.
        unit: "segment", or "video" for the one row that spans the whole video.
    """

    video: str
    start_frame: int
    end_frame: int
    unit: Unit = "segment"

    def __post_init__(self) -> None:
        Interval(self.start_frame, self.end_frame)


@dataclass(frozen=True)
class ModelSpec:
    """Sizes of a model's text decoder.

    Attributes:
        layers: Decoder layers.
        heads: Query heads a layer.
        head_dim: Channels a head.
        hidden: Width of the residual stream.
    """

    layers: int
    heads: int
    head_dim: int
    hidden: int


@dataclass(frozen=True)
class ManifestRow:
    """What a manifest says of one video.

    Attributes:
        video: Id: the path relative to the manifest, exact (dots, `#`, non-ASCII kept).
        split: "train", "val", "test", another name in small letters, or "" when not said; see `headhunt.splits`.
        label: "normal", "abnormal" or a class name ("" when not known). Anything but "normal" and "" is abnormal; other
            words for these are read as such, see `headhunt.labels`.
        events: Abnormal intervals in native frames, or None when only the video-level label is known. They may end past
            the video: they are kept as given, and cut where they are used.
        category: Class of the anomaly, or several with a semicolon between them, the chief one first; "" when not
            known.
        mask: A picture of the areas to ignore, a path relative to the manifest; "" for none.
    """

    video: str
    split: str = ""
    label: str = ""
    events: tuple[Interval, ...] | None = None
    category: str = ""
    mask: str = ""

    def __post_init__(self) -> None:
        if not self.video:
            raise ManifestError("a manifest row names no video", got=repr(self.video))
        try:
            object.__setattr__(self, "split", splits.canonical(self.split))
            object.__setattr__(self, "label", labels.canonical(self.label))
        except InputError as error:
            what = f"{self.video!r}: {error.what}"
            raise ManifestError(what, got=error.got, expected=error.expected, hint=error.hint) from error
        if labels.not_known(self.category):
            object.__setattr__(self, "category", "")
        if self.label == "normal" and self.events:
            raise ManifestError(
                f"{self.video!r} is labelled normal but has events", got=self.events, expected="no events"
            )

    @property
    def abnormal(self) -> bool | None:
        """True, False, or None when the label is not known."""
        return None if self.label == "" else self.label != "normal"


@dataclass(frozen=True)
class Prompt:
    """One question.

    Attributes:
        id: Short name, unique in its set.
        text: What follows the frames, exactly.
    """

    id: str
    text: str

    def __post_init__(self) -> None:
        for name, value in (("id", self.id), ("text", self.text)):
            if not isinstance(value, str) or not value.strip():
                raise ArtefactError(f"a prompt's {name} is not text", got=repr(value), expected="text, in quotes")
        if self.id != self.id.strip() or not self.id.isprintable() or "," in self.id:
            raise ArtefactError("a prompt's id has spaces around it or a comma", got=repr(self.id))
        if IMAGE in self.text:
            raise ArtefactError(
                f"prompt {self.id!r} holds {IMAGE}",
                got=repr(self.text),
                expected="text only: frame_text places the frames",
            )


@dataclass(frozen=True, order=True)
class Head:
    """One attention (query) head, both indices 0-based and as in the model."""

    layer: int
    head: int

    def __post_init__(self) -> None:
        if self.layer < 0 or self.head < 0:
            raise InputError("a head has a negative index", got=(self.layer, self.head))

    def __str__(self) -> str:
        return f"({self.layer}, {self.head})"


@dataclass(frozen=True)
class HeadSet:
    """Chosen heads in rank order, with where they come from.

    Attributes:
        heads: The heads, best first, no repeats.
        scores: Their ranking score, same length.
        saliency: What ranked them: "rss", the name of a saliency, "random" or "layer".
        provenance: How they were found: config, seed, fingerprint of the features, counts of rows.
    """

    heads: tuple[Head, ...]
    scores: tuple[float, ...]
    saliency: str
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.heads:
            raise ArtefactError("a head set is empty")
        if len(set(self.heads)) != len(self.heads):
            raise ArtefactError("a head set names a head twice", got=[str(h) for h in self.heads])
        if len(self.scores) != len(self.heads):
            raise ArtefactError(
                "a head set has another number of scores than heads",
                got=f"{len(self.scores)} scores",
                expected=f"{len(self.heads)}",
            )
        if not all(math.isfinite(s) for s in self.scores):
            raise ArtefactError("a head set has a score that is not finite", got=self.scores)

    def to_json(self) -> Json:
        """The set as plain JSON, format name and version first."""
        return {
            "format": HEADS_FORMAT,
            "version": HEADS_VERSION,
            "metric": self.saliency,
            "heads": [[h.layer, h.head] for h in self.heads],
            "scores": list(self.scores),
            "provenance": dict(self.provenance),
        }

    @classmethod
    def from_json(cls, data: object, *, source: str = "head set") -> HeadSet:
        """Read what `to_json` wrote.

        Raises:
            ArtefactError: Another format or version, or damaged.
        """
        from headhunt.schemas import HeadSetDocument, checked

        check_format(data, HEADS_FORMAT, HEADS_VERSION, source=source)
        found = checked(HeadSetDocument, data, f"{source} is damaged")
        heads = tuple(Head(layer, head) for layer, head in found.heads)
        return cls(heads, tuple(found.scores), found.metric, found.provenance)


@dataclass(frozen=True)
class Event:
    """One detected event.

    Attributes:
        video: Id of the video.
        start_frame: First native frame.
        end_frame: One past the last native frame.
        start_s: True time of the first frame in seconds from the first frame of the video.
        end_s: Time at which the last frame ends, seconds.
        peak_score: Highest smoothed score inside, in [0, 1].
        mean_score: Mean smoothed score over its frames, in [0, 1].
    """

    video: str
    start_frame: int
    end_frame: int
    start_s: float
    end_s: float
    peak_score: float
    mean_score: float

    def __post_init__(self) -> None:
        Interval(self.start_frame, self.end_frame)

    def to_json(self) -> Json:
        """The event as plain JSON."""
        return asdict(self)


def check_format(data: object, name: str, version: int, *, source: str) -> None:
    """Raise unless `data` is a JSON object that starts with this format name and version.

    Raises:
        ArtefactError: It does not.
    """
    if not isinstance(data, dict) or data.get("format") != name:
        found = data.get("format") if isinstance(data, dict) else type(data).__name__
        raise ArtefactError(f"{source} is of another format", got=shown(found), expected=name)
    found = data.get("version")
    if type(found) is not int or found != version:
        raise ArtefactError(f"{source} is of another version", got=shown(found), expected=version, hint="make it again")


def canonical_json(data: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()  # as JSON escapes them
