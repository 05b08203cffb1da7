"""Makes tiny checkpoints of the families that are supported: the real classes, seeded random weights, all their files.

Chat templates and processor files are shaped as those of the published checkpoints.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headhunt.models import quiet
from headhunt.models import random as internvl

SPECIALS = (
    "<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>",
    "<|video_pad|>", "<image>", "<video>",
)  # fmt: skip
LAYERS, HEADS, HIDDEN = 3, 4, 64
TEXT = {
    "hidden_size": HIDDEN,
    "intermediate_size": 96,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
    "initializer_range": 0.08,
}
PIXELS = {
    "do_resize": True,
    "resample": 3,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
}
QWEN_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}<|im_start|>system\n"
    "You are a helpful assistant.<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% elif part['type'] == 'video' %}<|vision_start|><|video_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Images come before all text, whatever their place in the message.
ONEVISION_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }} "
    "{% for part in message['content'] if part['type'] == 'image' %}<image>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'video' %}<video>{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endfor %}"
    "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make_internvl(place: Path) -> None:
    """InternVL: tiles of 56 pixels, four visual tokens each."""
    internvl.build(place, layers=LAYERS, heads=HEADS, hidden=HIDDEN)


def make_qwen2_5_vl(place: Path) -> None:
    """Qwen2.5-VL: frames of 2 to 12 visual tokens, which keep their shape; windows of 2 x 2 of them."""
    import transformers

    tokenizer, ids = _tokenizer(QWEN_TEMPLATE)
    vision = {
        "depth": 2, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": HIDDEN,
        "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2, "window_size": 56,
        "fullatt_block_indexes": [1], "tokens_per_second": 2, "initializer_range": 0.08,
    }  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3]}
    config = transformers.Qwen2_5_VLConfig(
        text_config=TEXT | _ids(tokenizer, ids) | {"rope_parameters": rope},
        vision_config=vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    _save(place, transformers.Qwen2_5_VLForConditionalGeneration, config, tokenizer)
    # As the published checkpoints have it: one file, bounds beside an absent size.
    cut = {"patch_size": 14, "temporal_patch_size": 2, "merge_size": 2}
    bounds = {"min_pixels": 2 * 28 * 28, "max_pixels": 12 * 28 * 28}
    kind = {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
    _write(place, "preprocessor_config.json", PIXELS | cut | bounds | kind)


def make_llava_onevision(place: Path) -> None:
    """LLaVA-OneVision: tiles of 70 pixels, 5 x 5 visual tokens, pooled to 3 x 3 in a video."""
    import transformers

    tokenizer, ids = _tokenizer("{% for message in messages %}{{ message['content'] }}{% endfor %}")
    config = transformers.LlavaOnevisionConfig(
        text_config=transformers.Qwen2Config(**(TEXT | _ids(tokenizer, ids))),
        vision_config=transformers.SiglipVisionConfig(
            hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=2, image_size=70,
            patch_size=14, vision_use_head=False,
        ),
        image_token_id=ids("<image>"),
        video_token_id=ids("<video>"),
        image_grid_pinpoints=[[70, 70], [70, 140]],
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=False,
    )  # fmt: skip
    _save(place, transformers.LlavaOnevisionForConditionalGeneration, config, tokenizer)
    size = {"size": {"height": 70, "width": 70}}
    kind = {"image_processor_type": "LlavaOnevisionImageProcessor", "image_grid_pinpoints": [[70, 70], [70, 140]]}
    _write(place, "preprocessor_config.json", PIXELS | size | kind)
    _write(place, "video_preprocessor_config.json", PIXELS | size)
    named = {"num_image_tokens": 25, "vision_feature_select_strategy": "full"}
    _write(place, "processor_config.json", {"processor_class": "LlavaOnevisionProcessor"} | named)
    # The tokenizer's own template knows text alone; that of the processor lies in a file of its own.
    (place / "chat_template.jinja").unlink(missing_ok=True)
    _write(place, "chat_template.json", {"chat_template": ONEVISION_TEMPLATE})


def make_qwen3_vl(place: Path) -> None:
    """Qwen3-VL: frames of whole tokens of 32 pixels, 12 frames of 4 together at most; two early layers."""
    import transformers

    tokenizer, ids = _tokenizer(QWEN_TEMPLATE)
    vision = {
        "depth": 3, "hidden_size": 32, "intermediate_size": 48, "num_heads": 2, "out_hidden_size": HIDDEN,
        "patch_size": 16, "spatial_merge_size": 2, "temporal_patch_size": 2, "num_position_embeddings": 64,
        "deepstack_visual_indexes": [0, 1], "initializer_range": 0.08,
    }  # fmt: skip
    rope = {"rope_type": "default", "rope_theta": 1e4, "mrope_section": [2, 3, 3], "mrope_interleaved": True}
    config = transformers.Qwen3VLConfig(
        text_config=TEXT | _ids(tokenizer, ids) | {"head_dim": 16, "rope_parameters": rope},
        vision_config=vision,
        image_token_id=ids("<|image_pad|>"),
        video_token_id=ids("<|video_pad|>"),
        vision_start_token_id=ids("<|vision_start|>"),
        vision_end_token_id=ids("<|vision_end|>"),
        tie_word_embeddings=False,
    )
    _save(place, transformers.Qwen3VLForConditionalGeneration, config, tokenizer)
    cut = {"patch_size": 16, "temporal_patch_size": 2, "merge_size": 2}
    frame = {"size": {"shortest_edge": 2 * 32 * 32, "longest_edge": 12 * 32 * 32}}
    video = {"size": {"shortest_edge": 4 * 32 * 32, "longest_edge": 40 * 32 * 32}}
    kinds = {"image_processor_type": "Qwen2VLImageProcessor"}, {"video_processor_type": "Qwen3VLVideoProcessor"}
    _write(place, "preprocessor_config.json", PIXELS | cut | frame | kinds[0])
    _write(place, "video_preprocessor_config.json", PIXELS | cut | video | kinds[1])


MAKERS: dict[str, Callable[[Path], None]] = {
    "internvl": make_internvl,
    "llava_onevision": make_llava_onevision,
    "qwen2_5_vl": make_qwen2_5_vl,
    "qwen3_vl": make_qwen3_vl,
}
"""model_type -> what writes a checkpoint of it into a folder."""


def _tokenizer(template: str) -> tuple[Any, Callable[[str], int]]:
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate([*SPECIALS, *alphabet])}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIALS])
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token="<|im_end|>", pad_token="<|endoftext|>", chat_template=template
    )
    return made, made.convert_tokens_to_ids


def _ids(tokenizer: Any, ids: Callable[[str], int]) -> dict[str, int]:
    end = ids("<|endoftext|>")
    return {"vocab_size": len(tokenizer), "bos_token_id": end, "eos_token_id": ids("<|im_end|>"), "pad_token_id": end}


def _save(place: Path, architecture: Any, config: Any, tokenizer: Any) -> None:
    import torch

    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(7)
        architecture(config).save_pretrained(place)
    tokenizer.save_pretrained(place)
    (place / "NOTE.txt").write_text(internvl.NOTE + "\n", encoding="utf-8")


def _write(place: Path, name: str, data: dict[str, Any]) -> None:
    (place / name).write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
