"""What a row costs: operations worked out from the model's sizes, seconds measured on passes over random pixels."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headhunt.errors import ComputeError
from headhunt.extraction.batch_size import is_out_of_memory

if TYPE_CHECKING:
    from headhunt.extraction.activations import Extractor

PASSES = 3
LONGEST_S = 20.0
"""A pass that would take longer is not run: its time is worked out from operations and a matrix product."""
SIDE = 1024


@dataclass(frozen=True)
class Operations:
    """Floating-point operations, a multiplication and an addition counted as two.

    Linear layers take 2 x weights x tokens, attention 4 x tokens x tokens seen x width a layer, masked ones counted
    too; norms, biases and softmax are left out.

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

    def times(self, *, frames: float, rows: float) -> Operations:
        """The vision tower so many times, the language model so many times."""
        return Operations(frames * self.vision, rows * self.prefix, rows * self.suffixes)


def operations(extractor: Extractor) -> Operations:
    """Operations of one frame in the vision tower and of one row in the language model."""
    tokens, vision = extractor.tokens, extractor.backbone.frame_operations()
    prefix, lengths = len(tokens.prefix), [len(suffix) for suffix in tokens.suffixes]
    if extractor.method == "full" or (extractor.method == "packed" and len(lengths) == 1):
        return Operations(vision, 0.0, sum(_decoder(extractor, n, 0, 1) for n in tokens.lengths))
    shared = _decoder(extractor, prefix, 0, 0)
    if extractor.method == "loop":
        return Operations(vision, shared, sum(_decoder(extractor, n, prefix, 1) for n in lengths))
    return Operations(vision, shared, _decoder(extractor, sum(lengths), prefix, len(lengths)))


def _decoder(extractor: Extractor, new: int, before: int, read: int) -> float:
    """Operations of one pass over `new` tokens on top of `before` cached ones, of which `read` are read."""
    layers: Any = extractor.backbone.decoder.layers
    width = extractor.backbone.spec.heads * extractor.backbone.spec.head_dim
    last = len(layers) - 1 if extractor.stop is None else extractor.stop
    total = 0.0
    for index, layer in enumerate(layers[: last + 1]):
        attention = layer.self_attn
        every, inner = _weights(layer), _weights(attention)
        if index == extractor.stop:  # ends at o_proj
            every = inner = inner - _weights(attention.o_proj)
        rows = new
        if index == extractor.narrow:
            total += 2.0 * new * (_weights(attention.k_proj) + _weights(attention.v_proj))
            rows = read
        total += 2.0 * rows * every + 4.0 * rows * (before + new) * width
    return total


def _weights(module: Any) -> int:
    from torch import nn

    return sum(m.weight.numel() for m in module.modules() if isinstance(m, nn.Linear))


@dataclass(frozen=True)
class Pace:
    """How long a row takes.

    Attributes:
        seconds: Seconds a row, all its frames through the vision tower.
        source: What that was taken from.
    """

    seconds: float
    source: str


def pace(extractor: Extractor, n_frames: int, batch: int) -> Pace:
    """Measure how long a row takes, on random pixels of the true shape.

    Args:
        extractor: The model with its prompts.
        n_frames: Frames a row.
        batch: Segments a pass; less are taken where so many do not fit into memory or take too long.

    Raises:
        ComputeError: Not even one segment fits into memory.
    """
    backbone, cost = extractor.backbone, operations(extractor)
    predicted = cost.times(frames=n_frames, rows=1).total / _speed(extractor)
    if predicted > LONGEST_S:
        return Pace(predicted, f"its operations and the speed of a {SIDE} x {SIDE} matrix product")
    batch = max(1, min(batch, int(LONGEST_S / max(predicted, 1e-9))))
    size = (n_frames, 3, backbone.preprocess.height, backbone.preprocess.width)
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
