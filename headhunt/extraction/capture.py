"""Reading the input of `o_proj` in a running decoder, by hooks that are gone afterwards; knows no prompts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from headhunt.models.last_layer import StopForwardError

if TYPE_CHECKING:
    import torch
    from torch import nn


@contextmanager
def capture(
    decoder: nn.Module, wanted: Sequence[int], rows: torch.Tensor, *, stop: int | None, narrow: int | None
) -> Iterator[dict[int, list[torch.Tensor]]]:
    """Read `rows` of o_proj's input in the `wanted` layers; the model leaves as it came, also after an error.

    The pass ends at o_proj of the layer `stop`. The layer `narrow` has nothing but these rows.
    """
    layers: Any = decoder.layers
    seen: dict[int, list[torch.Tensor]] = {layer: [] for layer in wanted}
    handles = []

    def hook(layer: int) -> Callable[[Any, tuple[torch.Tensor, ...]], None]:
        def read(_module: Any, args: tuple[torch.Tensor, ...]) -> None:
            if layer in seen:
                # Indexing with a tensor copies: nothing of the (b, t, h*d) input is kept alive.
                seen[layer].append(args[0].clone() if layer == narrow else args[0][:, rows])
            if layer == stop:
                raise StopForwardError

        return read

    try:
        for layer in sorted({*wanted, *(() if stop is None else (stop,))}):
            handles.append(layers[layer].self_attn.o_proj.register_forward_pre_hook(hook(layer)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()
