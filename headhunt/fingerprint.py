"""What features depend on: the fingerprint that a store carries and that scorers remember; opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headhunt.records import Head, Json, Prompt

SHORT, SHORTER = 160, 120  # characters of a value in a message


@dataclass(frozen=True)
class Sampling:
    """How segments are cut and frames drawn from them.

    Attributes:
        length: Native frames a segment.
        stride: Frames from one segment's start to the next.
        n_frames: Frames sampled from a segment.
        tail: What becomes of a last segment that is shorter: "keep" or "drop".
    """

    length: int = 48
    stride: int = 48
    n_frames: int = 16
    tail: str = "keep"


@dataclass(frozen=True)
class Fingerprint:
    """Everything that features depend on. Features of different fingerprints are never mixed in one store.

    Attributes:
        weights: Digest of the model's weights, or the hub's commit.
        architecture: Class of the model.
        config: Digest of its configuration.
        dtype: Precision it computed in.
        attention: Attention implementation that was really used.
        sharing: How prompts shared a pass: "packed", "loop" or "full".
        transformers: Version of transformers.
        decoder: Versions of the libraries that decode and resize.
        preprocess: How frames become pixels.
        sampling: How segments are cut and frames drawn.
        prompts: What was asked, in the order of the prompt axis.
        frame_text: What is written around each frame.
        system: The system turn, None for the chat template's own.
        tokens: Digest of all prompts' token ids.
        heads: The heads that are kept, None for all.
        context: Which hidden state is kept as the context ("final"), None for none.
        skip_still: Bound in grey levels below which a segment counts as still, None where every segment is computed.
        missing_frames: Sampled frames of a segment that may be replaced by the nearest that can be decoded.
        mask: Digest of the areas to ignore in every video that has no mask of its own, "" for none.
        packing: How frames were shown: "image" one by one, "video" in the model's own packing.
        more: Keys that this version does not know, as they are stored.
    """

    weights: str = ""
    architecture: str = ""
    config: str = ""
    dtype: str = ""
    attention: str = ""
    sharing: str = ""
    transformers: str = ""
    decoder: str = ""
    preprocess: Mapping[str, Any] = field(default_factory=dict)
    sampling: Sampling = Sampling()
    prompts: tuple[Prompt, ...] = ()
    frame_text: str = ""
    system: str | None = None
    tokens: str = ""
    heads: tuple[Head, ...] | None = None
    context: str | None = None
    skip_still: float | None = None
    missing_frames: int = 0
    mask: str = ""
    packing: str = "image"
    more: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> Json:
        """As a store keeps it; what this version does not know is written back as it was read."""
        known = {name: getattr(self, name) for name in _PLAIN}
        changed = {name: getattr(self, name) for name, default in _LATER.items() if getattr(self, name) != default}
        return {
            **dict(self.more),
            **known,
            **changed,
            "method": self.sharing,
            "preprocess": dict(self.preprocess),
            "sampling": vars(self.sampling).copy(),
            "prompts": [{"id": p.id, "text": p.text} for p in self.prompts],
            "heads": "all" if self.heads is None else [[h.layer, h.head] for h in self.heads],
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], *, source: str = "a fingerprint") -> Fingerprint:
        """Read what `to_json` wrote, in this version or an earlier one: an absent key is at its default.

        Raises:
            ArtefactError: It is damaged.
        """
        from headhunt.schemas import FingerprintDocument, checked

        checked(FingerprintDocument, data, f"{source} is damaged")
        rest = dict(data)
        heads = rest.pop("heads", "all")
        return cls(
            sharing=rest.pop("method", ""),
            preprocess=rest.pop("preprocess", {}),
            sampling=Sampling(**rest.pop("sampling", {})),
            prompts=tuple(Prompt(p["id"], p["text"]) for p in rest.pop("prompts", ())),
            heads=None if heads == "all" else tuple(Head(*pair) for pair in heads),
            **{name: rest.pop(name) for name in (*_PLAIN, *_LATER) if name in rest},
            more=rest,
        )


_PLAIN = (
    "weights",
    "architecture",
    "config",
    "dtype",
    "attention",
    "transformers",
    "decoder",
    "frame_text",
    "system",
    "tokens",
    "context",
    "skip_still",
)

_LATER: dict[str, Any] = {"missing_frames": 0, "mask": "", "packing": "image"}
"""Written only where they are not at these defaults, so that the fingerprints of earlier stores stay as they are."""

# What must agree between the features a scorer was fitted on and those it is used on.
BINDING = (
    "weights",
    "architecture",
    "config",
    "dtype",
    "attention",
    "preprocess",
    "packing",
    "frame_text",
    "system",
    "context",
)
VERSIONS = ("transformers", "decoder", "method")


def differences(old: Fingerprint, new: Fingerprint) -> list[str]:
    """A line for every key in which two fingerprints differ."""
    return _differences(old.to_json(), new.to_json())


def version_differences(fitted: Fingerprint, now: Fingerprint) -> list[str]:
    """A line for every package whose version differs, and for the way prompts shared a pass."""
    one, other = fitted.to_json(), now.to_json()
    return _differences({k: one[k] for k in VERSIONS}, {k: other[k] for k in VERSIONS})


def kind_differences(fitted: Fingerprint, now: Fingerprint, *, prompts: tuple[Prompt, ...], context: bool) -> list[str]:
    """A line for everything that must agree before a scorer may read other features, and does not.

    Args:
        fitted: Of the features the scorer was fitted on.
        now: Of the features it would read.
        prompts: Prompts it reads.
        context: Whether it reads the context.
    """
    keys = [key for key in BINDING if key != "context" or context]
    one, other = fitted.to_json(), now.to_json()
    lines = _differences({k: one[k] for k in keys if k in one}, {k: other[k] for k in keys if k in other})
    if fitted.sampling.n_frames != now.sampling.n_frames:
        lines.append(f"n_frames: store {fitted.sampling.n_frames}, now {now.sampling.n_frames}")
    lines += [
        f"prompt: {prompt.id!r} ({prompt.text!r}) is read, but not asked now"
        for prompt in prompts
        if prompt not in now.prompts
    ]
    return lines


def _differences(old: Json, new: Json) -> list[str]:
    pairs = {key: tuple(side.get(key, _LATER.get(key)) for side in (old, new)) for key in sorted({*old, *new})}
    return [f"{key}: store {_short(a)}, now {_short(b)}" for key, (a, b) in pairs.items() if a != b]


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHORT else f"{text[:SHORTER]} ... ({len(text)} characters)"
