"""From one batch of segments and a set of prompts to per-head vectors and context; knows no files and no store.

The feature of a head is the slice of `o_proj`'s input that belongs to it, at the last position of the input, the one
whose logits give the first generated token (HeadHunt-VAD, AAAI 2026). No logits are computed and nothing is generated.

Frames go through the vision tower once; how the prompts share the language model is `sharing`. The last layer that is
needed works out keys and values of every position, and the rest of itself only where it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from headhunt.arrays import Float32, UInt8
from headhunt.errors import ComputeError, ModelError
from headhunt.extraction.capture import capture
from headhunt.extraction.questions import Questions, Tokens
from headhunt.extraction.sharing import SHARINGS, Sharing
from headhunt.models.last_layer import StopForwardError, can_narrow, narrowed
from headhunt.records import Head

if TYPE_CHECKING:
    import torch

    from headhunt.models import Backbone, Grid
    from headhunt.prompts import PromptSet


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
    """Runs one model over batches of segments, always with the same prompts and as many frames a segment.

    Args:
        backbone: The model; it is left as it came after every call.
        questions: The prompts in its words.
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
        questions: Questions,
        *,
        heads: Sequence[Head] | None = None,
        context: bool = True,
        sharing: Sharing = "packed",
    ) -> None:
        self.backbone = backbone
        self.questions = questions
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
        layers: Any = backbone.decoder.layers
        self._windows = [w for w in (getattr(x.self_attn, "sliding_window", None) for x in layers) if w]
        self._check_packing(self.tokens)
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
        questions = Questions(backbone, prompts, n_frames=n_frames)
        return cls(backbone, questions, heads=heads, context=context, sharing=sharing)

    @property
    def tokens(self) -> Tokens:
        """Token ids of the prompts about frames of a sample video, or of any where a model has one size of frames."""
        return self.questions.tokens(self.questions.grid)

    def _check_packing(self, tokens: Tokens) -> None:
        short = bool(self._windows) and min(self._windows) < max(tokens.lengths)
        if self.sharing == "packed" and (short or self.backbone.attention not in {"sdpa", "eager"}):
            raise ModelError(
                "packed extraction needs full attention with sdpa or eager",
                got=f"{self.backbone.attention}, windows {self._windows}",
                hint="use the sharing 'loop'",
            )

    def _agrees(self, last: int) -> bool:
        """Whether a few tokens give the same with the layer `last` narrowed, up to the precision's rounding."""
        import torch

        ids = [t for t in (*self.tokens.prefix, *self.tokens.suffixes[0]) if t != self.backbone.placeholder_id][-8:]
        found = []
        with torch.inference_mode():
            embedded, positions = self.backbone.embed(ids, None, batch=1), self.backbone.positions(ids, None)
            for layer in (None, last):
                self.narrow = layer
                found.append(self.forward(embedded, positions, [len(ids) - 1], use_cache=False))
        limit = max(1e-4, 4 * torch.finfo(self.backbone.dtype).eps)
        pairs = [(plain, narrow) for plain, narrow in zip(*found, strict=True) if plain is not None]
        return all(bool((plain - narrow).abs().max() <= limit * plain.abs().max()) for plain, narrow in pairs)

    def __call__(self, pixels: UInt8 | torch.Tensor, *, step_s: float | None = None) -> Activations:
        """Run one batch.

        Args:
            pixels: uint8 (b, f, 3, height, width), resized frames.
            step_s: Seconds from one frame to the next, None where that is not known.

        Raises:
            ModelError: A hook did not fire exactly once a forward pass.
        """
        rows, frames, _, height, width = pixels.shape
        grid = self.backbone.grid(frames, height, width, step_s=step_s)
        lacking = -frames % self.backbone.frames_per_unit
        order = [*range(frames), *[frames - 1] * lacking]
        whole = pixels if not lacking else pixels[:, order]
        return self.read(self.encode(whole.reshape(-1, *whole.shape[2:])).unflatten(0, (rows, grid.units)), grid)

    def encode(self, frames: UInt8 | torch.Tensor) -> torch.Tensor:
        """The vision tower alone: uint8 frames (u * frames_per_unit, 3, height, width) -> (u, tokens, width)."""
        import torch

        pixels = torch.as_tensor(frames)
        if self.backbone.device.type == "cuda" and not pixels.is_cuda:
            pixels = pixels.pin_memory()  # page-locked, so that the copy to the device holds nothing up
        with torch.inference_mode():
            return self.backbone.encode_frames(pixels)

    def read(self, visual: torch.Tensor, grid: Grid) -> Activations:
        """The language model alone, over what `encode` gave.

        Args:
            visual: (b, u, tokens, width).
            grid: Of every row.

        Raises:
            ModelError: A hook did not fire exactly once a forward pass.
        """
        import torch

        self._check_packing(self.questions.tokens(grid))
        with torch.inference_mode():
            heads, context = SHARINGS[self.sharing](self, visual, grid)
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

    def over(
        self,
        ids: Sequence[int],
        rows: Sequence[int],
        grid: Grid,
        *,
        batch: int,
        visual: torch.Tensor | None = None,
        after: Sequence[int] = (),
        **options: Any,
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """One pass of the decoder over some tokens of an input: `forward` with embeddings and positions of the model.

        Args:
            ids: The tokens.
            rows: Places of them to read.
            grid: Of the whole input.
            batch: Segments.
            visual: Visual tokens (b, u, tokens, width), where placeholders are among the tokens.
            after: The tokens before them, which the cache holds.
            **options: Mask and cache for the decoder.
        """
        embedded = self.backbone.embed(ids, visual, batch=batch)
        positions = self.backbone.positions(ids, grid, after=after)
        return self.forward(embedded, positions, rows, **self.backbone.early(ids, visual), **options)

    def forward(
        self, embedded: torch.Tensor, positions: torch.Tensor, rows: Sequence[int], **options: Any
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """One pass of the decoder.

        Args:
            embedded: (b, t, hidden).
            positions: Position ids (1, t), or (axes, 1, t).
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
        reading = capture(self.backbone.decoder, wanted, index, stop=self.stop, narrow=self.narrow)
        with narrow, reading as seen, suppress(StopForwardError):
            out = self.backbone.decoder(
                inputs_embeds=embedded,
                position_ids=positions.expand(*positions.shape[:-2], embedded.shape[0], -1),
                **options,
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
