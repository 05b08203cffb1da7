"""Layers of a loaded model compiled in place, where that leaves what extraction reads untouched.

Hooks sit on `o_proj` and in front of whole decoder layers, so those, and attention, stay as they are; compiled are the
layers of the vision tower and, in the decoder, norms and MLPs: what fused kernels spare is theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from headhunt.errors import ModelError
from headhunt.models.backbone import SAMPLE_SIZE

if TYPE_CHECKING:
    import torch

    from headhunt.models.backbone import Backbone


def compile_layers(backbone: Backbone) -> float:
    """Compile the model's layers at once, and prove on one frame and eight tokens that they give what they gave.

    Args:
        backbone: It is changed in place.

    Returns:
        The largest difference relative to the largest output.

    Raises:
        ModelError: Torch cannot compile here, or what is compiled gives something else.
    """
    import torch

    decoder: Any = backbone.decoder
    parts = [
        *backbone.vision_layers,
        *(part for layer in decoder.layers for part in (layer.input_layernorm, layer.post_attention_layernorm)),
        *(layer.mlp for layer in decoder.layers),
    ]
    plain = _outputs(backbone)
    for part in parts:
        # Batches grow, the last one is short, the last layer is narrowed: one kernel for all lengths.
        part.compile(dynamic=True)
    try:
        fused = _outputs(backbone)
    except (RuntimeError, OSError, ImportError) as error:
        raise ModelError(
            "torch cannot compile the model here",
            got=f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}",
            hint="run without --compile, or install a C++ compiler",
        ) from error
    apart = [float((a - b).abs().max() / a.abs().max()) for a, b in zip(plain, fused, strict=True)]
    limit = max(1e-4, 8 * torch.finfo(backbone.dtype).eps)
    if not max(apart) <= limit:
        raise ModelError(
            "compiled layers give something else", got=max(apart), expected=f"at most {limit}", hint="omit --compile"
        )
    return max(apart)


def _outputs(backbone: Backbone) -> tuple[torch.Tensor, torch.Tensor]:
    """Visual tokens of made-up frames, and the decoder's last states of a few tokens, once and twice in a batch."""
    import torch

    tile = backbone.preprocess.of(*SAMPLE_SIZE, 2)
    frame = torch.arange(3 * tile.height * tile.width).remainder(251).to(torch.uint8)
    decoder: Any = backbone.decoder
    ids = [number for number in range(1, 9) if number != backbone.placeholder_id]
    with torch.inference_mode():
        visual = backbone.encode_frames(frame.view(1, 3, tile.height, tile.width).expand(2, -1, -1, -1))
        positions = backbone.positions(ids, None)
        states = [
            decoder(
                inputs_embeds=backbone.embed(ids, None, batch=batch),
                position_ids=positions.expand(*positions.shape[:-2], batch, -1),
                use_cache=False,
            ).last_hidden_state
            for batch in (1, 2)  # torch makes a kernel of its own for a batch of one
        ]
    return visual.float(), torch.cat(states).float()
