"""Extraction at InternVL3-8B's true shapes: `python benchmarks/gpu.py [--segments 64]`, one run, one table.

    python benchmarks/gpu.py --device cpu --small       the same code on tiny shapes, to prove that it runs

    python benchmarks/gpu.py --segments 480 --kernels   the run whose figures the documentation has

Random weights are made on the device in bfloat16 (float32 on a CPU), nothing is read from disk. Rendered videos are
extracted with 16 frames and five prompts a segment; each word of a prompt is one token. Times inside the model are
CUDA events, read after the run, so that measuring does not hold the device up; `decode` is the time in which the device
has nothing to do because the model waits for its decoders, `write` because it waits for the writer, `other` what is
left of the whole. Operations are counted as a dry run does: matrix products, masked positions too, no logits. The
ceiling is the best square matrix product of the same dtype in the same run. One batch runs before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import gpu_clock
from headhunt import models, prompts
from headhunt.demo import world
from headhunt.demo.world import WorldConfig
from headhunt.extraction import sharing
from headhunt.extraction.costs import operations
from headhunt.extraction.decoders import Decoders
from headhunt.extraction.preparation import prepare
from headhunt.models import random as embedded
from headhunt.models.families.internvl import InternVL
from headhunt.stages import extract as stage
from headhunt.stages.extract import ExtractConfig, extract
from headhunt.store import ShardWriter

N_FRAMES, SEGMENT, FPS = 16, 48, 25
MOST_VIDEOS, SHORTEST = 8, 6  # segments of the shortest video


@dataclass(frozen=True)
class Shapes:
    """Sizes of a model, as its configuration names them."""

    image_size: int
    vision: dict[str, Any]
    text: dict[str, Any]
    ceiling: int  # side of the square matrices whose product is the ceiling


INTERNVL3_8B = Shapes(
    image_size=448,
    vision={
        "hidden_size": 1024,
        "num_hidden_layers": 24,
        "num_attention_heads": 16,
        "intermediate_size": 4096,
        "attention_bias": True,
    },
    text={
        "hidden_size": 3584,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "intermediate_size": 18944,
        "vocab_size": 151674,
        "max_position_embeddings": 32768,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1_000_000.0},
    },
    ceiling=8192,
)
SMALL = Shapes(
    image_size=56,
    vision={"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64},
    text=INTERNVL3_8B.text
    | {
        "hidden_size": 64,
        "num_hidden_layers": 3,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "intermediate_size": 128,
        "vocab_size": 1024,
    },
    ceiling=512,
)


def build(shapes: Shapes, device: torch.device, dtype: torch.dtype) -> InternVL:
    """A model with random weights, made where it runs."""
    import transformers

    words = " ".join(p.text for p in prompts.load("headhunt5").prompts).lower().replace("?", " ").replace(".", " ")
    tokenizer = embedded.make_tokenizer(sorted(set(words.replace(",", " ").split())), frames=N_FRAMES)
    patch, tile = embedded.PATCH, shapes.image_size
    config = transformers.InternVLConfig(
        text_config=transformers.Qwen2Config(**shapes.text),
        vision_config=transformers.InternVLVisionConfig(
            image_size=[tile, tile], patch_size=[patch, patch], **shapes.vision
        ),
        image_token_id=tokenizer.convert_tokens_to_ids("<IMG_CONTEXT>"),
        image_seq_length=(tile // patch // 2) ** 2,
        tie_word_embeddings=False,
    )
    assert len(tokenizer) <= config.text_config.vocab_size
    before = torch.get_default_dtype()
    torch.manual_seed(0)
    torch.set_default_dtype(dtype)
    try:
        with torch.device(device):
            model = transformers.InternVLForConditionalGeneration._from_config(config, attn_implementation="sdpa")
    finally:
        torch.set_default_dtype(before)
    assert {p.dtype for p in model.parameters()} == {dtype}
    model.requires_grad_(False).eval().to(device)
    with tempfile.TemporaryDirectory() as folder:
        embedded.write_processor(Path(folder), height=tile, width=tile, tokens=config.image_seq_length)
        return InternVL(model, tokenizer, name="random weights", root=Path(folder), fingerprint={"weights": "random"})


def instrument(run: Any, clock: gpu_clock.Clock) -> None:
    """Put clocks around the parts of an extraction; for a process that does nothing else."""

    def around(part: Callable[[str], Any], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **options: Any) -> Any:
            with part(name):
                return function(*args, **options)

        return timed

    run.backbone.encode_frames = around(clock.model_part, "vision", run.backbone.encode_frames)
    sharing._prefill = around(clock.model_part, "prefix", sharing._prefill)
    sharing.SHARINGS["packed"] = around(clock.model_part, "suffix", sharing.SHARINGS["packed"])

    class Clocked(ShardWriter):
        __init__ = around(clock.host_part, "write", ShardWriter.__init__)  # type: ignore[assignment]
        add = around(clock.host_part, "write", ShardWriter.add)
        fail = around(clock.host_part, "write", ShardWriter.fail)
        flush = around(clock.host_part, "write", ShardWriter.flush)

    stage.ShardWriter = Clocked  # type: ignore[misc]
    frames = Decoders.frames

    def decoded(*args: Any, **options: Any) -> Iterator[Any]:
        with closing(frames(*args, **options)) as items:
            while True:
                with clock.host_part("decode"):
                    item = next(items, None)
                if item is None:
                    return
                yield item

    Decoders.frames = decoded  # type: ignore[assignment, method-assign]


def render(folder: Path, n: int, size: str) -> None:
    """Write videos of `n` segments together, several at once."""
    folder.mkdir()
    width, height = map(int, size.split("x"))
    count = max(1, min(MOST_VIDEOS, n // SHORTEST))
    seconds = SEGMENT * -(-n // count) / FPS
    plans = [
        world.plan_video(seed, kind="normal", duration_s=seconds, config=WorldConfig(width=width, height=height))
        for seed in range(1, count + 1)
    ]
    paths = [folder / f"{seed}.mp4" for seed in range(1, count + 1)]
    with ProcessPoolExecutor(min(count, os.cpu_count() or 1), mp_context=get_context("spawn")) as pool:
        list(pool.map(world.write_video, plans, paths))


def ceiling(side: int, device: torch.device, dtype: torch.dtype) -> float:
    """Operations a second of the best of several square matrix products."""
    a, b = (torch.randn(side, side, device=device, dtype=dtype) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        begin = time.perf_counter()
        a @ b
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        best = min(best, time.perf_counter() - begin)
    return 2.0 * side**3 / best


@dataclass(frozen=True)
class Measured:
    """One run.

    Attributes:
        segments: Rows computed.
        seconds: The whole extraction, planning left out.
        tokens: Tokens the decoder reads for a segment.
        flops: Operations a segment.
        ceiling: Operations a second of the matrix product.
        spent: Seconds of each part, "other" included; together they are `seconds`.
    """

    segments: int
    seconds: float
    tokens: int
    flops: float
    ceiling: float
    spent: dict[str, float]

    @property
    def shares(self) -> dict[str, float]:
        """Share of the time of each part."""
        return {name: seconds / self.seconds for name, seconds in self.spent.items()}


def measure(
    shapes: Shapes,
    device: torch.device,
    folder: Path,
    config: ExtractConfig,
    n: int,
    size: str,
    *,
    with_kernels: bool = False,
) -> Measured:
    """Render videos of `n` segments together, then extract them."""
    render(folder / "videos", n, size)
    dtype = torch.float32 if device.type == "cpu" else torch.bfloat16
    backbone = build(shapes, device, dtype)
    loader, preparer = models.load, stage.prepare
    kept = (sharing._prefill, sharing.SHARINGS["packed"], stage.ShardWriter, Decoders.frames)
    try:
        models.load = lambda *_args, **_options: backbone  # type: ignore[assignment]
        run = prepare(config)
        stage.prepare = lambda _config: run  # type: ignore[assignment]
        tile = shapes.image_size
        blank = np.random.default_rng(0).integers(0, 256, (config.batch_size, N_FRAMES, 3, tile, tile), np.uint8)
        run.extractor(blank)
        most = ceiling(shapes.ceiling, device, dtype)
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        if with_kernels:
            gpu_clock.kernels(run.extractor, blank)
        clock = gpu_clock.Clock(device)
        flops = operations(run.extractor).times(units=N_FRAMES, rows=1)
        instrument(run, clock)
        plan_rows = stage.plan

        def planned(*args: Any) -> Any:
            store = plan_rows(*args)
            clock.start()
            return store

        stage.plan = planned
        try:
            rows = extract([folder / "videos"], folder / "store.zarr", config).rows_done
        finally:
            stage.plan = plan_rows
        spent = clock.stop()
    finally:
        models.load, stage.prepare = loader, preparer
        sharing._prefill, sharing.SHARINGS["packed"] = kept[:2]
        stage.ShardWriter, Decoders.frames = kept[2:]  # type: ignore[misc, method-assign]
    tokens = len(run.tokens.prefix) + sum(map(len, run.tokens.suffixes))
    return Measured(rows, sum(spent.values()), tokens, flops.total, most, spent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="tiny shapes")
    parser.add_argument("--segments", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--decoders", type=int, help="decoder processes; half the cores, at most 8")
    parser.add_argument("--size", default="320x240", help="WIDTHxHEIGHT of the videos")
    parser.add_argument("--compile", action="store_true", help="as `extract --compile`")
    parser.add_argument("--kernels", action="store_true", help="say where one batch's time on the device goes")
    options = parser.parse_args()
    device, shapes = models.pick_device(options.device), SMALL if options.small else INTERNVL3_8B
    config = ExtractConfig(
        model="random weights",
        device=options.device,
        units="segment",
        length=SEGMENT,
        n_frames=N_FRAMES,
        batch_size=options.batch_size,
        decoders=options.decoders,
        compiled=options.compile,
    )
    with tempfile.TemporaryDirectory() as scratch:
        found = measure(
            shapes, device, Path(scratch), config, options.segments, options.size, with_kernels=options.kernels
        )
    cuda = device.type == "cuda"
    where = torch.cuda.get_device_name(device) if cuda else f"CPU, {torch.get_num_threads()} threads"
    memory = f", {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB at most" if cuda else ""
    print(
        f"{where}{memory}, torch {torch.__version__}, {os.cpu_count()} cores, {config.n_decoders} decoders; "
        f"{found.segments} segments, batches of {config.batch_size}, {options.size} video"
    )
    work = sum(found.spent[name] for name in gpu_clock.MODEL_PARTS)
    total = found.flops * found.segments
    lines = {
        "segments/s": f"{found.segments / found.seconds:.3f}",
        "tokens/s": f"{found.segments * found.tokens / found.seconds:.0f}   ({found.tokens} a segment)",
        "TFLOP a segment": f"{found.flops / 1e12:.4g}",
        "ceiling, TFLOP/s": f"{found.ceiling / 1e12:.4g}   ({shapes.ceiling} x {shapes.ceiling} matrix product)",
        "utilisation of the whole": f"{total / found.seconds / found.ceiling:.1%}",
        "utilisation in the model": f"{total / work / found.ceiling:.1%}",
    }
    for name, value in lines.items():
        print(f"{name:<26}{value}")
    for name, seconds in found.spent.items():
        print(f"{name:<26}{seconds:>8.2f} s{seconds / found.seconds:>8.1%}")


if __name__ == "__main__":
    main()
