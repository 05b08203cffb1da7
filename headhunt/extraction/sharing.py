"""Three ways in which the prompts of a row share a pass of the language model; they agree up to rounding.

packed   the token prefix that all prompts share once, then all the prompts' rests in one row on top of the cached
         prefix: block-diagonal mask, each going on at the positions where the prefix ends
loop     the same prefix, then one prompt's rest after the other, the cache cropped in between
full     one whole prefill a prompt: the oracle
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from headhunt.models.last_layer import cache_name

if TYPE_CHECKING:
    import torch

    from headhunt.extraction.activations import Extractor
    from headhunt.models import Grid

Sharing = Literal["packed", "loop", "full"]
Found = tuple["torch.Tensor", "torch.Tensor | None"]
"""Heads (b, p, layers, h, d) and context (b, p, hidden)."""


def _full(run: Extractor, visual: torch.Tensor, grid: Grid) -> Found:
    parts = []
    tokens = run.questions.tokens(grid)
    for suffix in tokens.suffixes:
        ids = [*tokens.prefix, *suffix]
        parts.append(run.over(ids, [len(ids) - 1], grid, visual=visual, batch=len(visual), use_cache=False))
    return _join(parts)


def _prefill(run: Extractor, visual: torch.Tensor, grid: Grid) -> Any:
    from transformers import DynamicCache

    config: Any = run.backbone.decoder.config
    cache = DynamicCache(config=config)
    run.over(run.questions.tokens(grid).prefix, [], grid, visual=visual, batch=len(visual), **_with(run, cache))
    return cache


def _with(run: Extractor, cache: Any) -> dict[str, Any]:
    return {cache_name(run.backbone.decoder): cache, "use_cache": True}


def _loop(run: Extractor, visual: torch.Tensor, grid: Grid) -> Found:
    cache, tokens, parts = _prefill(run, visual, grid), run.questions.tokens(grid), []
    for suffix in tokens.suffixes:
        rows = [len(suffix) - 1]
        parts.append(run.over(suffix, rows, grid, after=tokens.prefix, batch=len(visual), **_with(run, cache)))
        for layer in cache.layers:
            if getattr(layer, "keys", None) is not None:  # a pass that stopped early filled the first layers only
                layer.crop(-len(suffix))
    return _join(parts)


def _packed(run: Extractor, visual: torch.Tensor, grid: Grid) -> Found:
    import torch

    tokens = run.questions.tokens(grid)
    suffixes, start = tokens.suffixes, len(tokens.prefix)
    if len(suffixes) == 1:
        return _full(run, visual, grid)
    cache = _prefill(run, visual, grid)
    ids = [token for suffix in suffixes for token in suffix]
    device, lengths = run.backbone.device, torch.tensor([len(s) for s in suffixes])
    owner = torch.repeat_interleave(torch.arange(len(suffixes)), lengths)
    own = (owner[:, None] == owner[None, :]) & torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
    allowed = torch.cat([torch.ones(len(ids), start, dtype=torch.bool), own], 1).to(device)
    mask = torch.zeros(1, 1, *allowed.shape, dtype=run.backbone.dtype, device=device)
    mask.masked_fill_(~allowed, torch.finfo(run.backbone.dtype).min)
    embedded = run.backbone.embed(ids, None, batch=len(visual))
    positions = torch.cat([run.backbone.positions(s, grid, after=tokens.prefix) for s in suffixes], -1)
    rows = (lengths.cumsum(0) - 1).tolist()
    heads, context = run.forward(embedded, positions, rows, attention_mask=mask, **_with(run, cache))
    assert heads is not None
    return heads, context


SHARINGS: dict[str, Callable[[Extractor, Any, Grid], tuple[Any, Any]]] = {
    "packed": _packed,
    "loop": _loop,
    "full": _full,
}


def _join(parts: Sequence[tuple[Any, Any]]) -> tuple[Any, Any]:
    import torch

    contexts = [context for _, context in parts]
    return torch.cat([heads for heads, _ in parts], 1), None if contexts[0] is None else torch.cat(contexts, 1)
