"""From one batch of segments and a set of prompts to per-head vectors and context; knows no files and no store.

The feature of a head is the slice of `o_proj`'s input that belongs to it, at the last position of the input, the one
whose logits give the first generated token (HeadHunt-VAD, AAAI 2026). No logits are computed and nothing is generated.

Three ways give the same numbers up to rounding:

    packed   vision once, the token prefix that all prompts share once, then all the prompts' rests in one row on top of
             the cached prefix: block-diagonal mask, positions restarting
    loop     the same prefix, then one prompt's rest after the other, the cache cropped in between
    full     vision once, then one whole prefill a prompt: the oracle

The last layer that is needed works out keys and values of every position, and the rest of itself only where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from headhunt.arrays import Float32, UInt8
from headhunt.errors import ComputeError, InputError, ModelError
from headhunt.models.last_layer import StopForwardError, cache_name, can_narrow, narrowed
from headhunt.records import Head

if TYPE_CHECKING:
    import torch

    from headhunt.models import Backbone
    from headhunt.prompts import PromptSet

Sharing = Literal["packed", "loop", "full"]


@dataclass(frozen=True)
class Tokens:
    """The token ids of all prompts of a run, cut where they part.

    Attributes:
        prefix: What all prompts share (system turn, frames), at least up to the last visual token.
        suffixes: The rest of each prompt, each at least one token long.
    """

    prefix: tuple[int, ...]
    suffixes: tuple[tuple[int, ...], ...]

    @property
    def lengths(self) -> tuple[int, ...]:
        """Length of the whole input of each prompt, in tokens."""
        return tuple(len(self.prefix) + len(s) for s in self.suffixes)


def share(prompts: Sequence[Sequence[int]], *, image_token_id: int) -> Tokens:
    """Cut token sequences into their longest common prefix and their rests.

    Args:
        prompts: Token ids of each whole input, the visual tokens in all of them alike.
        image_token_id: Id of the visual placeholder.

    Raises:
        InputError: No prompts, or prompts that differ before the last visual token.
    """
    if not prompts or not all(prompts):
        raise InputError("no prompts, or an empty one")
    prefix: list[int] = [
        ids[0] for ids in takewhile(lambda ids: len(set(ids)) == 1, zip(*(p[:-1] for p in prompts), strict=False))
    ]
    if any(image_token_id in p[len(prefix) :] for p in prompts):
        raise InputError("the prompts differ before the last frame", hint="put the frames before the prompt")
    return Tokens(tuple(prefix), tuple(tuple(p[len(prefix) :]) for p in prompts))


@dataclass(frozen=True)
class Activations:
    """What one batch gives.

    Attributes:
        heads: float32 (b, p, l, h, d), or (b, p, k, d) when a head subset was asked for.
        context: float32 (b, p, hidden), or None when it was not asked for.
    """

    heads: Float32
    context: Float32 | None


class Extractor:
    """Runs one model over batches of segments, always with the same prompts and the same frames a segment.

    Args:
        backbone: The model; it is left as it came after every call.
        tokens: Token ids of the prompts, from `share`.
        heads: Only these heads, in this order; None for all. The pass stops at the last layer that is needed.
        context: Also the hidden state after the final norm at the same position (SteerVAD's context, ICLR 2026).
        sharing: How prompts share a pass: "packed", "loop" or "full".

    Attributes:
        layers: The layers that are read, ascending.
        stop: The layer at whose o_proj a pass ends; None runs to the end.
        narrow: The layer that runs only where it is read; None where that is not known to be safe with this decoder.
    """

    def __init__(
        self,
        backbone: Backbone,
        tokens: Tokens,
        *,
        heads: Sequence[Head] | None = None,
        context: bool = True,
        sharing: Sharing = "packed",
    ) -> None:
        self.backbone = backbone
        self.tokens = tokens
        self.heads = None if heads is None else tuple(heads)
        self.context = context
        self.sharing = sharing
        spec = backbone.spec
        for head in self.heads or ():
            if head.layer >= spec.layers or head.head >= spec.heads:
                raise ModelError(
                    f"head {head} does not exist in {backbone.name}",
                    expected=f"{spec.layers} layers x {spec.heads} heads",
                )
        wanted = range(spec.layers) if self.heads is None else sorted({h.layer for h in self.heads})
        self.layers: tuple[int, ...] = tuple(wanted)
        self.stop = None if context else self.layers[-1]
        windows = [w for w in (getattr(x.self_attn, "sliding_window", None) for x in _layers(backbone)) if w]
        if sharing == "packed" and (
            backbone.attention not in {"sdpa", "eager"} or (windows and min(windows) < max(tokens.lengths))
        ):
            raise ModelError(
                "packed extraction needs full attention with sdpa or eager",
                got=f"{backbone.attention}, windows {windows}",
                hint="use the sharing 'loop'",
            )
        last = spec.layers - 1 if self.stop is None else self.stop
        able = can_narrow(backbone.decoder, last, attention=backbone.attention) and self._agrees(last)
        self.narrow: int | None = last if able else None

    @classmethod
    def of(
        cls,
        backbone: Backbone,
        prompts: PromptSet,
        *,
        n_frames: int = 16,
        heads: Sequence[Head] | None = None,
        context: bool = True,
        sharing: Sharing = "packed",
    ) -> Extractor:
        """An extractor that asks a model the prompts of a set about this many frames.

        Args:
            backbone: The model.
            prompts: What is asked; `headhunt.prompts.load("headhunt5")` gives the built-in set.
            n_frames: Frames a segment.
            heads: Only these heads, in this order; None for all.
            context: Also the context.
            sharing: How prompts share a pass.
        """
        ids = [
            backbone.token_ids(p.text, n_frames=n_frames, frame_text=prompts.frame_text, system=prompts.system)
            for p in prompts.prompts
        ]
        tokens = share(ids, image_token_id=backbone.image_token_id)
        return cls(backbone, tokens, heads=heads, context=context, sharing=sharing)

    def _agrees(self, last: int) -> bool:
        """Whether a few tokens give the same with the layer `last` narrowed, up to the precision's rounding."""
        import torch

        ids = [t for t in (*self.tokens.prefix, *self.tokens.suffixes[0]) if t != self.backbone.image_token_id][-8:]
        found = []
        with torch.inference_mode():
            embedded, positions = self.backbone.embed(ids, None, batch=1), self.backbone.positions(ids, 0)
            for layer in (None, last):
                self.narrow = layer
                found.append(self.forward(embedded, positions, [len(ids) - 1], use_cache=False))
        limit = max(1e-4, 4 * torch.finfo(self.backbone.dtype).eps)
        pairs = [(plain, narrow) for plain, narrow in zip(*found, strict=True) if plain is not None]
        return all(bool((plain - narrow).abs().max() <= limit * plain.abs().max()) for plain, narrow in pairs)

    def __call__(self, pixels: UInt8 | torch.Tensor) -> Activations:
        """Run one batch.

        Args:
            pixels: uint8 (b, f, 3, height, width), resized frames.

        Raises:
            ModelError: A hook did not fire exactly once a forward pass.
        """
        return self.read(self.encode(pixels.reshape(-1, *pixels.shape[2:])).unflatten(0, tuple(pixels.shape[:2])))

    def encode(self, frames: UInt8 | torch.Tensor) -> torch.Tensor:
        """The vision tower alone: uint8 (f, 3, height, width), resized frames -> visual tokens (f, tokens, hidden)."""
        import torch

        pixels = torch.as_tensor(frames)
        if self.backbone.device.type == "cuda" and not pixels.is_cuda:
            pixels = pixels.pin_memory()  # page-locked, so that the copy to the device holds nothing up
        with torch.inference_mode():
            return self.backbone.encode_frames(pixels)

    def read(self, visual: torch.Tensor) -> Activations:
        """The language model alone, over what `encode` gave.

        Args:
            visual: (b, f, tokens, hidden).

        Raises:
            ModelError: A hook did not fire exactly once a forward pass.
        """
        import torch

        with torch.inference_mode():
            heads, context = SHARINGS[self.sharing](self, visual)
            return Activations(_to_numpy(self._pick(heads)), None if context is None else _to_numpy(context))

    def free(self) -> None:
        """Give memory that nothing uses back to the device, after a pass that did not fit."""
        import torch

        if self.backbone.device.type == "cuda":
            torch.cuda.empty_cache()

    def _pick(self, heads: torch.Tensor) -> torch.Tensor:
        """(b, p, wanted layers, h, d) -> as asked for."""
        if self.heads is None:
            return heads
        place = {layer: index for index, layer in enumerate(self.layers)}
        return heads[:, :, [place[h.layer] for h in self.heads], [h.head for h in self.heads]]

    def forward(
        self, embedded: torch.Tensor, positions: torch.Tensor, rows: Sequence[int], **options: Any
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """One pass of the decoder.

        Args:
            embedded: (b, t, hidden).
            positions: Position ids (1, t).
            rows: Positions to read, in [0, t); empty to read nothing (a pass that only fills the cache).
            **options: Mask and cache for the decoder.

        Returns:
            Heads (b, len(rows), wanted layers, h, d) and context (b, len(rows), hidden), None where not read.
        """
        import torch

        wanted = self.layers if rows else ()
        index = torch.tensor(rows, device=embedded.device, dtype=torch.long)
        out = None
        narrow = nullcontext() if self.narrow is None else narrowed(self.backbone.decoder, self.narrow, rows)
        capture = _capture(self.backbone, wanted, index, stop=self.stop, narrow=self.narrow)
        with narrow, capture as seen, suppress(StopForwardError):
            out = self.backbone.decoder(
                inputs_embeds=embedded, position_ids=positions.expand(embedded.shape[0], -1), **options
            ).last_hidden_state
        if not rows:
            return None, None
        if [len(seen[layer]) for layer in wanted] != [1] * len(wanted):
            raise ModelError(
                "hooks on the attention layers did not fire once each", got={k: len(v) for k, v in seen.items()}
            )
        spec = self.backbone.spec
        heads = torch.stack([seen[layer][0] for layer in wanted], 2).unflatten(-1, (spec.heads, spec.head_dim))
        if out is None or not self.context:
            return heads, None
        return heads, (out if self.narrow is not None else out[:, index]).clone()


def _layers(backbone: Backbone) -> Any:
    return backbone.decoder.layers


@contextmanager
def _capture(
    backbone: Backbone, wanted: Sequence[int], rows: torch.Tensor, *, stop: int | None, narrow: int | None
) -> Iterator[dict[int, list[torch.Tensor]]]:
    """Read `rows` of o_proj's input in the `wanted` layers; the model leaves as it came, also after an error.

    The layer `narrow` has nothing but these rows.
    """
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
            handles.append(_layers(backbone)[layer].self_attn.o_proj.register_forward_pre_hook(hook(layer)))
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def _full(run: Extractor, visual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    import torch

    parts = []
    for suffix in run.tokens.suffixes:
        ids = [*run.tokens.prefix, *suffix]
        embedded = run.backbone.embed(ids, visual, batch=visual.shape[0])
        parts.append(run.forward(embedded, run.backbone.positions(ids, 0), [len(ids) - 1], use_cache=False))
    return _join(parts, torch.cat)


def _prefill(run: Extractor, visual: torch.Tensor) -> Any:
    from transformers import DynamicCache

    config: Any = run.backbone.decoder.config
    cache = DynamicCache(config=config)
    prefix = run.tokens.prefix
    embedded = run.backbone.embed(prefix, visual, batch=visual.shape[0])
    run.forward(embedded, run.backbone.positions(prefix, 0), [], **_with(run, cache))
    return cache


def _with(run: Extractor, cache: Any) -> dict[str, Any]:
    return {cache_name(run.backbone.decoder): cache, "use_cache": True}


def _loop(run: Extractor, visual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    import torch

    cache, start, parts = _prefill(run, visual), len(run.tokens.prefix), []
    for suffix in run.tokens.suffixes:
        embedded = run.backbone.embed(suffix, None, batch=visual.shape[0])
        positions = run.backbone.positions(suffix, start)
        parts.append(run.forward(embedded, positions, [len(suffix) - 1], **_with(run, cache)))
        for layer in cache.layers:
            if getattr(layer, "keys", None) is not None:  # a pass that stopped early filled the first layers only
                layer.crop(-len(suffix))
    return _join(parts, torch.cat)


def _packed(run: Extractor, visual: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
    import torch

    if len(run.tokens.suffixes) == 1:
        return _full(run, visual)
    cache, start = _prefill(run, visual), len(run.tokens.prefix)
    suffixes = run.tokens.suffixes
    ids = [token for suffix in suffixes for token in suffix]
    device, lengths = run.backbone.device, torch.tensor([len(s) for s in suffixes])
    owner = torch.repeat_interleave(torch.arange(len(suffixes)), lengths)
    own = (owner[:, None] == owner[None, :]) & torch.ones(len(ids), len(ids), dtype=torch.bool).tril()
    allowed = torch.cat([torch.ones(len(ids), start, dtype=torch.bool), own], 1).to(device)
    mask = torch.zeros(1, 1, *allowed.shape, dtype=run.backbone.dtype, device=device)
    mask.masked_fill_(~allowed, torch.finfo(run.backbone.dtype).min)
    embedded = run.backbone.embed(ids, None, batch=visual.shape[0])
    positions = torch.cat([run.backbone.positions(s, start) for s in suffixes], -1)
    rows = (lengths.cumsum(0) - 1).tolist()
    heads, context = run.forward(embedded, positions, rows, attention_mask=mask, **_with(run, cache))
    assert heads is not None
    return heads, context


SHARINGS: dict[str, Callable[[Extractor, Any], tuple[Any, Any]]] = {"packed": _packed, "loop": _loop, "full": _full}


def _join(parts: Sequence[tuple[Any, Any]], cat: Callable[..., Any]) -> tuple[Any, Any]:
    contexts = [context for _, context in parts]
    return cat([heads for heads, _ in parts], 1), None if contexts[0] is None else cat(contexts, 1)


def _to_numpy(values: torch.Tensor) -> Float32:
    import torch

    out: Float32 = values.to(torch.float32).cpu().numpy()
    return out


def check_storable(values: Float32) -> None:
    """Raise unless every value is finite and inside float16's range, which the store keeps.

    Raises:
        ComputeError: One is not.
    """
    limit = float(np.finfo(np.float16).max)
    peak = float(np.max(np.abs(values))) if values.size else 0.0
    if not peak <= limit:
        raise ComputeError(
            "an activation is not finite or outside float16's range",
            got=peak,
            expected=f"at most {limit}",
            hint="run the model in bfloat16 or float32",
        )
