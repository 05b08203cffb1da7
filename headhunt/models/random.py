"""Where the embedded model lies, and what models of its kind are made of: tokenizer, processor, random weights."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

EMBEDDED = Path(__file__).parent / "embedded"  # weights, MODEL_CARD.md, log.csv and scores.json, made by `train`
SEED = 20_260_101
NOTE = "a small model with seeded RANDOM weights: it shows that the pipeline works, not what a trained model finds"
SPECIALS = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<img>", "</img>", "<IMG_CONTEXT>", "<video>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
IMAGE_SIZE, PATCH = 56, 14


def build(
    place: Path,
    *,
    seed: int = SEED,
    layers: int = 8,
    heads: int = 8,
    hidden: int = 128,
    decoder: str = "Qwen2Config",
    options: Mapping[str, Any] | None = None,
    image_size: int = IMAGE_SIZE,
    vision: Mapping[str, Any] | None = None,
) -> None:
    """Write a checkpoint of transformers' InternVLForConditionalGeneration with seeded random weights.

    Args:
        place: Folder to write into.
        seed: Seed of the weights.
        layers: Decoder layers.
        heads: Query heads a layer (a quarter as many key-value heads, at least one).
        hidden: Width of the decoder, a multiple of `heads`.
        decoder: Class of the text decoder's configuration in transformers.
        options: Further fields of it.
        image_size: Height and width of a frame in pixels, a multiple of 28.
        vision: Fields of the vision tower's configuration.
    """
    import torch
    import transformers

    tokenizer = make_tokenizer()
    ids = tokenizer.convert_tokens_to_ids
    fields = {
        "vocab_size": len(tokenizer),
        "hidden_size": hidden,
        "intermediate_size": 2 * hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": max(1, heads // 4),
        "max_position_embeddings": 4096,
        "initializer_range": 0.08,
        "bos_token_id": ids("<|endoftext|>"),
        "eos_token_id": ids("<|im_end|>"),
        "pad_token_id": ids("<|endoftext|>"),
    }
    text = getattr(transformers, decoder)(**(fields | dict(options or {})))
    tower = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "layer_scale_init_value": 1.0,
        "initializer_range": 0.08,
    }
    config = transformers.InternVLConfig(
        text_config=text,
        vision_config=transformers.InternVLVisionConfig(
            image_size=[image_size, image_size], patch_size=[PATCH, PATCH], **(tower | dict(vision or {}))
        ),
        image_token_id=ids("<IMG_CONTEXT>"),
        image_seq_length=(image_size // PATCH // 2) ** 2,
        tie_word_embeddings=False,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = transformers.InternVLForConditionalGeneration(config)
    shown = transformers.utils.logging.is_progress_bar_enabled()
    transformers.utils.logging.disable_progress_bar()
    model.save_pretrained(place)
    if shown:
        transformers.utils.logging.enable_progress_bar()
    tokenizer.save_pretrained(place)
    write_processor(place, height=image_size, width=image_size, tokens=config.image_seq_length)
    (place / "NOTE.txt").write_text(NOTE + "\n", encoding="utf-8")


def make_tokenizer(words: Sequence[str] = (), *, frames: int = 0) -> Any:
    """Byte-level tokens, the special ones and whole words: any text encodes, a word outside `words` letter by letter.

    Args:
        words: Lower case; each becomes a token after a space, and with a capital at a beginning and after a space.
        frames: "Frame1: " to "Frame<frames>: " become one token each.
    """
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    forms = [form for word in words for form in (f"Ġ{word}", word.capitalize(), f"Ġ{word.capitalize()}")]
    known = dict.fromkeys([*SPECIALS, *alphabet, *(["user", "assistant", "system"] if words else []), *forms])
    core = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(known)}, merges=[], ignore_merges=True))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_tokens([AddedToken(f"Frame{i}: ", normalized=False) for i in range(1, frames + 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
        extra_special_tokens={
            "start_image_token": "<img>",
            "end_image_token": "</img>",
            "context_image_token": "<IMG_CONTEXT>",
            "video_token": "<video>",
            "turn_start_token": "<|im_start|>",
        },
    )


def write_processor(place: Path, *, height: int, width: int, tokens: int) -> None:
    """Write the processor's files for tiles of this size, each `tokens` visual tokens."""
    pixels = {
        "do_resize": True,
        "size": {"height": height, "width": width},
        "resample": 3,
        "do_rescale": True,
        "rescale_factor": 1 / 255,
        "do_normalize": True,
        "image_mean": [0.485, 0.456, 0.406],
        "image_std": [0.229, 0.224, 0.225],
    }
    files: dict[str, dict[str, Any]] = {
        "preprocessor_config.json": pixels
        | {"image_processor_type": "GotOcr2ImageProcessor", "crop_to_patches": False},
        "video_preprocessor_config.json": {"video_processor_type": "InternVLVideoProcessor"} | pixels,
        "processor_config.json": {"processor_class": "InternVLProcessor", "image_seq_length": tokens},
    }
    for name, data in files.items():
        (place / name).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
