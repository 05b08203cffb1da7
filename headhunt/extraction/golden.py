"""Golden activations: what a model's heads say of one made-up segment, to prove a machine and its packages by."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from headhunt.arrays import Float32, Float64, UInt8
from headhunt.documents import MalformedError, read_json
from headhunt.errors import ArtefactError
from headhunt.extraction.activations import Extractor
from headhunt.extraction.questions import Questions
from headhunt.files import write_atomic
from headhunt.models import Backbone
from headhunt.models.backbone import SAMPLE_SIZE
from headhunt.prompts import load
from headhunt.records import check_format
from headhunt.schemas import Schema, checked

FILE, FORMAT, VERSION = "golden.json", "headhunt-golden", 1
FRAMES, SEED = 2, 20_260_101


class GoldenDocument(Schema):
    """The file."""

    length: list[list[float]]
    along: list[list[float]]


@dataclass(frozen=True)
class Golden:
    """What was measured.

    Attributes:
        length: float64 (layers, heads), Euclidean length of each head's activation, mean over the five prompts.
        along: float64 (layers, heads), its product with a fixed direction of length 1, mean over the five prompts.
    """

    length: Float64
    along: Float64

    def error(self, other: Golden) -> float:
        """Largest difference, as a share of the greatest length; infinite when the shapes differ."""
        if self.length.shape != other.length.shape:
            return float("inf")
        greatest = float(self.length.max())
        gaps = np.abs([self.length - other.length, self.along - other.along])
        return float(gaps.max()) / greatest if greatest > 0 else float("inf")


@dataclass(frozen=True)
class MadeUp:
    """One made-up segment for a model: two frames of seeded noise and the five prompts of `headhunt5`.

    Attributes:
        questions: The prompts.
        pixels: uint8 (1, frames, 3, height, width).
        direction: float64 (head_dim,), of length 1.
    """

    questions: Questions
    pixels: UInt8
    direction: Float64

    def golden(self, heads: Float32) -> Golden:
        """What activations (1, prompts, layers, heads, head_dim) of this segment come to."""
        found = np.asarray(heads[0], dtype=np.float64)
        return Golden(np.linalg.norm(found, axis=-1).mean(0), (found @ self.direction).mean(0))


def made_up(backbone: Backbone) -> MadeUp:
    """The made-up segment in a model's own tokens and size; the same for the same model."""
    rng = np.random.default_rng(SEED)
    tile = backbone.preprocess.of(*SAMPLE_SIZE, FRAMES)
    shape = (1, FRAMES, 3, tile.height, tile.width)
    pixels = rng.integers(0, 256, shape, dtype=np.uint8)
    direction = rng.standard_normal(backbone.spec.head_dim)
    questions = Questions(backbone, load("headhunt5"), n_frames=FRAMES)
    return MadeUp(questions, pixels, direction / float(np.linalg.norm(direction)))


def measure(backbone: Backbone) -> Golden:
    """Run the model, packed, on its made-up segment."""
    segment = made_up(backbone)
    return segment.golden(Extractor(backbone, segment.questions, sharing="packed")(segment.pixels).heads)


def save(golden: Golden, folder: Path) -> None:
    """Write it into a checkpoint's folder."""
    data = {"format": FORMAT, "version": VERSION, "length": _plain(golden.length), "along": _plain(golden.along)}
    write_atomic(folder / FILE, json.dumps(data).encode() + b"\n")


def read(folder: Path) -> Golden | None:
    """That of a checkpoint's folder; None when it has none.

    Raises:
        ArtefactError: The file is damaged.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        data = read_json(path)
    except (OSError, MalformedError) as error:
        raise ArtefactError(f"{path} is damaged", got=error, hint="fetch the model again") from error
    check_format(data, FORMAT, VERSION, source=str(path))
    found = checked(GoldenDocument, data, f"{path} is damaged", hint="fetch the model again")
    heads = {len(row) for row in (*found.length, *found.along)}
    if len(heads) != 1 or len(found.length) != len(found.along):
        expected = "a number a layer and head, in both tables"
        raise ArtefactError(f"{path} is damaged", got="other tables", expected=expected, hint="fetch the model again")
    return Golden(np.array(found.length, np.float64), np.array(found.along, np.float64))


def _plain(values: Float64) -> list[list[float]]:
    return [[round(float(v), 6) for v in row] for row in values]
