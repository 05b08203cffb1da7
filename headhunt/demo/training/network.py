"""The architecture of the embedded model and one packed training pass over it; knows nothing of how videos are made.

A batch of segments is laid out as extraction lays it out: chat template, frames, question, answer. The frames of a
segment are read once; its questions follow as separate suffixes that see the frames and themselves, never each other
(block-diagonal mask, positions restarting after the shared prefix).
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from headhunt.demo.training import language
from headhunt.demo.training.language import Pair
from headhunt.demo.training.training_data import CELL, FRAMES, GRID
from headhunt.models.random import make_tokenizer, write_processor
from headhunt.prompts import FRAME_TEXT
from headhunt.records import IMAGE

HEIGHT, WIDTH = 144, 192
PATCH = (9, 12)
RATIO = 1 / CELL  # so many patches each way make one visual token
TOKENS = (GRID // CELL) ** 2
LAYERS, HEADS, HIDDEN = 8, 8, 192
KEYS = 4  # key-value heads: neighbouring heads share one
SEEING = 192  # width of the vision tower
VISION: dict[str, Any] = {
    "hidden_size": SEEING, "intermediate_size": 3 * SEEING, "num_hidden_layers": 4, "num_attention_heads": 3,
}  # fmt: skip
GIST = 5  # layers after which the end of a question must know what the segment shows
FRAME_GIST = 3  # layers after which the end of a frame must know what the frame shows
SYSTEM = "You are a camera."
DEEDS = 4.0  # weight of tokens that say what is done: they decide what the first generated token must know
FAR = -3e4  # what is added to attention scores that must not count
# Root mean square of what the heads of every layer give in an exported model. It regularises logistic regression as
# HeadHunt-VAD has it, unscaled and with C = 1: at 1 a few videos are learnt by heart.
LEVEL = 0.25
MATMUL_ATTENTION = "headhunt_matmul"
CHUNK = 128  # rows of attention that go together


def make_tokenizer_of_words() -> Any:
    """The tokenizer with every word of the descriptions."""
    words = {*language.WORDS, "you", "are", "camera"}
    return make_tokenizer(sorted(words), frames=FRAMES)


def make_model(tokenizer: Any) -> Any:
    """Transformers' InternVLForConditionalGeneration with fresh weights from torch's generator."""
    import transformers

    ids = tokenizer.convert_tokens_to_ids
    text = transformers.Qwen2Config(
        vocab_size=len(tokenizer),
        hidden_size=HIDDEN,
        intermediate_size=512,
        num_hidden_layers=LAYERS,
        num_attention_heads=HEADS,
        num_key_value_heads=KEYS,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        initializer_range=0.05,
        bos_token_id=ids("<|endoftext|>"),
        eos_token_id=ids("<|im_end|>"),
        pad_token_id=ids("<|endoftext|>"),
    )
    vision = transformers.InternVLVisionConfig(
        **VISION,
        image_size=[HEIGHT, WIDTH],
        patch_size=list(PATCH),
        layer_scale_init_value=1.0,
        initializer_range=0.06,
        use_absolute_position_embeddings=True,
    )
    config = transformers.InternVLConfig(
        text_config=text,
        vision_config=vision,
        image_token_id=ids("<IMG_CONTEXT>"),
        image_seq_length=TOKENS,
        downsample_ratio=RATIO,
        tie_word_embeddings=True,
    )
    model = transformers.InternVLForConditionalGeneration(config)
    nn.init.normal_(model.model.vision_tower.embeddings.position_embeddings, std=0.06)
    return model


def save(model: Any, tokenizer: Any, place: Path, *, note: str) -> None:
    """Write a checkpoint folder that `headhunt.models.load` reads: fp16 weights, tokenizer, processor files, note."""
    from headhunt.models import quiet

    with quiet():
        copy.deepcopy(model).to(torch.float16).save_pretrained(place)
        tokenizer.save_pretrained(place)
    write_processor(place, height=HEIGHT, width=WIDTH, tokens=TOKENS)
    (place / "NOTE.txt").write_text(note + "\n", encoding="utf-8")


def levelled(model: Any, spreads: Sequence[float]) -> Any:
    """A copy that computes the same, the values of each layer scaled by a number that `o_proj` takes back.

    Args:
        model: The model.
        spreads: Root mean square of what the heads of each layer give, (layers,); in the copy it is `LEVEL`.
    """
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer, spread in zip(model.model.language_model.layers, spreads, strict=True):
            attention = layer.self_attn
            attention.v_proj.weight *= LEVEL / spread
            attention.v_proj.bias *= LEVEL / spread
            attention.o_proj.weight *= spread / LEVEL
    return model


def matmul_attention(
    module: nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    scaling: float,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as batched products: on a CPU it trains about twice as fast as the fused kernel.

    With a mask, which must be causal, rows go in chunks that leave out the keys after them.
    """
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, 1), value.repeat_interleave(groups, 1)
    query, keys, values = (query * scaling).flatten(0, 1), key.flatten(0, 1).transpose(1, 2), value.flatten(0, 1)
    length = query.shape[1]
    chunk = length if attention_mask is None else CHUNK
    mixed = []
    for low in range(0, length, chunk):
        high = min(low + chunk, length)
        end = high if attention_mask is not None else keys.shape[2]
        scores = torch.bmm(query[:, low:high], keys[..., :end])
        if attention_mask is not None:
            bias = attention_mask[:, :, low:high, :end].to(scores.dtype)
            scores = (scores.unflatten(0, (bias.shape[0], -1)) + bias).flatten(0, 1)
        mixed.append(torch.bmm(torch.softmax(scores, -1, dtype=scores.dtype), values[:, :end]))
    whole = mixed[0] if len(mixed) == 1 else torch.cat(mixed, 1)
    return whole.unflatten(0, (key.shape[0], -1)).transpose(1, 2), None


def choose_attention(model: Any, device: torch.device) -> None:
    """Take the faster attention of a device for training; a saved checkpoint does not remember it."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    ALL_ATTENTION_FUNCTIONS.register(MATMUL_ATTENTION, matmul_attention)
    model.set_attn_implementation(MATMUL_ATTENTION if device.type == "cpu" else "sdpa")


class Layout:
    """Token ids of whole inputs, cut after the last frame.

    Args:
        tokenizer: From `make_tokenizer_of_words`.
    """

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.image = int(tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"))
        self._cut = "<|endoftext|>"
        self._ids = functools.lru_cache(maxsize=1 << 16)(self._tokens)
        self._after = self._rendered("\0", None, 1).split(self._cut)[1].split("\0")

    def ids(self, text: str) -> tuple[int, ...]:
        """Ids of a text."""
        return self._ids(text)

    def _tokens(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer(text, add_special_tokens=False)["input_ids"])

    def prefix(self, system: str | None, n_frames: int = FRAMES) -> tuple[int, ...]:
        """Everything up to the last frame's line break."""
        return self.ids(self._rendered("", system, n_frames).split(self._cut)[0])

    def suffix(self, question: str) -> tuple[int, ...]:
        """Everything from the question to the generation prompt."""
        before, after = self._after
        return self.ids(before + question + after)

    def answer(self, answer: str) -> tuple[int, ...]:
        """An answer and the end of its turn."""
        return self.ids(answer + "<|im_end|>")

    def _rendered(self, question: str, system: str | None, n_frames: int) -> str:
        tile = "<img>" + "<IMG_CONTEXT>" * TOKENS + "</img>"
        frames = "".join(FRAME_TEXT.replace("{i}", str(i + 1)).replace(IMAGE, tile) for i in range(n_frames))
        messages = [{"role": "system", "content": system}] if system is not None else []
        messages.append({"role": "user", "content": frames + self._cut + question})
        out: str = self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return out


@dataclass(frozen=True)
class Packed:
    """A batch of segments with their questions, ready for one pass.

    Attributes:
        ids: int (b, t), padded at the end.
        positions: int (b, t).
        block: int (b, t): 0 for the prefix, 1, 2, ... for the suffixes, -1 for padding.
        target: int (b, t): the id to be predicted at a position, -100 where nothing is.
        weight: float (b, t): how much it counts; what is done counts most.
        asked: bool (b, t): the last token of each question, where extraction reads.
        slots: Slot of each suffix of each segment.
        prefix: Length of the prefix.
    """

    ids: torch.Tensor
    positions: torch.Tensor
    block: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    asked: torch.Tensor
    slots: list[list[str]]
    prefix: int

    def to(self, device: torch.device) -> Packed:
        """The same on a device."""
        names = ("ids", "positions", "block", "target", "weight", "asked")
        return replace(self, **{name: getattr(self, name).to(device) for name in names})

    def bias(self, dtype: torch.dtype) -> torch.Tensor:
        """What is added to the scores, (b, 1, t, t): a token sees the prefix and its own suffix up to itself."""
        t = self.ids.shape[1]
        own = (self.block[:, :, None] == self.block[:, None, :]) | (self.block[:, None, :] == 0)
        allowed = own & torch.ones(t, t, dtype=torch.bool, device=self.ids.device).tril()
        zero = torch.zeros(1, dtype=dtype, device=self.ids.device)
        return torch.where(allowed, zero, zero + FAR)[:, None]


def pack(layout: Layout, segments: Sequence[Sequence[Pair]], *, system: str | None, n_frames: int = FRAMES) -> Packed:
    """Lay out the questions of a batch of segments behind a shared prefix."""
    prefix = layout.prefix(system, n_frames)
    said = [[(layout.suffix(p.question), layout.answer(p.answer), _deeds(p, layout)) for p in own] for own in segments]
    # An answer's last token is only predicted, never read.
    longest = len(prefix) + max(sum(len(asked) + len(answer) - 1 for asked, answer, _ in own) for own in said)
    shape = (len(segments), longest + -longest % 16)
    ids, positions, asked_at = np.zeros(shape, np.int64), np.zeros(shape, np.int64), np.zeros(shape, bool)
    block, target, weight = np.full(shape, -1), np.full(shape, -100), np.zeros(shape, np.float32)
    ids[:, : len(prefix)], positions[:, : len(prefix)], block[:, : len(prefix)] = prefix, np.arange(len(prefix)), 0
    for row, own in enumerate(said):
        low = len(prefix)
        for number, (asked, answer, first) in enumerate(own, 1):
            begin, high = low + len(asked) - 1, low + len(asked) + len(answer) - 1
            ids[row, low:high] = asked + answer[:-1]
            positions[row, low:high] = np.arange(len(prefix), len(prefix) + high - low)
            block[row, low:high] = number
            target[row, begin:high] = answer
            weight[row, begin : begin + first], weight[row, begin + first : high] = DEEDS, 1.0
            asked_at[row, begin] = True
            low = high
    slots = [[pair.slot for pair in pairs] for pairs in segments]
    arrays = {
        "ids": ids, "positions": positions, "block": block, "target": target, "weight": weight, "asked": asked_at,
    }  # fmt: skip
    tensors: dict[str, Any] = {name: torch.from_numpy(array) for name, array in arrays.items()}
    return Packed(**tensors, slots=slots, prefix=len(prefix))


def _deeds(pair: Pair, layout: Layout) -> int:
    """How many of an answer's tokens say what is done: a description up to "can be seen", an answer about actions."""
    if pair.slot == "description":
        return len(layout.ids(pair.answer.partition(" can be seen")[0]))
    return len(layout.ids(pair.answer)) if pair.slot == "action" else 0


def told(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens as they would be if the tower saw perfectly: the words of each cell, some left out, and noise.

    Args:
        words: (n, TOKENS, words), 1 where a cell shows a word.
        table: Embeddings of all tokens.
        ids: Of the words.

    Returns:
        (n, TOKENS, hidden).
    """
    kept = words.float() * (torch.rand(words.shape, device=words.device) > 0.1)
    clean = in_words(kept, table, ids)
    return clean + 0.15 * torch.randn_like(clean)


def in_words(words: torch.Tensor, table: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Visual tokens (n, TOKENS, hidden) that show words (n, TOKENS, words), each between 0 and 1; see `told`."""
    return 2.0 * words @ F.normalize(table[ids].float(), dim=-1)


def normalized(pixels: torch.Tensor) -> torch.Tensor:
    """uint8 (n, H, W, 3) -> float32 (n, 3, H, W) as the processor's files say."""
    mean = torch.tensor([0.485, 0.456, 0.406], device=pixels.device) * 255
    std = torch.tensor([0.229, 0.224, 0.225], device=pixels.device) * 255
    return ((pixels.float() - mean) / std).permute(0, 3, 1, 2).contiguous()


def see(model: Any, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Visual tokens (n, TOKENS, hidden) and patch states (n, GRID * GRID, width) of uint8 frames (n, H, W, 3)."""
    config = model.config
    out = model.model.get_image_features(
        pixel_values=normalized(pixels),
        vision_feature_layer=config.vision_feature_layer,
        vision_feature_select_strategy=config.vision_feature_select_strategy,
    )
    return out.pooler_output, out.last_hidden_state[:, -GRID * GRID :]


def see_cells(model: Any, pixels: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """As `see`, but of each frame only some cells are looked at, as if there were no others, which saves time.

    Args:
        model: The model.
        pixels: uint8 (n, H, W, 3).
        chosen: int (n, k), numbers of the cells in reading order.

    Returns:
        Visual tokens (n, k, hidden) and patch states (n, k, CELL * CELL, width).
    """
    tower, n, k = model.model.vision_tower, *chosen.shape
    embedded = tower.embeddings(normalized(pixels))
    kept = picked(by_cell(embedded[:, 1:].unflatten(1, (GRID, GRID))), chosen)
    states = tower.encoder(torch.cat([embedded[:, :1], kept.flatten(1, 2)], 1)).last_hidden_state
    states = tower.layernorm(states)[:, 1:].unflatten(1, (k, CELL * CELL))
    squares = states.reshape(n * k, CELL, CELL, -1)
    tokens = model.model.multi_modal_projector(model.model.pixel_shuffle(squares, RATIO).reshape(n, k, -1))
    return tokens, states


def by_cell(patches: torch.Tensor) -> torch.Tensor:
    """(n, GRID, GRID, c) -> (n, TOKENS, CELL * CELL, c): the patches of each visual token."""
    n, side = len(patches), GRID // CELL
    return patches.view(n, side, CELL, side, CELL, -1).transpose(2, 3).reshape(n, TOKENS, CELL * CELL, -1)


def picked(cells: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    """Of cells (n, TOKENS, CELL * CELL, c) those with the numbers (n, k), (n, k, CELL * CELL, c)."""
    return cells.gather(1, chosen[..., None, None].expand(-1, -1, *cells.shape[2:]))


class States(NamedTuple):
    """What the decoder made of a packed batch.

    Attributes:
        last: Hidden states (b, t, hidden) at the end.
        hidden: Those that go into each layer, before its norm, and `last`.
        heads: What the heads of each layer give, each (b, t, HEADS * d).
    """

    last: torch.Tensor
    hidden: tuple[torch.Tensor, ...]
    heads: tuple[torch.Tensor, ...]


def decode(model: Any, batch: Packed, visual: torch.Tensor, image: int) -> States:
    """Run the decoder over a packed batch with the visual tokens (b, f, TOKENS, hidden)."""
    embedded = model.get_input_embeddings()(batch.ids)
    embedded = embedded.masked_scatter((batch.ids == image)[..., None], visual.to(embedded.dtype))
    dtype = torch.bfloat16 if torch.is_autocast_enabled(embedded.device.type) else embedded.dtype
    heads: list[torch.Tensor] = []
    handles = [
        layer.self_attn.o_proj.register_forward_pre_hook(lambda _m, args: heads.append(args[0]))
        for layer in model.model.language_model.layers
    ]
    try:
        out = model.model.language_model(
            inputs_embeds=embedded,
            position_ids=batch.positions,
            attention_mask=batch.bias(dtype),
            use_cache=False,
            output_hidden_states=True,
        )
    finally:
        for handle in handles:
            handle.remove()
    return States(out.last_hidden_state, tuple(out.hidden_states), tuple(heads))


def cells(patches: torch.Tensor) -> torch.Tensor:
    """Words of each visual token, (n, TOKENS, words), from those of its patches (n, GRID, GRID, words)."""
    return by_cell(patches).amax(2)


def text_loss(model: Any, hidden: torch.Tensor, batch: Packed) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted next-token cross entropy over the answers' tokens, and whether each was predicted right."""
    asked = batch.target != -100
    logits = model.lm_head(hidden[asked]).float()
    wanted, weight = batch.target[asked], batch.weight[asked]
    loss = (F.cross_entropy(logits, wanted, reduction="none") * weight).sum() / weight.sum()
    return loss, logits.argmax(-1) == wanted


def as_tensor(arrays: Sequence[np.ndarray[Any, Any]], device: torch.device) -> torch.Tensor:
    """Arrays of one shape stacked on a device."""
    return torch.from_numpy(np.stack(arrays)).to(device, non_blocking=True)
