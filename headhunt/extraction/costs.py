"""What a row costs: operations counted by torch, seconds measured on passes over random pixels."""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from headhunt.errors import ComputeError
from headhunt.extraction.batch_size import is_out_of_memory
from headhunt.extraction.sharing import SHARINGS
from headhunt.models.backbone import SAMPLE_SIZE
from headhunt.models.last_layer import cache_name

if TYPE_CHECKING:
    import torch

    from headhunt.extraction.activations import Extractor
    from headhunt.models import Preprocess

PASSES = 3
LONGEST_S = 20.0
"""A pass that would take longer is not run: its time is worked out from operations and a matrix product."""
SIDE = 1024


@dataclass(frozen=True)
class Operations:
    """Floating-point operations of matrix products, a multiplication and an addition counted as two.

    Masked positions of attention are counted too; norms, biases and softmax are left out.

    Attributes:
        vision: Vision tower and projector.
        prefix: The language model over what the prompts share.
        suffixes: The language model over the prompts' rests, or over all of each prompt when they share nothing.
    """

    vision: float
    prefix: float
    suffixes: float

    @property
    def total(self) -> float:
        """All of it."""
        return self.vision + self.prefix + self.suffixes

    def plus(self, other: Operations) -> Operations:
        """Both together."""
        return Operations(self.vision + other.vision, self.prefix + other.prefix, self.suffixes + other.suffixes)

    def times(self, *, units: float, rows: float) -> Operations:
        """The vision tower so many times, the language model so many times."""
        return Operations(units * self.vision, rows * self.prefix, rows * self.suffixes)


def operations(extractor: Extractor, tile: Preprocess | None = None) -> Operations:
    """Operations of one visual unit in the vision tower and of one row in the language model.

    Torch counts them while the extractor's own code runs on a copy of the model that has shapes but no numbers.

    Args:
        extractor: The model with its prompts.
        tile: What becomes of a video's frames; that of a sample video when left out.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode
    from transformers import DynamicCache

    run, counter, spent = _without_numbers(extractor), FlopCounterMode(display=False), {"prefix": 0, "suffixes": 0}
    backbone, decoder = run.backbone, cast("Any", run.backbone.decoder)

    def forward(embedded: Any, positions: Any, rows: Sequence[int], **options: Any) -> Any:
        # Without a cache transformers would look at the positions' numbers.
        cache = {cache_name(decoder): DynamicCache(config=decoder.config)}
        before = counter.get_total_flops()
        out = type(run).forward(run, embedded, positions, rows, **cache | options)
        spent["suffixes" if rows else "prefix"] += counter.get_total_flops() - before
        return out

    run.forward = forward  # type: ignore[method-assign]
    n_frames = run.questions.n_frames
    tile = backbone.preprocess.of(*SAMPLE_SIZE, n_frames) if tile is None else tile
    grid = backbone.grid(n_frames, tile.height, tile.width)
    size = (backbone.frames_per_unit, 3, tile.height, tile.width)
    # Torch counts plain attention on every device, fused kernels only on some.
    with torch.inference_mode(), sdpa_kernel(SDPBackend.MATH):
        visual, vision = _look(run, extractor, size)
        with counter:
            SHARINGS[run.sharing](run, visual.expand(1, grid.units, -1, -1), grid)
    return Operations(vision, **spent)


def _look(run: Extractor, extractor: Extractor, size: tuple[int, ...]) -> tuple[torch.Tensor, int]:
    """Visual tokens of one unit, shape alone, and operations of the vision tower.

    One that reads numbers as it goes, as those with windows do, is really run.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        try:
            return run.encode(torch.empty(size, dtype=torch.uint8, device="meta")), counter.get_total_flops()
        except RuntimeError:
            pass
    with FlopCounterMode(display=False) as counter:
        seen = extractor.encode(torch.zeros(size, dtype=torch.uint8))
    return seen.to("meta"), counter.get_total_flops()


def _without_numbers(extractor: Extractor) -> Extractor:
    """A copy of an extractor on torch's meta device; the model's weights are neither copied nor touched."""
    import torch

    out, backbone = copy.copy(extractor), copy.copy(extractor.backbone)
    weights: dict[int, Any] = {id(w): w.to("meta") for w in (*backbone.model.parameters(), *backbone.model.buffers())}
    backbone.model, backbone.decoder = copy.deepcopy((backbone.model, backbone.decoder), weights)
    out.backbone, backbone.device = backbone, torch.device("meta")
    added: Any = lambda _ids, _visual: {}  # noqa: E731 - of no matrix products, and put where numbers say
    backbone.early = added  # type: ignore[method-assign]
    return out


@dataclass(frozen=True)
class Pace:
    """How long a row takes.

    Attributes:
        seconds: Seconds a row, all its frames through the vision tower.
        source: What that was taken from.
    """

    seconds: float
    source: str


def pace(extractor: Extractor, cost: Operations, n_frames: int, batch: int) -> Pace:
    """Measure how long a row takes, on random pixels of the true shape.

    Args:
        extractor: The model with its prompts.
        cost: What it computes for a row.
        n_frames: Frames a row.
        batch: Segments a pass; less are taken where so many do not fit into memory or take too long.

    Raises:
        ComputeError: Not even one segment fits into memory.
    """
    predicted = cost.total / _speed(extractor)
    if predicted > LONGEST_S:
        return Pace(predicted, f"its operations and the speed of a {SIDE} x {SIDE} matrix product")
    batch = max(1, min(batch, int(LONGEST_S / max(predicted, 1e-9))))
    tile = extractor.backbone.preprocess.of(*SAMPLE_SIZE, n_frames)
    size = (n_frames, 3, tile.height, tile.width)
    while True:
        pixels = np.random.default_rng(0).integers(0, 256, (batch, *size), dtype=np.uint8)
        seconds = _time(extractor, pixels)
        if seconds is not None:
            return Pace(seconds / batch, f"{PASSES} passes of {batch} over random pixels")
        extractor.free()
        if batch == 1:
            raise ComputeError("one segment does not fit into memory", hint="sample fewer frames with --frames")
        batch //= 2


def _time(extractor: Extractor, pixels: Any) -> float | None:
    """The fastest of a few passes, the first of which warms up, in seconds; None when memory ran out."""
    begun, best = time.monotonic(), float("inf")
    try:
        for done in range(PASSES):
            if done and time.monotonic() - begun > LONGEST_S:
                break
            begin = time.monotonic()
            extractor(pixels)
            best = min(best, time.monotonic() - begin)
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
    return best


def _speed(extractor: Extractor) -> float:
    """Operations a second of a matrix product on the model's device and in its precision."""
    import torch

    device, dtype = extractor.backbone.device, extractor.backbone.dtype
    best = float("inf")
    with torch.inference_mode():
        square = torch.ones(SIDE, SIDE, device=device, dtype=dtype)
        for _ in range(PASSES):
            begin = time.monotonic()
            float((square @ square)[0, 0])  # reading a number waits for the device
            best = min(best, time.monotonic() - begin)
    return 2.0 * SIDE**3 / max(best, 1e-9)
