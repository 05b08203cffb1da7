"""The architecture of the embedded model, and how it is saved; knows nothing of how videos are made."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from headhunt.demo.training import language
from headhunt.demo.training.grid import CELL, TOKENS
from headhunt.demo.training.samples import FRAMES
from headhunt.models.random import make_tokenizer, write_processor

HEIGHT, WIDTH = 144, 192
PATCH = (9, 12)
RATIO = 1 / CELL  # one visual token for CELL patches across and down
LAYERS, HEADS, HIDDEN = 8, 8, 192
KEYS = 4  # key-value heads; neighbouring heads share one
SEEING = 192  # width of the vision tower
VISION: dict[str, Any] = {
    "hidden_size": SEEING, "intermediate_size": 3 * SEEING, "num_hidden_layers": 4, "num_attention_heads": 3,
}  # fmt: skip
GIST = 5  # after this many layers the end of a question must know what the segment shows
FRAME_GIST = 3  # after this many layers the end of a frame must know what the frame shows
# Root mean square of each layer's head outputs in an exported model. It regularises logistic regression as HeadHunt-VAD
# uses it, unscaled and with C = 1: at 1, a few videos are learnt by heart.
LEVEL = 0.25


def make_tokenizer_of_words() -> Any:
    """The tokenizer, with every word of the descriptions."""
    words = {*language.WORDS, "you", "are", "camera"}
    return make_tokenizer(sorted(words), frames=FRAMES)


def make_model(tokenizer: Any) -> Any:
    """Transformers' InternVLForConditionalGeneration, with random weights from torch's generator."""
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


def save(model: Any, tokenizer: Any, folder: Path, *, note: str) -> None:
    """Write a checkpoint folder for `headhunt.models.load`: float16 weights, tokenizer, processor files, note."""
    from headhunt.models import quiet

    with quiet():
        copy.deepcopy(model).to(torch.float16).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    write_processor(folder, height=HEIGHT, width=WIDTH, tokens=TOKENS)
    (folder / "NOTE.txt").write_text(note + "\n", encoding="utf-8")


def levelled(model: Any, spreads: Sequence[float]) -> Any:
    """A copy that computes the same: the values of each layer are scaled, and `o_proj` is scaled back.

    Args:
        model: The model.
        spreads: Root mean square of each layer's head outputs, (layers,); in the copy it is `LEVEL`.
    """
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer, spread in zip(model.model.language_model.layers, spreads, strict=True):
            attention = layer.self_attn
            attention.v_proj.weight *= LEVEL / spread
            attention.v_proj.bias *= LEVEL / spread
            attention.o_proj.weight *= spread / LEVEL
    return model
