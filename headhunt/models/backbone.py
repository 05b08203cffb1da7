"""What extraction needs of a multimodal LLM, and the proof that a loaded model is built that way; knows no family."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from headhunt.errors import ModelError
from headhunt.models.grid import Grid
from headhunt.models.preprocess import Pixels
from headhunt.records import Json, ModelSpec

if TYPE_CHECKING:
    import torch
    from torch import nn


class Backbone(Protocol):
    """A loaded, frozen multimodal LLM.

    Attributes:
        name: The id or folder it was asked for by.
        model: All of it.
        spec: Sizes of its text decoder.
        decoder: The text decoder, a stack `layers` of blocks with `self_attn.o_proj`, ending in a norm.
        vision_layers: The layers of its vision tower that `--compile` compiles.
        preprocess: How frames become pixels.
        device: Where it runs.
        dtype: What it computes in.
        attention: The attention implementation that was really taken.
        fingerprint: What its activations depend on: weights, configuration, precision, versions, packing.
        packing: How frames are shown to it: "video" as one video, in the family's own packing, "image" one by one.
        frames_per_unit: Frames that form one visual unit; an odd one out is shown twice.
        placeholder_id: Id of the token that visual tokens take the place of.
        head_error: Relative error with which its heads were proved at load.
        notes: What the user should know of it ("random weights", ...).
    """

    name: str
    model: nn.Module
    spec: ModelSpec
    decoder: nn.Module
    vision_layers: Sequence[nn.Module]
    preprocess: Pixels
    device: torch.device
    dtype: torch.dtype
    attention: str
    fingerprint: Json
    packing: str
    frames_per_unit: int
    placeholder_id: int
    head_error: float
    notes: tuple[str, ...]

    def grid(self, n_frames: int, height: int, width: int, *, step_s: float | None = None) -> Grid:
        """How so many frames of this size lie among the tokens.

        Args:
            n_frames: Frames of a row.
            height: Of a frame as `preprocess` makes it, in pixels.
            width: Likewise.
            step_s: Seconds from one frame to the next, None where that is not known.
        """

    def visual_tokens(self, grid: Grid) -> int:
        """How many visual tokens an input with this grid has; known before any frame is."""

    def token_ids(self, text: str, *, grid: Grid, frame_text: str, system: str | None) -> list[int]:
        """Token ids of one whole input: chat template, frames' placeholders, `text`, generation prompt."""

    def encode_frames(self, pixels: torch.Tensor) -> torch.Tensor:
        """The vision tower: uint8 frames on any device, (u * frames_per_unit, 3, height, width).

        Returns:
            Visual tokens (u, tokens, width) of the model's dtype, each unit apart from the others. The first `hidden`
            of the width are what the decoder's input gets; a family whose early layers get more appends that.
        """

    def embed(self, ids: Sequence[int], visual: torch.Tensor | None, *, batch: int) -> torch.Tensor:
        """Input embeddings (batch, len(ids), hidden), visual tokens (batch, u, tokens, width) put in their places."""

    def early(self, ids: Sequence[int], visual: torch.Tensor | None) -> Mapping[str, Any]:
        """What else the decoder is given in a pass over these tokens, for its early layers; mostly nothing."""

    def positions(self, ids: Sequence[int], grid: Grid | None, *, after: Sequence[int] = ()) -> torch.Tensor:
        """Position ids of a run of tokens: (1, len(ids)), or (axes, 1, len(ids)); opaque to whoever asks.

        Args:
            ids: The run.
            grid: Of the visual tokens in the whole input; None where there are none.
            after: The tokens that come before the run.
        """


SAMPLE_SIZE = 240, 320
"""Height and width of the video that a family with frames of any size is tried on."""


def sample_grid(backbone: Backbone, n_frames: int) -> Grid:
    """The grid of so many frames of a video of `SAMPLE_SIZE`; where all frames become one tile, of any video."""
    tile = backbone.preprocess.of(*SAMPLE_SIZE, n_frames)
    return backbone.grid(n_frames, tile.height, tile.width)


def find_decoder(model: nn.Module) -> nn.Module:
    """The text decoder, found by structure: the one stack whose blocks all have `self_attn.o_proj`.

    Raises:
        ModelError: There is none, or more than one.
    """
    found = [
        (name, module)
        for name, module in model.named_modules()
        if _is_stack(getattr(module, "layers", None)) and hasattr(module, "norm")
    ]
    if len(found) != 1:
        raise ModelError(
            f"{type(model).__name__} has no single text decoder",
            got=[name for name, _ in found] or "no stack of layers with self_attn.o_proj",
            expected="one",
            hint="this family is not supported yet",
        )
    decoder: nn.Module = found[0][1]
    return decoder


def _is_stack(layers: Any) -> bool:
    from torch import nn

    return (
        isinstance(layers, nn.ModuleList)
        and len(layers) > 0
        and all(isinstance(getattr(getattr(x, "self_attn", None), "o_proj", None), nn.Module) for x in layers)
    )


def read_spec(decoder: nn.Module) -> ModelSpec:
    """Sizes read from the model itself; every layer must agree.

    Raises:
        ModelError: Head count times head size is not the width of o_proj's input, or layers differ.
    """
    config: Any = decoder.config
    heads = int(config.num_attention_heads)
    layers: Any = decoder.layers
    widths = {int(layer.self_attn.o_proj.in_features) for layer in layers}
    hidden = {int(layer.self_attn.o_proj.out_features) for layer in layers}
    dims = {int(getattr(layer.self_attn, "head_dim", 0)) for layer in layers}
    if len(widths) != 1 or len(hidden) != 1 or len(dims) != 1 or next(iter(dims)) * heads != next(iter(widths)):
        raise ModelError(
            "the attention layers are not heads side by side",
            got=f"o_proj inputs {sorted(widths)}, head sizes {sorted(dims)}, {heads} heads",
            expected="heads x head size = o_proj inputs, the same in every layer",
            hint="quantised or pruned checkpoints and tensor parallelism are not supported",
        )
    return ModelSpec(len(layers), heads, dims.pop(), hidden.pop())


def prove_heads(decoder: nn.Module, spec: ModelSpec, *, device: torch.device, tolerance: float) -> float:
    """Show on eight tokens that each attention block's output is o_proj of what a hook on o_proj's input sees.

    Returns:
        The largest error relative to the largest output, over all layers.

    Raises:
        ModelError: A hook did not fire exactly once, or the error exceeds `tolerance`.
    """
    import torch

    seen: dict[int, list[torch.Tensor]] = {}
    out: dict[int, torch.Tensor] = {}
    handles = []
    layers: Any = decoder.layers
    for index, layer in enumerate(layers):
        handles.append(
            layer.self_attn.o_proj.register_forward_pre_hook(
                lambda _m, args, i=index: seen.setdefault(i, []).append(args[0].clone())
            )
        )
        handles.append(
            layer.self_attn.register_forward_hook(lambda _m, _a, o, i=index: out.__setitem__(i, o[0].clone()))
        )
    ids = torch.arange(8, device=device)[None] % int(decoder.config.vocab_size)  # type: ignore[union-attr, arg-type]
    try:
        with torch.inference_mode():
            decoder(input_ids=ids, position_ids=torch.arange(8, device=device)[None], use_cache=False)
    finally:
        for handle in handles:
            handle.remove()
    fired = [len(seen.get(index, ())) for index in range(spec.layers)]
    if fired != [1] * spec.layers:
        raise ModelError(
            "hooks on the attention layers did not fire once each",
            got=fired,
            hint="load with attn 'sdpa' or 'eager' and without compile",
        )
    worst = 0.0
    for index, layer in enumerate(layers):
        projection = layer.self_attn.o_proj
        heads = seen[index][0].double().unflatten(-1, (spec.heads, spec.head_dim))
        weight = projection.weight.double().view(-1, spec.heads, spec.head_dim)
        total = torch.einsum("bthd,ohd->bto", heads, weight)
        if projection.bias is not None:
            total = total + projection.bias.double()
        scale = max(total.abs().max().item(), 1e-12)
        worst = max(worst, (total - out[index].double()).abs().max().item() / scale)
    if not worst <= tolerance:
        raise ModelError(
            "the heads' vectors do not add up to the attention output", got=worst, expected=f"at most {tolerance}"
        )
    return worst
