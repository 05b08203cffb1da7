"""Schemas: what the values of a document must be, strict in types; and those that more than one door needs.

A number is not text, a whole number has no point and is no yes or no. Keys that a schema does not name are passed over,
so that a later version may add some. This module loads pydantic, so it is imported where a document is read.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headhunt.documents import MalformedError, check_plain, shown
from headhunt.errors import ArtefactError, HeadhuntError

S = TypeVar("S", bound="Schema")

Whole = Annotated[int, Field(ge=0, lt=1 << 63)]
Positive = Annotated[int, Field(gt=0, lt=1 << 31)]
HeadIndices = Annotated[list[Annotated[int, Field(ge=0, lt=1 << 31)]], Field(min_length=2, max_length=2)]
"""Layer and head."""
Plain = dict[str, Any]


class Schema(BaseModel):
    """A JSON object."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", allow_inf_nan=False, protected_namespaces=())


def checked(
    schema: type[S], data: object, what: str, *, error: type[HeadhuntError] = ArtefactError, hint: str | None = None
) -> S:
    """The data, if they are what a schema says.

    Args:
        schema: What they must be.
        data: Plain JSON.
        what: What to say where they are not: the first sentence of the message.
        error: What is raised.
        hint: The next step for the user.

    Raises:
        HeadhuntError: They are not, and the first place where they are not is named; of the class `error`.
    """
    try:
        check_plain(data)
        return schema.model_validate(data)
    except MalformedError as found:
        raise error(what, got=found, hint=hint) from found
    except ValidationError as found:
        first = found.errors(include_url=False, include_context=False)[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        missing = first["type"] == "missing"
        raise error(
            what,
            got=f"no {place}" if missing else f"{place}: {shown(first['input'])}",
            expected=place if missing else first["msg"].removeprefix("Input should be "),
            hint=hint,
        ) from found


class HeadSetDocument(Schema):
    """A head set, as a file and as the facts of an artefact."""

    heads: list[HeadIndices]
    scores: list[float]
    metric: str
    provenance: Plain


class SizesDocument(Schema):
    """Sizes of a model's text decoder."""

    layers: Positive
    heads: Positive
    head_dim: Positive
    hidden: Positive


class PromptDocument(Schema):
    """A prompt."""

    model_config = ConfigDict(extra="forbid")

    id: str
    text: str


class SamplingDocument(Schema):
    """How segments are cut and frames drawn from them; a key that is not known here changes which frames are meant."""

    model_config = ConfigDict(extra="forbid")

    length: Positive = 1
    stride: Positive = 1
    n_frames: Positive = 1
    tail: str = ""


class FingerprintDocument(Schema):
    """A fingerprint; every key may be absent, which stands for its default."""

    weights: str = ""
    architecture: str = ""
    config: str = ""
    dtype: str = ""
    attention: str = ""
    method: str = ""
    transformers: str = ""
    decoder: str = ""
    preprocess: Plain = Field(default_factory=dict)
    sampling: SamplingDocument = SamplingDocument()
    prompts: list[PromptDocument] = Field(default_factory=list)
    frame_text: str = ""
    system: str | None = None
    tokens: str = ""
    heads: Literal["all"] | list[HeadIndices] = "all"
    context: str | None = None
    skip_still: float | None = None
    missing_frames: Whole = 0
    mask: str = ""
    packing: str = "image"
