r"""Prompt sets: what the model is asked about the frames of a segment; it knows no model, tokenizer or chat template.

A prompt file is YAML or JSON and begins with its format name and version:

    format: headhunt-prompts
    version: 1
    name: mine
    scoring: short
    frame_text: "Frame{i}: <image>\n"       (optional; written once a frame, {i} counts from 1)
    system: ...                            (optional)
    prompts:
      - {id: short, text: Is anything wrong in this video?}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path

from headhunt.documents import MOST_YAML_BYTES, MalformedError, parse_json, parse_yaml, read_bytes
from headhunt.errors import ArtefactError, InputError, UsageError
from headhunt.records import IMAGE, Json, Prompt, check_format
from headhunt.schemas import PromptDocument, Schema, checked

FORMAT = "headhunt-prompts"
VERSION = 1
FRAME_TEXT = "Frame{i}: <image>\n"
_SUFFIXES = (".yaml", ".yml", ".json")
_BUILT_IN = resources.files("headhunt") / "prompts"


class PromptSetDocument(Schema):
    """A prompt file, behind its format and version."""

    name: str
    prompts: list[PromptDocument]
    scoring: str
    frame_text: str = FRAME_TEXT
    system: str | None = None


@dataclass(frozen=True)
class PromptSet:
    """The prompts one extraction asks, and how frames are written before them.

    Attributes:
        name: Of the set.
        prompts: At least one, ids unique; their order is the prompt axis of the features.
        scoring: Id of the prompt that scores when one is enough.
        frame_text: Written once a frame, with `{i}` replaced by its number from 1; holds `<image>` once.
        system: System message, or None for the model's own.
    """

    name: str
    prompts: tuple[Prompt, ...]
    scoring: str
    frame_text: str = FRAME_TEXT
    system: str | None = None

    def __post_init__(self) -> None:
        what = f"prompt set {self.name!r}"
        if not isinstance(self.name, str) or not self.name.strip():
            raise ArtefactError("a prompt set has no name", got=repr(self.name))
        if not self.prompts:
            raise ArtefactError(f"{what} is empty", expected="at least one prompt")
        if len(set(self.ids)) != len(self.prompts):
            raise ArtefactError(f"{what} has an id twice", got=", ".join(self.ids))
        if self.scoring not in self.ids:
            raise ArtefactError(f"{what} scores with an unknown prompt", got=self.scoring, expected=", ".join(self.ids))
        if not isinstance(self.frame_text, str) or self.frame_text.count(IMAGE) != 1:
            raise ArtefactError(f"{what}: bad frame_text", got=repr(self.frame_text), expected=f"{IMAGE} exactly once")
        if self.system is not None and (not isinstance(self.system, str) or not self.system.strip()):
            raise ArtefactError(f"{what}: system is not text", got=repr(self.system), hint="leave it out")
        if self.system is not None and IMAGE in self.system:
            raise ArtefactError(f"{what}: system holds {IMAGE}", got=repr(self.system), expected="text only")

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the prompts, in order."""
        return tuple(prompt.id for prompt in self.prompts)

    def frames_text(self, count: int) -> str:
        """The text of `count` frames, numbered from 1."""
        return "".join(self.frame_text.replace("{i}", str(i)) for i in range(1, count + 1))

    def subset(self, ids: Iterable[str]) -> PromptSet:
        """The set with these prompts only, in the order of the set.

        A single prompt becomes the scoring one.

        Args:
            ids: At least one, each once.

        Raises:
            UsageError: An id is unknown or repeated, there is none, or several leave the scoring prompt out.
        """
        ids = list(ids)
        if not ids or len(set(ids)) != len(ids) or not set(ids) <= set(self.ids):
            raise UsageError(
                f"no such part of prompt set {self.name!r}",
                got=", ".join(ids),
                expected=f"some of {', '.join(self.ids)}",
            )
        scoring = ids[0] if len(ids) == 1 else self.scoring
        if scoring not in ids:
            raise UsageError("a part of a prompt set lacks the scoring prompt", got=", ".join(ids), expected=scoring)
        return replace(self, prompts=tuple(prompt for prompt in self.prompts if prompt.id in ids), scoring=scoring)

    def to_json(self) -> Json:
        """The set as plain JSON, format name and version first; part of a store's fingerprint."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "name": self.name,
            "scoring": self.scoring,
            "frame_text": self.frame_text,
            "system": self.system,
            "prompts": [{"id": prompt.id, "text": prompt.text} for prompt in self.prompts],
        }

    @classmethod
    def from_json(cls, data: object, *, source: str = "prompt set") -> PromptSet:
        """Read what `to_json` wrote, or a prompt file's content.

        Raises:
            ArtefactError: Another format or version, a key missing or unknown, or a value that cannot be.
        """
        check_format(data, FORMAT, VERSION, source=source)
        assert isinstance(data, dict)
        unknown = set(data) - {"format", "version", "name", "scoring", "frame_text", "system", "prompts"}
        missing = {"name", "scoring", "prompts"} - set(data)
        if unknown or missing:
            raise ArtefactError(
                f"{source} has unknown or missing keys",
                got=f"unknown: {sorted(map(str, unknown))}, missing: {sorted(missing)}",
                expected="name, scoring, prompts; optionally frame_text, system",
            )
        found = checked(PromptSetDocument, data, f"{source} is malformed")
        try:
            return cls(
                name=found.name,
                prompts=tuple(Prompt(prompt.id, prompt.text) for prompt in found.prompts),
                scoring=found.scoring,
                frame_text=found.frame_text,
                system=found.system,
            )
        except InputError as error:
            raise ArtefactError(
                f"{source}: {error.what}", got=error.got, expected=error.expected, hint=error.hint
            ) from error


def available() -> list[str]:
    """Names of the built-in sets, sorted."""
    names = [entry.name for entry in _BUILT_IN.iterdir()]
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def load(name_or_path: str | Path) -> PromptSet:
    """A built-in set by name, or the set in a file that ends in .yaml, .yml or .json.

    Raises:
        ArtefactError: There is no such set or file, or it is damaged or of another format or version.
    """
    if isinstance(name_or_path, str) and name_or_path in available():
        source, text = name_or_path, (_BUILT_IN / f"{name_or_path}.yaml").read_bytes()
    else:
        path = Path(name_or_path)
        if path.suffix.lower() not in _SUFFIXES:
            raise ArtefactError(
                "no such prompt set",
                got=str(name_or_path),
                expected=f"{', '.join(available())} or a .yaml or .json file",
            )
        try:
            source, text = str(path), read_bytes(path, most=MOST_YAML_BYTES)
        except (OSError, MalformedError) as error:
            raise ArtefactError(f"prompt file {path} cannot be read", got=error, expected="UTF-8 text") from error
    try:
        data = parse_json(text) if source.lower().endswith(".json") else parse_yaml(text)
    except MalformedError as error:
        raise ArtefactError(f"prompt file {source} is malformed", got=error, expected="YAML or JSON") from error
    return PromptSet.from_json(data, source=f"prompt set {source}")
