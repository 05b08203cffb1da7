"""What every family must keep to, tried on a loaded model: each clause is a function that measures, and says so.

Tests run the clauses on small models of each family, `vadkit doctor --model` on real weights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from headhunt.arrays import Float32, UInt8
from headhunt.errors import HeadhuntError, ModelError
from headhunt.extraction.activations import Activations, Extractor
from headhunt.extraction.sharing import Sharing
from headhunt.models.backbone import SAMPLE_SIZE, prove_heads, read_spec
from headhunt.prompts import load
from headhunt.records import Head

if TYPE_CHECKING:
    from headhunt.models import Backbone, Grid

FRAMES = 5
"""An odd number: where two frames form a unit, the last one is shown twice."""
STEP_S = 0.75
BOUNDS = {"float32": 1e-4, "bfloat16": 5e-2}
"""Largest difference of two ways to the same numbers, as a share of the largest number."""


@dataclass(frozen=True)
class Clause:
    """What became of one clause.

    Attributes:
        name: What must hold.
        ok: Whether it does.
        detail: What was measured; for a failure, what was expected.
    """

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True)
class Trial:
    """A model, and two made-up segments that it is tried on.

    Attributes:
        backbone: The model; it is left as it came.
        size: Height and width of the video they are of.
    """

    backbone: Backbone
    size: tuple[int, int] = SAMPLE_SIZE

    @cached_property
    def pixels(self) -> UInt8:
        """uint8 (2, f, 3, height, width), seeded noise."""
        tile = self.backbone.preprocess.of(*self.size, FRAMES)
        shape = (2, FRAMES, 3, tile.height, tile.width)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)

    @cached_property
    def grid(self) -> Grid:
        """Of either segment."""
        return self.backbone.grid(FRAMES, *self.pixels.shape[-2:], step_s=STEP_S)

    def extractor(self, sharing: Sharing = "full", heads: Sequence[Head] | None = None) -> Extractor:
        """What asks the model the five built-in prompts."""
        asked = load("headhunt5")
        return Extractor.of(self.backbone, asked, n_frames=FRAMES, heads=heads, context=heads is None, sharing=sharing)

    def run(self, extractor: Extractor) -> Activations:
        """Both segments in one pass."""
        return extractor(self.pixels, step_s=STEP_S)

    @cached_property
    def full(self) -> Activations:
        """Of both segments, by one whole prefill a prompt: what all else is compared with."""
        return self.run(self.extractor())

    def compare(self, got: Float32, expected: Float32) -> str:
        """The distance of two arrays, as a share of the largest number.

        Raises:
            ModelError: It is more than rounding in the model's precision can be.
        """
        apart = float(np.abs(got - expected).max() / np.abs(expected).max())
        bound = BOUNDS[str(self.backbone.dtype).removeprefix("torch.")]
        if not apart <= bound:
            raise ModelError("two ways do not give the same", got=f"{apart:.1e}", expected=f"at most {bound:g}")
        return f"within {apart:.1e}"


def check(backbone: Backbone, *, size: tuple[int, int] = SAMPLE_SIZE) -> list[Clause]:
    """Try every clause; none stops the others."""
    trial, found = Trial(backbone, size), []
    for name, clause in CLAUSES.items():
        try:
            found.append(Clause(name, True, clause(trial)))
        except HeadhuntError as error:
            found.append(Clause(name, False, error.line))
    return found


def _fires_once(trial: Trial) -> str:
    """Extraction counts as well; here hooks of its own do, on every layer."""
    layers: Any = trial.backbone.decoder.layers
    counts = [0] * len(layers)

    def count(index: int) -> Callable[..., None]:
        def hook(*_: object) -> None:
            counts[index] += 1

        return hook

    run = trial.extractor()  # it tries the model as it is made
    handles = [layer.self_attn.o_proj.register_forward_pre_hook(count(i)) for i, layer in enumerate(layers)]
    try:
        trial.run(run)
    finally:
        for handle in handles:
            handle.remove()
    prompts = len(load("headhunt5").prompts)
    if counts != [prompts] * len(layers):
        raise ModelError("a layer did not fire once a pass", got=counts, expected=f"{prompts} of each")
    return f"{len(layers)} layers, {prompts} passes"


def _slices(trial: Trial) -> str:
    spec, read = trial.backbone.spec, read_spec(trial.backbone.decoder)
    if read != spec or trial.full.heads.shape[2:] != (spec.layers, spec.heads, spec.head_dim):
        raise ModelError("heads are not slices of the last linear's input", got=trial.full.heads.shape, expected=read)
    return f"{spec.heads} x {spec.head_dim} = {spec.heads * spec.head_dim}"


def _adds_up(trial: Trial) -> str:
    one = trial.backbone
    bound = BOUNDS[str(one.dtype).removeprefix("torch.")]
    return f"within {prove_heads(one.decoder, one.spec, device=one.device, tolerance=bound):.1e}"


def _shared(sharing: Sharing) -> Callable[[Trial], str]:
    def clause(trial: Trial) -> str:
        got = trial.run(trial.extractor(sharing))
        assert got.context is not None
        assert trial.full.context is not None
        return f"{trial.compare(got.heads, trial.full.heads)}, context {trial.compare(got.context, trial.full.context)}"

    return clause


def _batched(trial: Trial) -> str:
    run = trial.extractor("packed")
    alone = [run(trial.pixels[i : i + 1], step_s=STEP_S).heads for i in range(len(trial.pixels))]
    return trial.compare(trial.run(run).heads, np.concatenate(alone))


def _eager(trial: Trial) -> str:
    model: Any = trial.backbone.model
    before = trial.backbone.attention
    other = "eager" if before == "sdpa" else "sdpa"
    expected = trial.full.heads
    model.set_attn_implementation(other)
    try:
        got = trial.run(trial.extractor()).heads
    finally:
        model.set_attn_implementation(before)
    return trial.compare(got, expected)


def _stops(trial: Trial) -> str:
    spec = trial.backbone.spec
    chosen = [Head(spec.layers // 2, spec.heads - 1), Head(0, 0)]
    expected = np.stack([trial.full.heads[:, :, head.layer, head.head] for head in chosen], 2)
    return trial.compare(trial.run(trial.extractor("packed", chosen)).heads, expected)


def _places(trial: Trial) -> list[int]:
    ids = trial.extractor().questions.tokens(trial.grid).prefix
    return [place for place, token in enumerate(ids) if token == trial.backbone.placeholder_id]


def _increases(trial: Trial) -> str:
    """On the first axis, which is time where there are several."""
    one, places = trial.backbone, _places(trial)
    ids = trial.extractor().questions.tokens(trial.grid).prefix
    axis = one.positions(ids, trial.grid).reshape(-1, len(ids))[0].tolist()
    first = [axis[places[unit * (len(places) // trial.grid.units)]] for unit in range(trial.grid.units)]
    after = axis[places[-1] + 1 :]
    if any(b <= a for a, b in zip(first, [*first[1:], *after[:1]], strict=False)):
        raise ModelError("positions do not increase from frame to frame", got=[*first, *after[:1]])
    return f"{trial.grid.units} units at {', '.join(map(str, first))}"


def _counted(trial: Trial) -> str:
    import torch

    one, expected = trial.backbone, trial.backbone.visual_tokens(trial.grid)
    frames = torch.from_numpy(trial.pixels[0, : one.frames_per_unit])
    with torch.inference_mode():
        lacking = one.frames_per_unit - len(frames)
        unit = one.encode_frames(torch.cat([frames, frames[-1:].repeat(lacking, 1, 1, 1)]) if lacking else frames)
        whole = unit[None].expand(1, trial.grid.units, -1, -1)
        ids = trial.extractor().questions.tokens(trial.grid).prefix
        one.embed(ids, whole, batch=1)  # refuses other numbers than there are places
    if len(_places(trial)) != expected:
        raise ModelError("there are other visual tokens than predicted", got=len(_places(trial)), expected=expected)
    return f"{expected} for {FRAMES} frames of {trial.pixels.shape[-1]}x{trial.pixels.shape[-2]}"


def _unchanged(trial: Trial) -> str:
    model: Any = trial.backbone.model

    def weights() -> list[object]:
        return [(id(p), p._version) for p in (*model.parameters(), *model.buffers())]

    def hooks() -> list[object]:
        return [len(m._forward_hooks) + len(m._forward_pre_hooks) for m in model.modules()]

    before = weights()
    trial.run(trial.extractor("loop"))  # in a model's first pass transformers adds hooks of its own, which stay
    hooked = hooks()
    for sharing in ("packed", "loop"):
        trial.run(trial.extractor(sharing))
    if (weights(), hooks()) != (before, hooked):
        raise ModelError("the model is not as it was", expected="the same weights and hooks after a pass")
    return "weights and hooks as before"


CLAUSES: dict[str, Callable[[Trial], str]] = {
    "every layer fires once": _fires_once,
    "heads x size = inputs of the last linear": _slices,
    "heads add up to the block's output": _adds_up,
    "packed = full": _shared("packed"),
    "loop = full": _shared("loop"),
    "batch = single": _batched,
    "sdpa = eager": _eager,
    "early stop = full": _stops,
    "positions increase over frames": _increases,
    "visual tokens as predicted": _counted,
    "the model leaves unchanged": _unchanged,
}
"""What must hold -> what measures it."""
