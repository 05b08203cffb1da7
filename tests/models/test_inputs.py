"""What each family's own processor gives a model, kept as golden values: ours gives the same where there is none.

`HEADHUNT_WRITE_GOLDEN=1 make parity` writes them anew, from the processors.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from headhunt import models
from headhunt.models import Backbone, Grid

FILE = Path(__file__).parent.parent / "data" / "processors.json"
FRAME_TEXT, STEP_S = "Frame{i}: <image>\n", 0.35
FAMILIES = ("qwen2_5_vl", "qwen3_vl", "llava_onevision")
SIZES = ((48, 64), (240, 320), (320, 100))
CASES = [
    (family, packing, n_frames, size)
    for family in FAMILIES
    for packing in ("video", "image")
    for n_frames in (3, 4)
    for size in SIZES
]
Case = tuple[str, str, int, tuple[int, int]]


def frames_of(case: Case) -> np.ndarray:
    """uint8 (f, H, W, 3), smooth enough that no kernel rounds it far away, and unlike from frame to frame."""
    _, _, n_frames, (height, width) = case
    y, x, i = np.mgrid[:height, :width, :n_frames].astype(np.float64)
    waves = [np.sin(x / 7 + i) + np.cos(y / 5), np.sin((x + y) / 11 - i), np.cos(x / 3) * np.sin(y / 9 + i)]
    shown = np.stack(waves, -1).transpose(2, 0, 1, 3)
    return (127.5 + 60 * shown).clip(0, 255).astype(np.uint8)


def ours(one: Backbone, case: Case, system: str | None = None) -> tuple[list[int], np.ndarray, Grid]:
    """Ids of the whole input, resized frames with the last one again where it is lacking, and the grid."""
    _, _, n_frames, size = case
    tile = one.preprocess.of(*size, n_frames)
    grid = one.grid(n_frames, tile.height, tile.width, step_s=STEP_S)
    ids = one.token_ids("Is it?", grid=grid, frame_text=FRAME_TEXT, system=system)
    resized = np.stack([tile.resize(frame) for frame in frames_of(case)])
    return ids, np.concatenate([resized, resized[-1:].repeat(-n_frames % one.frames_per_unit, 0)]), grid


def summary(ids: Sequence[int], pixels: Any) -> dict[str, Any]:
    """What is kept: a digest of the ids, and what does not depend on how pixels are ordered."""
    values = pixels.double()
    found = [values.mean(), values.std(), values.min(), values.max()]
    digest = hashlib.sha256(json.dumps(list(ids)).encode()).hexdigest()
    return {"tokens": len(ids), "ids": digest, "pixels": [round(float(value), 4) for value in found]}


def key(case: Case) -> str:
    """The name of a case in the file."""
    family, packing, n_frames, (height, width) = case
    return f"{family}, {n_frames} frames of {width}x{height} as {packing}"


def check(found: dict[str, Any], case: Case) -> None:
    """Compare with what is kept."""
    kept = json.loads(FILE.read_text())[key(case)]
    assert {**found, "pixels": None} == {**kept, "pixels": None}
    assert found["pixels"] == pytest.approx(kept["pixels"], abs=0.02)  # a grey level


@pytest.mark.parametrize("case", CASES, ids=key)
def test_what_a_family_is_given_is_what_its_processor_gave(checkpoints: dict[str, Path], case: Case) -> None:
    one = models.load(str(checkpoints[case[0]]), packing=case[1])
    ids, resized, _ = ours(one, case)
    check(summary(ids, one.preprocess.normalize(torch.from_numpy(resized))), case)
